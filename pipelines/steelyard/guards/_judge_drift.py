"""Judge a label distribution against a reference: pure functions from counts to a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.errors import InputError
from steelyard.guards._counts import LabelCounts
from steelyard.guards._verdict import Verdict, more, number, percent, plural
from steelyard.kernels.drift import jensen_shannon, psi, share_ratio_intervals

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Tolerance:
    """The tolerated differences of a label distribution; None disables a measure.

    Parameters
    ----------
    psi, js : float, optional
        The most that the population stability index and the Jensen-Shannon distance may be.
    change : float, optional
        By what part of its share in the reference a class may have less or more: between 0 and 1.
    increase : float, optional
        By what part it may have more, where that isn't `change`.
    confidence : float
        Of all intervals that are judged together.
    min_rows : int
        PSI and Jensen-Shannon distance aren't judged in fewer rows, now or in the reference.
    """

    psi: float | None = None
    js: float | None = None
    change: float | None = None
    increase: float | None = None
    confidence: float = 0.99
    min_rows: int = 1000

    @property
    def band(self) -> tuple[float, float]:
        """The tolerated ratios of a class's share to its share in the reference."""
        less, rise = self.change, self.increase if self.increase is not None else self.change
        return 1 - less if less is not None else 0.0, 1 + rise if rise is not None else math.inf


@dataclass(frozen=True)
class Part:
    """A distribution and its reference: of the whole table, or of a slice."""

    name: str | None
    now: Counts
    before: Counts

    @property
    def sizes(self) -> tuple[int, int]:
        """Rows now, and in the reference."""
        return sum(self.now.values()), sum(self.before.values())

    @property
    def classes(self) -> list[str]:
        """Classes of either, the largest first."""
        return sorted({*self.now, *self.before}, key=lambda c: (-self.before.get(c, 0), -self.now.get(c, 0), c))


def same_distribution(
    column: str,
    counts: LabelCounts,
    reference: Mapping[str, Any],
    tolerance: Tolerance,
    slice_column: str | None = None,
    max_slices: int = 1000,
    against: str = "the reference",
) -> Verdict:
    """Judge whether the classes have the same shares as in a reference, in the table or in each slice.

    A class fails where the whole exact interval of its share ratio is outside the tolerated band: the change is both
    significant and larger than tolerated. A class that is gone, or new, is judged by the same rule. Confidence is that
    of all intervals together (Bonferroni).

    Raises
    ------
    InputError
        If there are more slices than `max_slices`.
    """
    parts = [p for p in _parts(counts, reference, slice_column, max_slices) if all(p.sizes)]
    if not parts:
        nothing = f"column {column!r} or {against} has no label"
        return Verdict(False, nothing, {"rows": sum(counts.by_class.values())}, _wanted(tolerance))
    wholes = [_whole(p, tolerance) for p in parts]
    intervals = sum(len(p.classes) for p in parts) if tolerance.change is not None else 0
    rows = [row for p in parts for row in _changes(p, tolerance, 1 - (1 - tolerance.confidence) / max(intervals, 1))]
    apart = [w for w in wholes if w["wrong"]]
    wrong = [r for r in rows if r.pop("wrong")]
    faults = [_whole_fault(w, tolerance) for w in apart[:5]] + [_fault(r) for r in wrong[:5]]
    named = {p["slice"] for p in (*apart, *wrong)}
    where = f" in {number(len(named))} of {plural(len(parts), 'slice')} by {slice_column!r}" if slice_column else ""
    if faults:
        rest = more([*apart[5:], *wrong[5:]], 0)
        message = f"the classes of column {column!r} differ{where} from {against}: {'; '.join(faults)}{rest}"
        message += f"; expected {_expected(tolerance)}"
    else:
        each = f" in each of {plural(len(parts), 'slice')} by {slice_column!r}" if slice_column else ""
        farthest = {k: max(w[k] for w in wholes) for k in ("psi", "js")}
        seen = f"PSI {farthest['psi']:.3g}, Jensen-Shannon distance {farthest['js']:.3g}"
        judged = "no class has changed beyond that and chance" if rows else "classes weren't judged one by one"
        message = f"column {column!r} has{each} the distribution of {against}, within {_expected(tolerance)}: "
        message += f"{seen}; {judged}"
    return Verdict(not faults, message, _observed(wholes, rows, wrong), _wanted(tolerance), _table(apart, wrong, rows))


def _parts(counts: LabelCounts, reference: Mapping[str, Any], slice_column: str | None, most: int) -> list[Part]:
    sliced = any(isinstance(of, Mapping) for of in reference.values())
    whole: Counts = _summed(reference.values()) if sliced else reference
    if slice_column is None:
        return [Part(None, counts.by_class, whole)]
    slices = counts.by_slice
    if len(slices) > most:
        raise InputError(
            f"column {slice_column!r} divides the table into {len(slices):,} slices, more than max_slices ({most:,})"
        )
    own = reference if sliced else {}
    return [Part(str(name), of.by_class, own.get(str(name), whole)) for name, of in slices.items()]


def _summed(parts: Iterable[Counts]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            sums[name] = sums.get(name, 0) + count
    return sums


def _whole(part: Part, tolerance: Tolerance) -> dict[str, Any]:
    now, before = ([of.get(c, 0) for c in part.classes] for of in (part.now, part.before))
    found = {"psi": psi(now, before), "js": jensen_shannon(now, before)}
    enough = min(part.sizes) >= tolerance.min_rows
    over = {k for k, most in (("psi", tolerance.psi), ("js", tolerance.js)) if most is not None and found[k] > most}
    return {"slice": part.name, **found, "wrong": over if enough else set()}


def _changes(part: Part, tolerance: Tolerance, confidence: float) -> list[dict[str, Any]]:
    """Return each class's rows, shares, ratio of shares and its interval."""
    if tolerance.change is None:
        return []
    (total, before_total), classes = part.sizes, part.classes
    now, before = ([of.get(c, 0) for c in classes] for of in (part.now, part.before))
    lows, highs = share_ratio_intervals(now, total, before, before_total, confidence)
    smallest, largest = tolerance.band
    return [
        {
            "slice": part.name,
            "class": c,
            "rows": n,
            "of": total,
            "reference rows": r,
            "reference of": before_total,
            "ratio": n / total / (r / before_total) if r else None,
            "low": float(low),
            "high": float(high) if math.isfinite(high) else None,
            "wrong": bool(high < smallest or low > largest),
        }
        for c, n, r, low, high in zip(classes, now, before, lows, highs, strict=True)
    ]


def _fault(row: Mapping[str, Any]) -> str:
    seen = f"{number(row['rows'])} of {number(row['of'])} rows ({percent(row['rows'] / row['of'])})"
    before = percent(row["reference rows"] / row["reference of"])
    change = "new" if row["ratio"] is None else "gone" if not row["rows"] else f"{row['ratio']:.3g} times as much"
    place = f" in slice {row['slice']!r}" if row["slice"] is not None else ""
    high = "∞" if row["high"] is None else f"{row['high']:.3g}"
    return (
        f"class {row['class']!r}{place} has {seen} instead of {before} ({change}, interval {row['low']:.3g} to {high})"
    )


def _whole_fault(whole: Mapping[str, Any], tolerance: Tolerance) -> str:
    names = {"psi": ("PSI", tolerance.psi), "js": ("Jensen-Shannon distance", tolerance.js)}
    place = f" in slice {whole['slice']!r}" if whole["slice"] is not None else ""
    return " and ".join(f"{names[k][0]}{place} is {whole[k]:.3g}" for k in sorted(whole["wrong"], reverse=True))


def _expected(tolerance: Tolerance) -> str:
    low, high = tolerance.band
    wanted = [f"a PSI of at most {tolerance.psi:g}"] if tolerance.psi is not None else []
    wanted += [f"a Jensen-Shannon distance of at most {tolerance.js:g}"] if tolerance.js is not None else []
    wanted += [f"{low:.3g} to {high:.3g} times the share of each class"] if tolerance.change is not None else []
    return " and ".join(wanted) or "nothing"


def _wanted(tolerance: Tolerance) -> dict[str, Any]:
    names = ("psi", "js", "change", "increase", "confidence")
    return {n: getattr(tolerance, n) for n in names if getattr(tolerance, n) is not None}


def _observed(
    wholes: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], wrong: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    found: dict[str, Any] = {k: round(max(w[k] for w in wholes), 9) for k in ("psi", "js")}
    if rows:
        found["changed"] = len(wrong)
        found["judged"] = len(rows)
    return found


def _table(
    apart: Sequence[Mapping[str, Any]], wrong: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the failures for Data Docs: classes if they are judged, else the distances."""
    if wrong:
        drop = {"of", "reference of"} | ({"slice"} if wrong[0]["slice"] is None else set())
        return [{k: v for k, v in r.items() if k not in drop} for r in wrong]
    return [{k: w[k] for k in ("slice", "psi", "js") if w[k] is not None} for w in apart]
