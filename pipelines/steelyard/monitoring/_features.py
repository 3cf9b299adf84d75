"""Drift of features: new rows in cells whose shares in the reference the profile of a run implies.

The profile holds, for each class, five quantiles of a number and the ten most frequent levels of a category. An edge
is a quantile; a value that is several quantiles is a cell of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from steelyard.kernels.arrays import Counts, Floats
from steelyard.kernels.drift import closest_shares, psi, psi_by_chance
from steelyard.labels import class_name

FeatureDrift = dict[str, Any]

CONFIDENCE = 0.99
"""That no feature without drift is called one, all features together."""
_CLASSES = 3  # whose quantiles are edges: the largest ones
_LEVELS = 20


@dataclass(frozen=True)
class ClassProfile:
    """One feature in one class: its share of all rows, the share of missing values, and quantiles or levels."""

    share: float
    missing: float
    values: Floats
    levels: Floats
    top: Mapping[str, float]
    rest: float
    """Share of each level that is not among the most frequent."""

    def cumulative(self, value: float, *, atom: bool) -> list[tuple[float, float]]:
        """Return the ranges of the cumulative share at a value: one, or for a frequent value below it and up to it."""
        if not len(self.values):
            return [(0.0, 0.0), (1.0, 1.0)] if atom else [(0.0, 1.0)]
        here = self.levels[self.values == value]
        if len(here) > 1:
            before, after = self.levels[self.values < value], self.levels[self.values > value]
            first = float(before.max(initial=0.0)), float(here.min())
            last = float(here.max()), float(after.min(initial=1.0))
            return [first, last] if atom else [(first[1], last[0])]
        if len(here):
            known = float(here[0]), float(here[0])
        else:  # between two quantiles, where the profile does not fix the share
            before, after = self.levels[self.values < value], self.levels[self.values > value]
            known = float(before.max(initial=0.0)), float(after.min(initial=1.0))
        return [known] * (2 if atom else 1)


@dataclass(frozen=True)
class Feature:
    """A feature of the reference.

    Parameters
    ----------
    name : str
    rows : float
        Rows that its shares come from.
    edges : tuple of float
        Of a number, ascending.
    levels : tuple of str
        Of a category.
    classes : tuple of ClassProfile
    """

    name: str
    rows: float
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    classes: tuple[ClassProfile, ...]
    categorical: bool

    @property
    def cells(self) -> int:
        """Number of cells that new rows are counted in: of numbers each edge has one, the last is for missing ones."""
        return len(self.levels) + 2 if self.categorical else 2 * len(self.edges) + 2

    def drift(self, counts: Counts, features: int) -> FeatureDrift:
        """Return PSI, what chance explains, and the cell that changed most.

        Parameters
        ----------
        counts : array of int, shape (cells,)
            New rows.
        features : int
            Number of features that are compared.
        """
        total = float(counts.sum())
        shares = self._levels(counts / total) if self.categorical else self._cells(counts / total)
        names = [name for name, _, _ in shares]
        now, before = (np.array([share[i] for share in shares]) for i in (1, 2))
        used = (now > 0) | (before > 0)
        worst = int(np.argmax(_parts(now, before, total, self.rows)))
        return {
            "psi": psi((now * total).tolist(), (before * total).tolist()) if total else 0.0,
            "by_chance": psi_by_chance(total, self.rows, int(used.sum()), 1 - (1 - CONFIDENCE) / max(features, 1)),
            "cell": names[worst],
            "share": float(now[worst]),
            "reference_share": float(before[worst]),
        }

    def _levels(self, shares: Floats) -> list[tuple[str, float, float]]:
        known = {level: sum(c.share * c.top.get(level, c.rest) for c in self.classes) for level in self.levels}
        missing = sum(c.share * c.missing for c in self.classes)
        other = max(1 - missing - sum(known.values()), 0.0)
        words = [*(f"value {level!r}" for level in self.levels), "any other value", "missing values"]
        before = [*known.values(), other if other > 1e-9 else 0.0, missing]
        return list(zip(words, shares.tolist(), before, strict=True))

    def _cells(self, shares: Floats) -> list[tuple[str, float, float]]:
        missing = float(shares[-1]), sum(c.share * c.missing for c in self.classes)
        filled = max(1 - missing[0], 1e-300), max(1 - missing[1], 1e-300)
        cuts, words = self._cuts(np.cumsum(shares[:-1]) / filled[0], filled[1])
        one, other = closest_shares(*(np.array([cut[i] for cut in cuts]) for i in range(4)))
        cells = zip(words, one * filled[0], other * filled[1], strict=True)
        return [*((word, float(a), float(b)) for word, a, b in cells), ("missing values", *missing)]

    def _cuts(self, cumulative: Floats, filled: float) -> tuple[list[tuple[float, float, float, float]], list[str]]:
        """Return the ranges of cumulative shares at each cut, and names of the cells between cuts."""
        cuts, words, last = [], [], "values"
        for i, edge in enumerate(self.edges):
            atom = any((c.values == edge).sum() > 1 for c in self.classes)
            own = [c.cumulative(edge, atom=atom) for c in self.classes]
            weights = [c.share * (1 - c.missing) / filled for c in self.classes]
            ranges = np.einsum("c,cre->re", np.array(weights), np.array(own)).tolist()
            below, up_to = float(cumulative[2 * i]), float(cumulative[2 * i + 1])
            now = [(below, below), (up_to, up_to)] if atom else [(below, up_to)]
            cuts += [(*a, first, last) for a, (first, last) in zip(now, ranges, strict=True)]
            words.append(f"{last} up to {edge:g}" if not atom else f"{last} below {edge:g}")
            words += [f"the value {edge:g}"] if atom else []
            last = f"values above {edge:g}" if i + 1 == len(self.edges) else f"values above {edge:g} and"
        return cuts, [*words, last]


def _parts(now: Floats, before: Floats, rows: float, reference: float) -> Floats:
    a, b = (np.maximum(of, 0.5 / max(n, 1)) for of, n in ((now, rows), (before, reference)))
    return np.asarray((a - b) * np.log(a / b))


def profiled_features(stats: Mapping[str, Any], rates: Mapping[str, float] | None = None) -> list[Feature]:
    """Return the features of a run's `stats.json` that can be compared: numbers and categories.

    Parameters
    ----------
    stats : mapping
        The content of `stats.json`.
    rates : mapping of str to float, optional
        Class → the share of its rows that the table holds.
    """
    counts = {c: of["count"] for c, of in stats["classes"].items()}
    sizes = {c: n / (rates or {}).get(c, 1.0) for c, n in counts.items()}
    whole = sum(sizes.values())
    drawn = sum((stats.get("quantile_rows") or counts).values())
    found = []
    for name, of in stats["features"].items():
        if of["kind"] not in ("numeric", "categorical") or not of["by_class"]:
            continue
        described = {c: _with_text(d, of.get("type", "")) for c, d in of["by_class"].items() if counts[c]}
        classes = [_class(d, counts[c], sizes[c] / whole) for c, d in described.items()]
        largest = sorted(classes, key=lambda c: -c.share)[:_CLASSES]
        edges = sorted({float(v) for c in largest for v in c.values[1:-1]})
        levels = _most({level for c in classes for level in c.top}, classes)
        categorical = of["kind"] == "categorical"
        rows = float(sum(counts.values()) if categorical else drawn)
        found.append(Feature(name, rows, tuple(edges), levels, tuple(classes), categorical))
    return [f for f in found if f.categorical or f.edges]


def _with_text(of: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return a description whose levels are written as those of new rows: 1 for 1.0, whatever type they have."""
    read = float if kind in ("double", "float") else Decimal if kind.startswith("decimal") else None
    if read is None or "top" not in of:
        return of
    top: Counter[str] = Counter()
    for level, n in of["top"]:
        top[class_name(read(level))] += n
    return {**of, "top": list(top.items())}


def _class(of: Mapping[str, Any], rows: int, share: float) -> ClassProfile:
    missing = of["missing"] / rows
    quantiles = of.get("quantiles") or {}
    known = [(0.0, of.get("min")), *((float(q), v) for q, v in quantiles.items()), (1.0, of.get("max"))]
    pairs = [(q, v) for q, v in known if v is not None]
    top = {level: n / rows for level, n in of.get("top", [])}
    others = max(of.get("distinct", 0) - len(top), 0)
    rest = max(1 - missing - sum(top.values()), 0.0) / others if others else 0.0
    values, levels = (np.array([pair[i] for pair in pairs], dtype=np.float64) for i in (1, 0))
    return ClassProfile(share, missing, values, levels, top, rest)


def _most(levels: set[str], classes: Sequence[ClassProfile]) -> tuple[str, ...]:
    size = {level: sum(c.share * c.top.get(level, 0.0) for c in classes) for level in levels}
    return tuple(sorted(size, key=lambda level: (-size[level], level))[:_LEVELS])
