"""Results of the two aggregations that a whole suite shares, and the counts that expectations take. No pyspark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steelyard.guards._counts import Bounds, Cell, LabelCounts, ScoreCounts, SharedKeys, TimeRange


@dataclass(frozen=True)
class Group:
    """The rows that agree in all columns that were grouped by, and what was measured in them."""

    at: tuple[Any, ...]
    count: int
    measured: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Cells:
    """What one aggregation gives all expectations of a suite: each takes the sums over what it doesn't ask about.

    Parameters
    ----------
    by : tuple of (role, column)
    measures : tuple
        As asked for, see `steelyard.guards._needs.cells`.
    groups : tuple of Group
    """

    by: tuple[tuple[str, str], ...]
    measures: tuple[Any, ...]
    groups: tuple[Group, ...]

    def labels(
        self, label: str, split: str | None = None, synthetic: str | None = None, slice_: str | None = None
    ) -> LabelCounts:
        """Return the rows by label, split, synthetic or not, and slice; columns that are not named are summed over."""
        sums: Counter[tuple[Any, ...]] = Counter()
        for g in self.groups:
            made = bool(self._of(g, "synthetic", synthetic))
            sums[self._of(g, "label", label), self._of(g, "split", split), made, self._of(g, "slice", slice_)] += (
                g.count
            )
        ordered = sorted(sums.items(), key=lambda item: (-item[1], *map(str, item[0])))
        return LabelCounts(tuple(Cell(at[0], at[1], at[2], n, at[3]) for at, n in ordered))

    def times(self, time: str, split: str) -> list[TimeRange]:
        """Return the first and the last time in each split; rows in no split don't count."""
        found: dict[str, TimeRange] = {}
        for g in self.groups:
            seen, name = self._measured(g, ["time", time]), self._of(g, "split", split)
            if name is not None and seen["first"] is not None:
                new = TimeRange(name, seen["first"], seen["last"], seen["first_text"], seen["last_text"])
                found[name] = _wider(found[name], new) if name in found else new
        return list(found.values())

    def bounds(
        self, label: str, synthetic: str, features: Sequence[str], split: str | None, within: str | None
    ) -> list[Bounds]:
        """Return the range of each feature by class and by being synthetic, within one split."""
        found: dict[tuple[Any, ...], Bounds] = {}
        for g in self.groups:
            if split is not None and within is not None and self._of(g, "split", split) != within:
                continue
            for name in features:
                at = (self._of(g, "label", label), bool(self._of(g, "synthetic", synthetic)), name)
                new = Bounds(*at, **self._measured(g, ["range", name]))
                found[at] = _both(found[at], new) if at in found else new
        return list(found.values())

    def scores(
        self, score: str, classes: Sequence[str] | None, tolerance: float, split: str | None = None
    ) -> dict[str | None, ScoreCounts]:
        """Return the faults of the scores, by split where its column is named."""
        measure = ["score", score, None if classes is None else list(classes), tolerance]
        found: dict[str | None, ScoreCounts] = {}
        for g in self.groups:
            new, name = ScoreCounts(g.count, **self._measured(g, measure)), self._of(g, "split", split)
            found[name] = _all_scores(found[name], new) if name in found else new
        return found

    def _of(self, group: Group, role: str, column: str | None) -> Any:
        return None if column is None else group.at[self.by.index((role, column))]

    def _measured(self, group: Group, measure: list[Any]) -> Mapping[str, Any]:
        return group.measured[self.measures.index(measure)]


@dataclass(frozen=True)
class Overlap:
    """Values that occur in the same parts of a table, and the rows that carry them, by part."""

    parts: tuple[str, ...]
    values: int
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Overlaps:
    """Which values occur in which parts, for each kind of sameness that was asked for.

    `chances` holds, by kind, the share of rows that are the same by chance; None where it was not estimated.
    """

    kinds: tuple[Any, ...]
    found: tuple[tuple[Overlap, ...], ...]
    chances: tuple[float | None, ...] = ()

    def of(self, kind: Any) -> tuple[Overlap, ...]:
        """Return what was found for one of `kinds`."""
        return self.found[self.kinds.index(kind)]

    def chance(self, kind: Any) -> float | None:
        """Return the share of rows that are the same by chance; None where it was not estimated."""
        return self.chances[self.kinds.index(kind)]

    def shared(self, kind: Any) -> list[SharedKeys]:
        """Return the values that occur in more than one part."""
        several = [o for o in self.of(kind) if len(o.parts) > 1]
        return sorted((SharedKeys(o.parts, o.values, sum(o.rows.values())) for o in several), key=lambda s: s.splits)


def _wider(a: TimeRange, b: TimeRange) -> TimeRange:
    first, last = (a if a.first <= b.first else b), (a if a.last >= b.last else b)  # type: ignore[operator]
    return TimeRange(a.split, first.first, last.last, first.first_text, last.last_text)


def _both(a: Bounds, b: Bounds) -> Bounds:
    low, high = _least(a.low, b.low), _most(a.high, b.high)
    return replace(a, low=low, high=high, missing=a.missing + b.missing, fractional=a.fractional + b.fractional)


def _all_scores(a: ScoreCounts, b: ScoreCounts) -> ScoreCounts:
    sums = {n: getattr(a, n) + getattr(b, n) for n in ScoreCounts.__dataclass_fields__ if n not in ("low", "high")}
    return ScoreCounts(**sums, low=_least(a.low, b.low), high=_most(a.high, b.high))


def _least(a: float | None, b: float | None) -> float | None:
    return min((x for x in (a, b) if x is not None), default=None)


def _most(a: float | None, b: float | None) -> float | None:
    return max((x for x in (a, b) if x is not None), default=None)
