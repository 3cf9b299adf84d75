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
    COST_FN,
    COST_FP,
    DECISION,
    LABEL,
    PART,
    SCORE,
    WEIGHT,
    ScoredColumns,
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
_HUGE = 1e100
# Sums of one aggregation: name → (amount, of the positive rows or of the others, power).
_AMOUNTS = {
    "pos": (WEIGHT, True, 1),
    "neg": (WEIGHT, False, 1),
    "cost_fn": (COST_FN, True, 1),
    "cost_fp": (COST_FP, False, 1),
    "square_pos": (WEIGHT, True, 2),
    "square_neg": (WEIGHT, False, 2),
    "cost_fn_square": (COST_FN, True, 2),
    "cost_fp_square": (COST_FP, False, 2),
}

TABLE, POSITIVE, ALARM, KEY, BIN = "table", "positive", "alarm", "key", "bin"


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
    roles = ScoredColumns(label, score, positive=positive, weight=weight, cost_fn=cost_fn, cost_fp=cost_fp)
    narrow = roles.narrow(df)
    return Tables(roles, narrow, check(narrow, roles)).scores()[0]


class Tables:
    """The aggregations over checked rows, with a table for each class of each part; of two classes, the positive one.

    The number of distinct scores decides whether a row of a table is one score or a range. Sums are taken in integers,
    so that thresholds and metrics do not depend on the partitioning.
    """

    def __init__(self, roles: ScoredColumns, narrow: DataFrame, summaries: Sequence[Summary]) -> None:
        self._roles = roles
        self._summaries = summaries
        self._own = [roles.positive] if roles.positive is not None else list(roles.classes)
        self._classes = len(self._own)
        # Two splits have what the constants say; more parts share it, so that the driver holds no more than theirs.
        self._shared = max(1.0, len(summaries) / 2)
        self._most = int(MOST_SCORES / self._shared)
        self._long = self._lengthen(narrow)
        self._scales = {name: self._scales_of(*of) for name, of in _AMOUNTS.items()}
        either = np.minimum(self._scales["cost_fn"], self._scales["cost_fp"])
        self._scales |= dict.fromkeys(self._rivals(), either)

    def _scales_of(self, cost: str, positive: bool, power: int) -> Floats:
        """Return the scale of a sum for each table.

        Each class has its own: weights of 1e-6 among the positives stay exact next to 1e15 among the negatives.
        """

        def scale(summary: Summary, own: str) -> float:
            labels = {own} if positive else summary.confusion.keys() - {own}
            return power_scale(summary.greatest(cost, labels) ** power, summary.rows)

        return np.array([scale(summary, own) for summary in self._summaries for own in self._own])

    def _scale(self, name: str) -> Column | float:
        scales = self._scales[name]
        return float(scales[0]) if len(scales) == 1 else F.element_at(number_array(scales), F.col(TABLE) + 1)

    def _lengthen(self, narrow: DataFrame) -> DataFrame:
        """Return one row for each row and class that has tables: the positive class, or each of several."""
        roles = self._roles
        rest = [WEIGHT, COST_FN, COST_FP, BUCKET]
        if roles.positive is not None:
            is_positive, alarm = F.col(LABEL) == roles.positive, F.col(DECISION) == roles.positive
            return narrow.select(
                F.col(PART).alias(TABLE), SCORE, is_positive.alias(POSITIVE), alarm.alias(ALARM), *rest
            )
        names = F.array(*[F.lit(name) for name in roles.classes])
        spread = narrow.select(
            PART,
            F.posexplode(SCORE).alias("class", SCORE),
            (F.array_position(names, F.col(LABEL)) - 1).alias(POSITIVE),
            (F.array_position(names, F.col(DECISION)) - 1).alias(ALARM),
            *rest,
        )
        own = {name: (F.col(name) == F.col("class")).alias(name) for name in (POSITIVE, ALARM)}
        table = F.col(PART) * self._classes + F.col("class")
        return spread.select(table.alias(TABLE), SCORE, own[POSITIVE], own[ALARM], *rest)

    def _sums(self, *, squares: bool = False) -> list[Column]:
        """Return weights and costs of positive and negative rows, as columns of an aggregation."""
        sides = {"pos": F.col(POSITIVE), "neg": ~F.col(POSITIVE)}
        columns = [F.count_if(side).alias(f"count_{name}") for name, side in sides.items()]
        for name, (amount, positive, power) in _AMOUNTS.items():
            given = self._roles.weight is not None if amount == WEIGHT else self._roles.has_costs
            if given and (squares or power == 1):
                value = F.col(WEIGHT) if amount == WEIGHT else F.col(WEIGHT) * F.col(amount)
                side = sides["pos" if positive else "neg"]
                whole = F.when(side, value if power == 1 else value**power).otherwise(0.0)
                columns.append(exact_sum(whole, self._scale(name)).alias(name))
        return columns

    def _rivals(self) -> dict[str, Column]:
        """Return the cost of a row under each other threshold, by the name of its sum."""
        cost = F.col(WEIGHT) * F.when(F.col(POSITIVE), F.col(COST_FN)).otherwise(F.col(COST_FP))
        thresholds = self._roles.rivals if self._roles.has_costs else ()
        wrong = [(F.col(SCORE) >= F.lit(t)) != F.col(POSITIVE) for t in thresholds]
        return {f"rival_{i}": F.when(of, cost).otherwise(0.0) for i, of in enumerate(wrong)}

    def _read(self, found: Arrays) -> Arrays:
        """Return the collected sums, scaled back; counts and zeros stand for weights and costs that are not given."""
        read: Arrays = {name: found[name].astype(np.int64) for name in ("count_pos", "count_neg")}
        for name, (amount, positive, _) in _AMOUNTS.items():
            if name in found:
                read[name] = found[name] / self._scales[name][found[TABLE]]
            else:
                count = read["count_pos" if positive else "count_neg"].astype(np.float64)
                read[name] = count if amount == WEIGHT else np.zeros(len(count))
        return read

    def scores(self) -> list[ScoreTable]:
        """Return the score tables, those of a part together (one job)."""
        keys = [F.col(SCORE) if of.distinct <= self._most else self._range(of) for of in self._summaries]
        exact = all(of.distinct <= self._most for of in self._summaries)
        ends = [] if exact else [F.min(SCORE).alias("low"), F.max(SCORE).alias("high")]
        key = F.col(SCORE) if exact else self._by_part(keys)
        found = collect(self._long.groupBy(TABLE, key.alias(KEY)).agg(*ends, *self._sums()))
        if exact:
            found["low"] = found["high"] = found[KEY]
        read, wanted = self._read(found), ("pos", "neg", "count_pos", "count_neg", "cost_fn", "cost_fp")
        columns = {name: read[name] for name in wanted}
        columns |= {name: found[name].astype(np.float64) for name in ("low", "high")}
        order = np.lexsort((-columns["low"], found[TABLE]))
        of = found[TABLE][order]
        tables = []
        for i in range(len(self._summaries) * self._classes):
            rows = order[np.searchsorted(of, i) : np.searchsorted(of, i, side="right")]
            picked = {name: values[rows] for name, values in columns.items()}
            # With several classes a cost is that of a decision, not of a threshold on one class's score.
            costs = self._roles.has_costs and self._roles.positive is not None
            tables.append(ScoreTable(**picked, has_costs=costs))
        return tables

    def _by_part(self, keys: Sequence[Column]) -> Column:
        """Return the key of the part that a row belongs to."""
        part = F.floor(F.col(TABLE) / self._classes)
        return F.coalesce(*[F.when(part == i, key.cast("double")) for i, key in enumerate(keys)])

    def _range(self, summary: Summary) -> Column:
        """Return a number that never falls as the score rises, with at most `MOST_SCORES` values.

        Probabilities are cut by their log odds, because those of a rare class are close to 0. Scores beyond 1e100 are
        divided first, so that their difference is finite.
        """
        largest = max(abs(summary.low), abs(summary.high))
        unit = largest if largest > _HUGE else 1.0
        low, high = summary.low / unit, summary.high / unit
        score = F.col(SCORE) / F.lit(unit)
        if low >= 0 and high <= 1:
            kept = F.least(F.greatest(score, F.lit(_TINY)), F.lit(1 - _TINY))
            score = F.log(kept) - F.log1p(-kept)
            low, high = (_log_odds(min(max(x, _TINY), 1 - _TINY)) for x in (low, high))
        steps = self._most // self._classes - 1
        return F.floor((score - F.lit(low)) * F.lit(steps / max(high - low, 1e-300)))

    def buckets(self, tables: Sequence[ScoreTable]) -> list[BucketTable]:
        """Return the bucket tables (one job)."""
        most = max(20, min(MOST_BINS, int(MOST_CELLS / self._shared) // (BUCKETS * self._classes)))
        bins = [table.bins(most) for table in tables]
        # The least score of each bin but the lowest one, ascending.
        edges = [table.low[np.flatnonzero(np.diff(own))][::-1] for table, own in zip(tables, bins, strict=True)]
        size = max(len(pad(e)) for e in edges)
        padded = [np.concatenate([e, np.full(size - len(e), np.inf)]) for e in edges]
        own = number_array(padded[0])
        if len(padded) > 1:
            own = F.element_at(F.array(*[number_array(e) for e in padded]), F.col(TABLE) + 1)
        groups = self._long.groupBy(TABLE, bisect(F.col(SCORE), own, size).alias(BIN), ALARM, BUCKET)
        rivals = [exact_sum(cost, self._scale(name)).alias(name) for name, cost in self._rivals().items()]
        found = collect(groups.agg(*self._sums(squares=True), *rivals))
        order = np.lexsort([found[name] for name in (BUCKET, ALARM, BIN, TABLE)])  # sums of floats follow it
        found = {name: values[order] for name, values in found.items()}
        columns = self._read(found) | {name: found[name] for name in (TABLE, BIN, ALARM, BUCKET)}
        columns |= {name: found[name] / self._scales[name][found[TABLE]] for name in self._rivals()}
        return [self._bucket_table(columns, i, assigned) for i, assigned in enumerate(bins)]

    def _bucket_table(self, columns: Arrays, i: int, assigned: Counts) -> BucketTable:
        mine = columns[TABLE] == i
        c = {name: values[mine] for name, values in columns.items()}
        sums = {name: c[name] for name in ("pos", "neg", "cost_fn", "cost_fp", "square_pos", "square_neg")}
        bins, alarm = int(assigned[-1]) - c[BIN].astype(np.int64), c[ALARM].astype(np.bool_)
        squares = np.array([c["cost_fn_square"].sum(), c["cost_fp_square"].sum()])
        rivals = [c[name] for name in self._rivals()]
        buckets = c[BUCKET].astype(np.int64)
        return BucketTable.from_cells(assigned, bins, buckets, alarm, **sums, squares=squares, rivals=rivals)


def _log_odds(p: float) -> float:
    return math.log(p) - math.log1p(-p)
