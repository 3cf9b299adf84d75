"""Small counts on the driver that expectations judge: no pyspark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """The number of rows with one label, in one split, synthetic or not, in one slice."""

    label: str | None
    split: str | None
    synthetic: bool
    count: int
    slice_: str | None = None


@dataclass(frozen=True)
class LabelCounts:
    """The rows of a table by label and, if requested, by split, by slice, and by synthetic or not.

    Labels are in their string form; a null label or split is None.
    """

    cells: tuple[Cell, ...]

    @property
    def total(self) -> int:
        """All rows."""
        return sum(c.count for c in self.cells)

    @property
    def nulls(self) -> int:
        """Rows without a label."""
        return sum(c.count for c in self.cells if c.label is None)

    @property
    def by_class(self) -> dict[str, int]:
        """Rows of each class, without rows that have no label."""
        return _sums((c.label, c.count) for c in self.cells)

    @property
    def by_split(self) -> dict[str, int]:
        """Rows of each split, without rows in no split."""
        return _sums((c.split, c.count) for c in self.cells)

    @property
    def by_slice(self) -> dict[str | None, LabelCounts]:
        """The counts of each slice; None is a slice like any other."""
        names = dict.fromkeys(c.slice_ for c in self.cells)
        return {name: LabelCounts(tuple(c for c in self.cells if c.slice_ == name)) for name in names}

    @property
    def placed(self) -> LabelCounts:
        """The counts of all rows in some split."""
        return self._where(lambda c: c.split is not None)

    @property
    def synthetic(self) -> LabelCounts:
        """The counts of the synthetic rows."""
        return self._where(lambda c: c.synthetic)

    def within(self, split: str | None) -> LabelCounts:
        """Return the counts of one split; None stands for the rows in no split."""
        return self._where(lambda c: c.split == split)

    def _where(self, keep: Callable[[Cell], bool]) -> LabelCounts:
        return LabelCounts(tuple(filter(keep, self.cells)))


@dataclass(frozen=True)
class Bounds:
    """The range of one feature in the rows of one class, original or synthetic.

    Parameters
    ----------
    missing, fractional : int
        Rows without a value, and rows with a value that is not a whole number.
    """

    label: str | None
    synthetic: bool
    feature: str
    low: float | None
    high: float | None
    missing: int
    fractional: int = 0


@dataclass(frozen=True)
class ScoreCounts:
    """Numbers of scores that cannot be probabilities, by reason.

    For a map of class to probability, `below` and `above` count rows with such a value; `wrong_sum` and
    `wrong_classes` count rows whose values do not add up to one, or whose keys are not the wanted classes.
    `total` is the sum of the scores that are numbers (of a map: 0), to the ninth decimal.
    """

    rows: int
    null: int
    nan: int
    below: int
    above: int
    low: float | None
    high: float | None
    wrong_sum: int = 0
    wrong_classes: int = 0
    total: float = 0.0


@dataclass(frozen=True)
class TimeRange:
    """The first and the last time in one split, as comparable values and as texts."""

    split: str
    first: float | str
    last: float | str
    first_text: str
    last_text: str


def _sums(pairs: Iterable[tuple[str | None, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for name, count in pairs:
        if name is not None:
            sums[name] += count
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
