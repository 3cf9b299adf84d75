"""Scored rows under fixed names, checked by one aggregation before anything is computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.dataset import MOST_AMOUNT as MOST
from steelyard.errors import InputError, closest
from steelyard.metrics._tables import BUCKETS
from steelyard.metrics.expressions import collect, number_array

LABEL, DECISION, SCORE, WEIGHT = "label", "decision", "score", "weight"
COST_FN, COST_FP, BUCKET, PART = "cost_fn", "cost_fp", "bucket", "part"
NO_PROBABILITY = "the scores are not in [0, 1]"
NO_DISTRIBUTION = "the scores of a row do not sum to 1"
_AMOUNTS = (WEIGHT, COST_FN, COST_FP)
_AMOUNTS_ALLOWED = f"0 and {1 / MOST:g} to {MOST:g}"
_OFF_ONE = 1e-3  # probabilities in 32 bits, or with four digits, are taken as such


@dataclass(frozen=True)
class ScoredColumns:
    """The columns of scored rows, as expressions; None where a table has no such column.

    `score` is the score of the positive class; with more than two classes (`positive` is None), an array in the order
    of `classes`. `classes` may be empty if only the positive one matters. Costs are those of missing a positive row and
    of an alarm on a negative one. `part` numbers parts of the table that are evaluated separately, from 0; rows without
    one are left out. `rivals` are other thresholds, whose costs are compared with those of the decisions.
    """

    label: Column
    score: Column
    classes: tuple[str, ...] = ()
    positive: str | None = None
    decision: Column | None = None
    threshold: float | None = None
    weight: Column | None = None
    cost_fn: Column | None = None
    cost_fp: Column | None = None
    bucket: Column | None = None
    part: Column | None = None
    rivals: tuple[float, ...] = ()
    not_probabilities: str | None = None

    @property
    def has_costs(self) -> bool:
        """Whether any cost is given."""
        return self.cost_fn is not None or self.cost_fp is not None

    def narrow(self, df: DataFrame) -> DataFrame:
        """Return the columns alone, under fixed names; scores of several classes as an array in their order."""
        nothing, one = F.lit(0.0), F.lit(1.0)
        narrow = df.select(
            (F.lit(0) if self.part is None else self.part).alias(PART),
            self.label.alias(LABEL),
            (self.score if self.positive is None else self.score.cast("double")).alias(SCORE),
            self._decision().alias(DECISION),
            (one if self.weight is None else self.weight.cast("double")).alias(WEIGHT),
            (nothing if self.cost_fn is None else self.cost_fn.cast("double")).alias(COST_FN),
            (nothing if self.cost_fp is None else self.cost_fp.cast("double")).alias(COST_FP),
            (F.lit(0) if self.bucket is None else self.bucket.cast("int")).alias(BUCKET),
        )
        return narrow if self.part is None else narrow.where(F.col(PART).isNotNull())

    def _decision(self) -> Column:
        if self.decision is not None or self.threshold is None:
            return F.lit("") if self.decision is None else self.decision
        negative = next((name for name in self.classes if name != self.positive), "")
        high = self.score.cast("double") >= F.lit(self.threshold)
        return F.when(high, F.lit(self.positive)).otherwise(F.lit(negative))


def matrix_cost(
    label: Column, decision: Column, classes: Sequence[str], matrix: Mapping[str, Mapping[str, float]]
) -> Column:
    """Return the cost of each row's decision among several classes."""
    costs = {a: [float(matrix.get(a, {}).get(d, 0.0)) for d in classes] for a in classes}
    names = F.array(*[F.lit(c) for c in classes])
    own = F.create_map(*[part for a, of in costs.items() for part in (F.lit(a), number_array(np.array(of)))])
    return F.element_at(F.try_element_at(own, label), F.array_position(names, decision).cast("int"))


@dataclass(frozen=True)
class Summary:
    """Summary of scored rows.

    Parameters
    ----------
    rows : int
    confusion : dict
        Label → decision → rows.
    low, high : float
        The smallest and the largest score.
    distinct : int
        Estimated number of distinct scores; with several classes, an upper bound.
    largest : dict
        Label → the largest weight, and weighted cost of either error.
    off_one : float
        With several classes, the largest distance of a row's sum of scores from 1.
    """

    rows: int
    confusion: dict[str, dict[str, int]]
    low: float
    high: float
    distinct: int
    largest: dict[str, dict[str, float]]
    off_one: float = 0.0

    def greatest(self, name: str, labels: Iterable[str]) -> float:
        """Return the greatest weight or weighted cost among rows of these labels."""
        return max((self.largest[label][name] for label in labels if label in self.largest), default=0.0)

    @property
    def not_probabilities(self) -> str | None:
        """The reason why the scores are not probabilities; None if they are."""
        if self.low < 0 or self.high > 1:
            return NO_PROBABILITY
        return NO_DISTRIBUTION if self.off_one > _OFF_ONE else None


def check(narrow: DataFrame, roles: ScoredColumns, parts: int = 1) -> list[Summary]:
    """Return a summary of the scored rows of each part.

    Raises
    ------
    InputError
        For an empty part, null or non-finite scores, labels that are not classes, weights or costs that are null
        or negative, buckets out of range, decisions that aren't those of the threshold.
    """
    found = collect(narrow.groupBy(PART, LABEL, DECISION).agg(*_measures(roles)))
    return [_summary({name: of[found[PART] == i] for name, of in found.items()}, roles) for i in range(parts)]


def _summary(found: Mapping[str, NDArray[Any]], roles: ScoredColumns) -> Summary:
    rows = found["rows"].tolist()
    if not rows:
        raise InputError("there are no scored rows to evaluate")
    labels, decisions = found[LABEL].tolist(), found[DECISION].tolist()
    for i, problem in enumerate(_problems(roles)):
        if count := int(found[f"bad_{i}"].sum()):
            raise InputError(f"in {count:,} of {sum(rows):,} scored rows {problem}")
    _refuse_classes(labels, "labels", roles.classes)
    _refuse_classes(decisions, "decisions", roles.classes if roles.decision is not None else ())
    confusion: dict[str, dict[str, int]] = {}
    largest: dict[str, dict[str, float]] = {}
    for i, label in enumerate(labels):
        confusion.setdefault(label, {})[decisions[i]] = rows[i]
        most = largest.setdefault(label, dict.fromkeys(_AMOUNTS, 0.0))
        most |= {name: max(most[name], float(found[f"largest_{name}"][i])) for name in _AMOUNTS}
    for label, most in largest.items():
        if not most[WEIGHT] > 0:
            raise InputError(f"all weights of class {label!r} are 0, so that nothing can be measured on it")
    return Summary(
        rows=sum(rows),
        confusion=confusion,
        low=float(found["low"].min()),
        high=float(found["high"].max()),
        distinct=int(found["distinct"].sum()),
        largest=largest,
        off_one=float(found["off_one"].max()),
    )


def _problems(roles: ScoredColumns) -> dict[str, Column]:
    """Return conditions that no row may meet, by the words of the error."""
    score, bucket = F.col(SCORE), F.col(BUCKET)
    bad_score = F.exists(score, _not_finite) if roles.positive is None else _not_finite(score)
    agrees: Column = F.lit(True)
    if roles.decision is not None and roles.threshold is not None:
        agrees = (F.col(DECISION) == F.lit(roles.positive)).eqNullSafe(score >= F.lit(roles.threshold))
    outside = f"null, negative or not finite, or is outside {_AMOUNTS_ALLOWED}"
    return {
        "the label is null": F.col(LABEL).isNull(),
        "the decision is null": F.col(DECISION).isNull(),
        "the score is null, NaN or infinite, or lacks a class": score.isNull() | bad_score,
        f"the weight is {outside}": bad_amount(F.col(WEIGHT)),
        f"a cost is {outside}": bad_amount(F.col(COST_FN)) | bad_amount(F.col(COST_FP)),
        f"the bucket is null or outside 0 to {BUCKETS - 1}": bucket.isNull() | (bucket < 0) | (bucket >= BUCKETS),
        "the decision isn't the one that score and threshold make": ~agrees,
    }


def _measures(roles: ScoredColumns) -> list[Column]:
    score, several = F.col(SCORE), roles.positive is None
    low, high = (F.array_min(score), F.array_max(score)) if several else (score, score)
    distinct = F.count(F.lit(1)) * len(roles.classes) if several else F.approx_count_distinct(score)
    off_one = F.abs(F.aggregate(score, F.lit(0.0), lambda total, x: total + x) - 1) if several else F.lit(0.0)
    largest = {"off_one": off_one, f"largest_{WEIGHT}": F.col(WEIGHT)}
    largest |= {f"largest_{cost}": F.col(WEIGHT) * F.col(cost) for cost in (COST_FN, COST_FP)}
    return [
        F.count(F.lit(1)).alias("rows"),
        distinct.alias("distinct"),
        F.coalesce(F.min(low), F.lit(0.0)).alias("low"),
        *[F.coalesce(F.max(of), F.lit(0.0)).alias(name) for name, of in {"high": high, **largest}.items()],
        *[F.count_if(F.coalesce(of, F.lit(True))).alias(f"bad_{i}") for i, of in enumerate(_problems(roles).values())],
    ]


def _not_finite(value: Column) -> Column:
    return value.isNull() | F.isnan(value) | (F.abs(value) == F.lit(float("inf")))


def bad_amount(value: Column) -> Column:
    """Return whether a weight or cost cannot be summed: null, NaN, negative, or with a square out of range."""
    return _not_finite(value) | (value < 0) | (value > MOST) | ((value > 0) & (value < 1 / MOST))


def _refuse_classes(found: Sequence[str], role: str, classes: Sequence[str]) -> None:
    unknown = sorted(set(found) - set(classes)) if classes else []
    if unknown:
        shown = ", ".join(repr(name) for name in unknown[:5])
        raise InputError(
            f"{role} that are not classes: {shown}.{closest(unknown[0], classes)} "
            f"The classes are {', '.join(repr(name) for name in classes[:20])}"
        )
