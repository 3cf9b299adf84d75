"""The two aggregations that turn scored rows into small tables, which metrics are computed from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.kernels.arrays import Counts, Floats
from steelyard.metrics._rows import (
    BUCKET,
    COST_NEG,
    COST_POS,
    DECISION,
    LABEL,
    SCORE,
    WEIGHT,
    Roles,
    Summary,
    check,
)
from steelyard.metrics._tables import BUCKETS, BucketTable, ScoreTable
from steelyard.metrics.expressions import bisect, collect, exact_sum, number_array, pad, power_scale

Arrays = dict[str, NDArray[Any]]

MOST_SCORES = 1 << 20  # distinct scores; beyond them a row of the table is a range of scores
MOST_BINS = 500  # of one class's bucket table
MOST_CELLS = 2_000_000  # of the bucket tables of all classes
_TINY = 1e-15

CLASS, POSITIVE, ALARM, KEY, BIN = "class", "positive", "alarm", "key", "bin"


def score_table(
    df: DataFrame,
    *,
    label: Column,
    score: Column,
    positive: str,
    weight: Column | None = None,
    cost_fn: Column | None = None,
    cost_fp: Column | None = None,
) -> ScoreTable:
    """Return weights, counts and costs per distinct score: what thresholds and calibration are fitted on.

    Two jobs: one checks the rows, one aggregates.

    Parameters
    ----------
    df : DataFrame
    label : Column of string
    score : Column of double
        Of the positive class.
    positive : str
        Rows with another label are negative.
    weight : Column, optional
    cost_fn, cost_fp : Column, optional
        Cost of missing a row if it is positive; of an alarm on it if it is negative.

    Returns
    -------
    ScoreTable
        Exact up to about a million distinct scores; beyond, each row is a narrow range of scores.

    Raises
    ------
    InputError
        For null, NaN or infinite scores, null labels, and weights or costs that are null or negative.
    """
    roles = Roles(label, score, positive=positive, weight=weight, cost_pos=cost_fn, cost_neg=cost_fp)
    narrow = roles.narrow(df)
    return Tables(roles, narrow, check(narrow, roles)).scores()[0]


class Tables:
    """The aggregations over checked rows; the number of distinct scores decides between scores and ranges.

    Sums are taken in integers, so that a threshold that is chosen on them, or a number in `metrics.json`, is the
    same from any partitioning.
    """

    def __init__(self, roles: Roles, narrow: DataFrame, summary: Summary) -> None:
        self._roles = roles
        self._summary = summary
        self._classes = max(len(roles.classes), 1) if roles.positive is None else 1
        self._long = self._lengthen(narrow)
        rows, largest = summary.rows, summary.largest
        self._scales = {name: power_scale(largest[name], rows) for name in (WEIGHT, COST_POS, COST_NEG)}

    def _lengthen(self, narrow: DataFrame) -> DataFrame:
        """Return one row for each row and class that has tables: the positive class, or each of several."""
        roles = self._roles
        rest = [WEIGHT, COST_POS, COST_NEG, BUCKET]
        if roles.positive is not None:
            is_positive, alarm = F.col(LABEL) == roles.positive, F.col(DECISION) == roles.positive
            return narrow.select(F.lit(0).alias(CLASS), SCORE, is_positive.alias(POSITIVE), alarm.alias(ALARM), *rest)
        names = F.array(*[F.lit(name) for name in roles.classes])
        spread = narrow.select(
            F.posexplode(SCORE).alias(CLASS, SCORE),
            (F.array_position(names, F.col(LABEL)) - 1).alias(POSITIVE),
            (F.array_position(names, F.col(DECISION)) - 1).alias(ALARM),
            *rest,
        )
        own = {name: (F.col(name) == F.col(CLASS)).alias(name) for name in (POSITIVE, ALARM)}
        return spread.select(CLASS, SCORE, own[POSITIVE], own[ALARM], *rest)

    def _sums(self) -> list[Column]:
        """Return weights and costs of positive and negative rows, as columns of an aggregation."""
        yes = F.col(POSITIVE)
        sides = {"pos": (yes, COST_POS), "neg": (~yes, COST_NEG)}
        columns = [F.count_if(side).alias(f"count_{name}") for name, (side, _) in sides.items()]
        if self._roles.weight is not None:
            columns += [
                exact_sum(F.when(side, F.col(WEIGHT)).otherwise(0.0), self._scales[WEIGHT]).alias(name)
                for name, (side, _) in sides.items()
            ]
        if self._roles.has_costs:
            columns += [
                exact_sum(F.when(side, self._cost(cost)).otherwise(0.0), self._scales[cost]).alias(f"cost_{name}")
                for name, (side, cost) in sides.items()
            ]
        return columns

    @staticmethod
    def _cost(name: str) -> Column:
        return F.col(WEIGHT) * F.col(name)

    def _read(self, found: Arrays) -> Arrays:
        """Return what `_sums` collected, scaled back, with what wasn't asked for put in."""
        count = len(found["count_pos"])
        read: Arrays = {name: found[name].astype(np.int64) for name in ("count_pos", "count_neg")}
        for side, cost in (("pos", COST_POS), ("neg", COST_NEG)):
            weight = found[side] / self._scales[WEIGHT] if side in found else read[f"count_{side}"]
            read[side] = weight.astype(np.float64)
            total = found.get(f"cost_{side}")
            read[f"cost_{side}"] = np.zeros(count) if total is None else total / self._scales[cost]
        return read

    def scores(self) -> list[ScoreTable]:
        """Return the score table of each class (one job)."""
        exact = self._summary.distinct <= MOST_SCORES
        key = F.col(SCORE) if exact else self._range()
        ends = [] if exact else [F.min(SCORE).alias("low"), F.max(SCORE).alias("high")]
        found = collect(self._long.groupBy(CLASS, key.alias(KEY)).agg(*ends, *self._sums()))
        if exact:
            found["low"] = found["high"] = found[KEY]
        columns = self._read(found) | {name: found[name].astype(np.float64) for name in ("low", "high")}
        order = np.lexsort((-columns["low"], found[CLASS]))
        of = found[CLASS][order]
        tables = []
        for i in range(self._classes):
            rows = order[np.searchsorted(of, i) : np.searchsorted(of, i, side="right")]
            picked = {name: values[rows] for name, values in columns.items()}
            tables.append(ScoreTable(**picked, has_costs=self._roles.has_costs))
        return tables

    def _range(self) -> Column:
        """Return a number that never falls as the score rises, with at most `MOST_SCORES` values.

        Probabilities are cut by their log odds: those of a rare class crowd near 0.
        """
        low, high = self._summary.low, self._summary.high
        score = F.col(SCORE)
        if low >= 0 and high <= 1:
            kept = F.least(F.greatest(score, F.lit(_TINY)), F.lit(1 - _TINY))
            score = F.log(kept) - F.log1p(-kept)
            low, high = (_log_odds(min(max(x, _TINY), 1 - _TINY)) for x in (low, high))
        steps = MOST_SCORES // self._classes - 1
        return F.floor((score - F.lit(low)) * F.lit(steps / max(high - low, 1e-300)))

    def buckets(self, tables: Sequence[ScoreTable]) -> list[BucketTable]:
        """Return the bucket table of each class (one job)."""
        most = max(20, min(MOST_BINS, MOST_CELLS // (BUCKETS * self._classes)))
        bins = [table.bins(most) for table in tables]
        edges = [_edges(table, assigned) for table, assigned in zip(tables, bins, strict=True)]
        size = max(len(pad(e)) for e in edges)
        padded = [np.concatenate([e, np.full(size - len(e), np.inf)]) for e in edges]
        own = number_array(padded[0])
        if len(padded) > 1:
            own = F.element_at(F.array(*[number_array(e) for e in padded]), F.col(CLASS) + 1)
        groups = self._long.groupBy(CLASS, bisect(F.col(SCORE), own, size).alias(BIN), ALARM, BUCKET)
        found = collect(groups.agg(*self._sums(), *self._squares()))
        order = np.lexsort([found[name] for name in (BUCKET, ALARM, BIN, CLASS)])  # sums of floats follow it
        found = {name: values[order] for name, values in found.items()}
        columns = self._read(found) | {name: found[name] for name in (CLASS, BIN, ALARM, BUCKET)}
        columns |= {name: found[name] for name in ("square_pos", "square_neg") if name in found}
        return [self._bucket_table(columns, i, assigned) for i, assigned in enumerate(bins)]

    def _squares(self) -> list[Column]:
        if not self._roles.has_costs:
            return []
        sides = (("pos", F.col(POSITIVE), COST_POS), ("neg", ~F.col(POSITIVE), COST_NEG))
        return [
            exact_sum(F.when(side, self._cost(cost) ** 2).otherwise(0.0), self._square_scale(cost)).alias(
                f"square_{name}"
            )
            for name, side, cost in sides
        ]

    def _square_scale(self, cost: str) -> float:
        return power_scale(self._summary.largest[cost] ** 2, self._summary.rows)

    def _bucket_table(self, columns: Arrays, i: int, assigned: Counts) -> BucketTable:
        mine = columns[CLASS] == i
        c = {name: values[mine] for name, values in columns.items()}
        squares = [
            float(c[f"square_{side}"].sum()) / self._square_scale(name) if f"square_{side}" in c else 0.0
            for side, name in (("pos", COST_POS), ("neg", COST_NEG))
        ]
        sums = {name: c[name] for name in ("pos", "neg", "cost_pos", "cost_neg")}
        bins, alarm = int(assigned[-1]) - c[BIN].astype(np.int64), c[ALARM].astype(np.bool_)
        return BucketTable.from_cells(
            assigned, bins, c[BUCKET].astype(np.int64), alarm, **sums, squares=np.array(squares)
        )


def _log_odds(p: float) -> float:
    return math.log(p) - math.log1p(-p)


def _edges(table: ScoreTable, assigned: Counts) -> Floats:
    """Return the least score of each bin but the lowest one, ascending."""
    ends = np.flatnonzero(np.diff(assigned))
    return table.low[ends][::-1]
