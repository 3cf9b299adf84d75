"""Weak slices: values of one or two features at which decisions are worse than elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, of_key
from steelyard.dataset import Dataset
from steelyard.explaining._bins import Bins, fit_bins
from steelyard.kernels.intervals import wilson
from steelyard.kernels.slices import FEWEST, slice_errors
from steelyard.metrics.expressions import collect

_PAIRED = 20  # features whose pairs are looked at: those with the worst slices
_WHOLE = -1


@dataclass(frozen=True)
class Slice:
    """Rows with some values of one or two features.

    Parameters
    ----------
    where : tuple of dict
        For each feature: `feature`, and `at_least` and `below` of a number, `value` of a category, or `missing`.
    rows : int
    support, errors : mapping of str to int
        Class → its rows, and those of them that are decided wrongly.
    rates : mapping of str to dict
        Class → `value`, the share that is decided wrongly, with `ci95`; and `elsewhere`, that of all other rows.
    error : float
        The mean of the classes' shares of errors, each class weighed by its rarity, see `steelyard.kernels.slices`.
    score : float
        The larger, the worse; of SliceLine.
    p_value : float
        That errors are as frequent here by chance; multiplied by the number of slices that were looked at.
    """

    where: tuple[Mapping[str, Any], ...]
    rows: int
    support: Mapping[str, int]
    errors: Mapping[str, int]
    rates: Mapping[str, Mapping[str, Any]]
    error: float
    score: float
    p_value: float

    def __str__(self) -> str:
        """Return the condition as text."""
        return " and ".join(_text(part) for part in self.where)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types, with the condition as text."""
        return {"slice": str(self), **asdict(self), "where": [dict(part) for part in self.where]}


def weak_slices(
    df: DataFrame,
    data: Dataset,
    *,
    decision: str = "decision",
    features: Sequence[str] | None = None,
    most: int = 10,
    level: float = 0.05,
) -> list[Slice]:
    """Return the slices on which decisions are significantly worse than elsewhere, the worst first.

    Slices are values of one feature (ranges between deciles, or frequent levels), or of two of the 20 features with the
    worst slices. A slice that only repeats a larger one is left out: its error must be larger by itself.

    Costs one scan for the sample that the deciles come from, and one with a small shuffle of counts, two if there are
    more than 20 features; counts are exact.

    Parameters
    ----------
    df : DataFrame
        Decided rows with their features and label.
    data : Dataset
    decision : str, default "decision"
        The decided class, in string form.
    features : sequence of str, optional
        Default: all numbers, booleans and categories; arrays and vectors have no slices.
    most : int, default 10
        Number of slices.
    level : float, default 0.05
        Greatest p-value, corrected for the number of slices with at least 32 rows.
    """
    bins = fit_bins(df, data, features)
    if not bins:
        return []
    codes = [b.code(df) for b in bins]
    label, decided = class_text(df, data.label), col(decision)
    place = of_key({c: i for i, c in enumerate(data.classes)}, label)
    rows = df.select(F.array(*codes).alias("codes"), place.alias("class"), (label != decided).alias("wrong"))
    alone = [(i,) for i in range(len(bins))]
    pairs = list(combinations(range(len(bins)), 2))
    counted = _Counted(rows, bins, len(data.classes))
    if len(bins) <= _PAIRED:
        counted.add([*alone, *pairs])
    else:
        counted.add(alone)
        counted.add(list(combinations(counted.worst(_PAIRED), 2)))
    return counted.slices(data.classes, most, level)


class _Counted:
    """Rows and errors of each class, by slice: features → codes → counts of shape (2, classes)."""

    def __init__(self, rows: DataFrame, bins: Sequence[Bins], classes: int) -> None:
        self._rows, self._bins, self._classes = rows, bins, classes
        self._width = max(b.count for b in bins)
        self._places: list[tuple[int, ...]] = []
        self._codes: list[tuple[int, ...]] = []
        self._counts: list[NDArray[np.int64]] = []
        self._whole = np.zeros((2, classes), dtype=np.int64)

    def add(self, places: Sequence[tuple[int, ...]]) -> None:
        """Count the rows of all slices of some features."""
        cells = F.array(F.lit(0), *[self._cell(of) for of in places])
        long = self._rows.select("class", "wrong", F.posexplode(cells).alias("place", "cell"))
        found = collect(
            long.groupBy("place", "cell", "class").agg(F.count(F.lit(1)).alias("n"), F.count_if("wrong").alias("w"))
        )
        order = np.lexsort([found[name] for name in ("class", "cell", "place")])
        grouped: dict[tuple[int, int], NDArray[np.int64]] = {}
        for i in order:
            at = int(found["place"][i]), int(found["cell"][i])
            counts = grouped.setdefault(at, np.zeros((2, self._classes), dtype=np.int64))
            counts[:, int(found["class"][i])] = found["n"][i], found["w"][i]
        for (place, cell), counts in grouped.items():
            if place == 0:
                self._whole = counts
            else:
                of = places[place - 1]
                self._places.append(of)
                self._codes.append((cell,) if len(of) == 1 else divmod(cell, self._width))
                self._counts.append(counts)

    def _cell(self, of: tuple[int, ...]) -> Column:
        first = F.get("codes", F.lit(of[0]))
        return first if len(of) == 1 else first * self._width + F.get("codes", F.lit(of[1]))

    def worst(self, most: int) -> list[int]:
        """Return the features with the worst slices, in their order."""
        judged = self._judge(range(len(self._places)))
        best: dict[int, float] = {}
        for i, of in enumerate(self._places):
            best[of[0]] = max(best.get(of[0], -np.inf), float(judged.score[i]))
        return sorted(sorted(best, key=lambda place: -best[place])[:most])

    def _judge(self, which: Sequence[int]) -> Any:
        counts = np.array([self._counts[i] for i in which]).reshape(-1, 2, self._classes)
        return slice_errors(counts[:, 0], counts[:, 1], self._whole[0], self._whole[1])

    def slices(self, classes: Sequence[str], most: int, level: float) -> list[Slice]:
        """Return the worst slices that are significant."""
        rows = np.array([c[0].sum() for c in self._counts])
        looked = [int(i) for i in np.flatnonzero((rows >= FEWEST) & (rows < self._whole[0].sum()))]
        if not looked:
            return []
        judged = self._judge(looked)
        p = np.minimum(judged.p_value * len(looked), 1.0)
        errors = {(self._places[i], self._codes[i]): float(judged.error[k]) for k, i in enumerate(looked)}
        order = sorted(range(len(looked)), key=lambda k: (-judged.score[k], *self._at(looked[k])))
        found: list[Slice] = []
        seen: set[bytes] = set()  # counts: two features may say the same, such as a degree and its years
        for k in order:
            i, counts = looked[k], self._counts[looked[k]].tobytes()
            worse = p[k] <= level and judged.score[k] > 0
            if worse and counts not in seen and not self._repeats(self._at(i), errors):
                seen.add(counts)
                found.append(self._slice(i, classes, float(judged.error[k]), float(judged.score[k]), float(p[k])))
        return found[:most]

    def _at(self, i: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self._places[i], self._codes[i]

    def _repeats(self, at: tuple[tuple[int, ...], tuple[int, ...]], errors: Mapping[Any, float]) -> bool:
        """Whether one of a pair's features alone has nearly the error of the pair."""
        places, codes = at
        if len(places) == 1:
            return False
        alone = [errors.get(((place,), (code,)), 0.0) for place, code in zip(places, codes, strict=True)]
        return max(alone) >= 0.8 * errors[at]

    def _slice(self, i: int, classes: Sequence[str], error: float, score: float, p: float) -> Slice:
        rows, wrong = self._counts[i].tolist()
        rates = {}
        for k, name in enumerate(classes):
            if rows[k]:
                others = int(self._whole[0, k]) - rows[k]
                elsewhere = (int(self._whole[1, k]) - wrong[k]) / others if others else None
                low, high = wilson(wrong[k] / rows[k], rows[k])
                rates[name] = {"value": wrong[k] / rows[k], "ci95": [low, high], "elsewhere": elsewhere}
        where = tuple(self._bins[f].where(c) for f, c in zip(self._places[i], self._codes[i], strict=True))
        support, errors = (dict(zip(classes, counts, strict=True)) for counts in (rows, wrong))
        return Slice(where, sum(rows), support, errors, rates, error, score, p)


def _text(part: Mapping[str, Any]) -> str:
    name = part["feature"]
    if part.get("missing"):
        return f"{name} is missing"
    if part.get("rare"):
        return f"{name} is rare"
    if "value" in part:
        return f"{name} = {part['value']}"
    low, high = part.get("at_least"), part.get("below")
    if low is None:
        return f"{name} < {high:g}"
    return f"{name} ≥ {low:g}" if high is None else f"{low:g} ≤ {name} < {high:g}"
