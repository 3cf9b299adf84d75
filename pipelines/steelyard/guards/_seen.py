"""Results of the metrics that all expectations of a suite share. No pyspark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.guards._counts import Bounds, Cell, LabelCounts, ScoreCounts, TimeRange

_MERGED: dict[str, Callable[..., Any]] = {"low": min, "first": min, "high": max, "last": max}
"""How two values of a measure give that of both groups; all others are added."""


@dataclass(frozen=True)
class Group:
    """Rows with equal values in all columns that define the cells, and the values of each measure."""

    at: tuple[Any, ...]
    count: int
    measured: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Cells:
    """Rows by some columns, for all expectations of a suite: each sums over the columns that it does not use.

    Parameters
    ----------
    by : tuple of (role, column)
    measures : tuple
        See `steelyard.guards._needs.cells`.
    groups : tuple of Group
    """

    by: tuple[tuple[str, str], ...]
    measures: tuple[Any, ...]
    groups: tuple[Group, ...]

    def labels(
        self, label: str, split: str | None = None, synthetic: str | None = None, slice_: str | None = None
    ) -> LabelCounts:
        """Return the rows by label, split, synthetic or not, and slice, summed over columns that are not named."""
        roles = {"label": label, "split": split, "synthetic": synthetic, "slice": slice_}
        sums: Counter[tuple[Any, ...]] = Counter()
        for g in self.groups:
            sums[self._at(g, roles)] += g.count
        ordered = sorted(sums.items(), key=lambda item: (-item[1], *map(str, item[0])))
        return LabelCounts(tuple(Cell(name, part, bool(made), n, of) for (name, part, made, of), n in ordered))

    def times(self, time: str, split: str) -> list[TimeRange]:
        """Return the first and the last time in each split; rows in no split do not count."""
        found = self._measured(["time", time], {"split": split})
        held = {name: m for (name,), m in found.items() if name is not None and m["first"] is not None}
        pairs = ((name, *zip(m["first"], m["last"], strict=True)) for name, m in held.items())
        return [TimeRange(name, *values, *texts) for name, values, texts in pairs]

    def bounds(
        self, label: str, synthetic: str, features: Sequence[str], split: str | None, within: str | None
    ) -> list[Bounds]:
        """Return the range of each feature by class, in original and in synthetic rows, within one split."""
        roles = {"label": label, "synthetic": synthetic, "split": split if within is not None else None}
        found = {name: self._measured(["range", name], roles) for name in features}
        cells = [at for at in next(iter(found.values()), {}) if at[2] == within or roles["split"] is None]
        return [Bounds(at[0], bool(at[1]), name, **found[name][at]) for at in cells for name in features]

    def broken(
        self, domain: Mapping[str, Mapping[str, Any]], synthetic: str, split: str | None, within: str | None
    ) -> dict[tuple[str, bool], int]:
        """Return the rows that break the domain of each feature, in original and in synthetic rows of one split."""
        roles = {"synthetic": synthetic, "split": split if within is not None else None}
        found: Counter[tuple[str, bool]] = Counter()
        for name, fields in domain.items():
            for (made, part), measured in self._measured(["domain", name, dict(fields)], roles).items():
                if part == within or roles["split"] is None:
                    found[name, bool(made)] += measured["broken"]
        return dict(found)

    def scores(
        self, score: str, classes: Sequence[str] | None, tolerance: float, split: str | None = None
    ) -> dict[str | None, ScoreCounts]:
        """Return the faults of the scores, by split if its column is named."""
        measure = ["score", score, None if classes is None else list(classes), tolerance]
        return {name: ScoreCounts(**m) for (name,), m in self._measured(measure, {"split": split}).items()}

    def _at(self, group: Group, roles: Mapping[str, str | None]) -> tuple[Any, ...]:
        return tuple(None if c is None else group.at[self.by.index((role, c))] for role, c in roles.items())

    def _measured(
        self, measure: list[Any], roles: Mapping[str, str | None]
    ) -> dict[tuple[Any, ...], Mapping[str, Any]]:
        """Return the values of a measure by some columns."""
        place = self.measures.index(measure)
        found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        for g in self.groups:
            at, new = self._at(g, roles), g.measured[place]
            found[at] = {name: _merged(name, found[at][name], new[name]) for name in new} if at in found else new
        return found


def _merged(name: str, *values: Any) -> Any:
    known = [v for v in values if v is not None]
    return _MERGED.get(name, sum)(known) if known else None


@dataclass(frozen=True)
class Overlap:
    """Values that occur in the same parts of a table, and their rows by part."""

    parts: tuple[str, ...]
    values: int
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Overlaps:
    """Which values occur in which parts, for each kind of sameness.

    `chances` holds, by kind, the share of rows that are the same by chance; None where it was not estimated.
    """

    kinds: tuple[Any, ...]
    found: tuple[tuple[Overlap, ...], ...]
    chances: tuple[float | None, ...] = ()

    def of(self, kind: Any) -> tuple[Overlap, ...]:
        """Return what was found for one of `kinds`."""
        return self.found[self.kinds.index(kind)]

    def rows(self, kind: Any, part: str, other: str) -> tuple[int, int]:
        """Return the number of rows of a part, and how many of them equal a row of another part."""
        here = [o for o in self.of(kind) if part in o.parts]
        return sum(o.rows[part] for o in here), sum(o.rows[part] for o in here if other in o.parts)

    def chance(self, kind: Any) -> float | None:
        """Return the share of rows that are the same by chance; None where it was not estimated."""
        return self.chances[self.kinds.index(kind)]

    def shared(self, kind: Any) -> list[Overlap]:
        """Return the values that occur in more than one part."""
        return sorted((o for o in self.of(kind) if len(o.parts) > 1), key=lambda o: o.parts)
