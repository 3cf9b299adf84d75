"""From a model's probabilities to calibrated scores and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.columns import col
from steelyard.dataset import MOST_AMOUNT, Cost
from steelyard.deciding._alerts import is_among_top
from steelyard.deciding._auto import Candidate
from steelyard.deciding._calibrators import Calibrator
from steelyard.deciding._classes import ClassCalibrators
from steelyard.deciding._rules import ALERTS, PER_ROW_COST
from steelyard.deciding._steps import calibrator_from_json
from steelyard.deciding._threshold import Threshold
from steelyard.deciding._venn_abers import VennAbers
from steelyard.errors import InputError
from steelyard.metrics.expressions import let, number_array

FORMAT = 1


@dataclass(frozen=True)
class DecisionPolicy:
    """The calibration, costs and threshold that turn a model's probabilities into decisions.

    `fit_policy` makes one from scored validation rows.

    Parameters
    ----------
    classes : tuple of str
        In the order of the model's probabilities.
    positive : str, optional
        None with more than two classes.
    calibration : Calibrator or ClassCalibrators
        Of the positive class, or of all.
    chosen : Threshold, optional
        With two classes.
    priors : mapping of str to float
        Shares of the classes among the original training rows.
    class_weights : mapping of str to float
        With more than two classes: each class's calibrated probability is multiplied by its weight before the greatest
        is decided for. Empty where probabilities are compared as they are.
    cost : Cost
        The costs of the two errors that the threshold was chosen with. With the rule `per_row_cost` its columns are
        read where rows are decided.
    probabilities : bool
        Whether calibrated scores are probabilities; not after a training that changed them in an unknown way, where
        `calibrate` is "none".
    cheapest : float, optional
        With costs: the single threshold with the least cost on validation rows, which other rules are compared with.
    time : str, optional
        The time column, for rules on alerts.
    uncertainty : VennAbers, optional
        Where it was asked for: the interval of probabilities of a row's score.
    candidates : tuple of Candidate
        What the calibration was chosen from; empty where it was named, and with more than two classes.
    calibration_note : str, optional
        A caveat on the calibration, for the user.
    """

    classes: tuple[str, ...]
    positive: str | None
    calibration: Calibrator | ClassCalibrators
    chosen: Threshold | None = None
    priors: Mapping[str, float] = field(default_factory=dict)
    class_weights: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    candidates: tuple[Candidate, ...] = ()
    calibration_note: str | None = None
    probabilities: bool = True
    cheapest: float | None = None
    time: str | None = None
    uncertainty: VennAbers | None = None

    @property
    def threshold(self) -> float | None:
        """The score from which on a row is decided to be positive; None where that depends on more than the score."""
        return None if self.chosen is None else self.chosen.value

    def calibrated(self, probabilities: Column) -> Column:
        """Return the score: the probability of the positive class, or a map from class to probability.

        `probabilities` is an array of doubles in the order of `classes`.
        """
        if self.positive is not None:
            return self.calibration.apply(positive_probability(probabilities, self.classes, self.positive))
        names = F.array(*[F.lit(c) for c in self.classes])
        return F.map_from_arrays(names, self.calibration.apply(probabilities))

    def interval(self, probabilities: Column) -> tuple[Column, Column] | None:
        """Return the ends of the interval of the positive class's probability; None where it was not asked for."""
        if self.uncertainty is None or self.positive is None:
            return None
        score = positive_probability(probabilities, self.classes, self.positive)
        return let(score, self.uncertainty.low.apply), let(score, self.uncertainty.high.apply)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that a decision reads besides the score."""
        if self.chosen is not None and self.chosen.rule == PER_ROW_COST:
            return self.cost.columns
        return (self.time,) if self.time is not None and self.top is not None else ()

    @property
    def alerts(self) -> Mapping[str, Any] | None:
        """The argument of a rule on alerts."""
        rule = None if self.chosen is None else self.chosen.rule
        return rule[ALERTS] if isinstance(rule, Mapping) and ALERTS in rule else None

    @property
    def top(self) -> int | None:
        """How many of the highest scores of a period are decided to be positive, whatever they are."""
        return None if self.alerts is None else self.alerts.get("top")

    def decide(
        self, score: Column, *, period: Column | None = None, share: Column | None = None, part: Column | None = None
    ) -> Column:
        """Return the decided class of a score, as text.

        With the rule `per_row_cost`, `columns` are read too; a row in which one is null or no cost is an error of the
        query. With alerts by `top`, the decision is a window over the rows: give the `period` of each, from
        `period_of`; where the rows are parts of a table, also `part` and the `share` of the period's rows it holds.
        """
        if self.positive is None and self.cost.matrix is not None:
            return cheapest_class(score, self.classes, self.cost.matrix)
        if self.positive is None:
            return greatest_class(score, self.classes, self.class_weights)
        negative = next(c for c in self.classes if c != self.positive)
        if self.top is not None and period is not None:
            whole = F.lit(1.0) if share is None else share
            alarm = is_among_top(score, self.top, period, whole, F.lit(0) if part is None else part)
        elif self.columns:
            alarm = _costs_less(score, self.cost)
        else:
            alarm = score >= F.lit(self.threshold)
        return F.when(alarm, F.lit(self.positive)).otherwise(F.lit(negative))

    @property
    def rule(self) -> dict[str, Any]:
        """How several classes are decided among, for `metrics.json`; with two, the rule alone."""
        if self.positive is not None:
            return {"rule": None if self.chosen is None else self.chosen.rule}
        if self.cost.matrix is not None:
            return {"rule": "least expected cost", "matrix": {a: dict(of) for a, of in self.cost.matrix.items()}}
        if not self.class_weights:
            return {"rule": "greatest probability"}
        return {"rule": "greatest class weight × probability", "class_weights": dict(self.class_weights)}

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "format": FORMAT,
            "classes": list(self.classes),
            "positive": self.positive,
            "calibration": self.calibration.to_json(),
            "calibration_note": self.calibration_note,
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "threshold": None if self.chosen is None else self.chosen.to_json(),
            "priors": dict(self.priors),
            "class_weights": dict(self.class_weights),
            "cost": asdict(self.cost),
            "probabilities": self.probabilities,
            "cheapest": self.cheapest,
            "time": self.time,
            "uncertainty": None if self.uncertainty is None else self.uncertainty.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DecisionPolicy:
        """Return the policy that `to_json` described. steelyard 0.1.0 wrote neither a format nor costs.

        Raises
        ------
        InputError
            For a format that this version does not know.
        """
        if document.get("format", FORMAT) != FORMAT:
            raise InputError(
                f"the decision policy is of format {document['format']!r}; this version of steelyard reads {FORMAT}"
            )
        several = document["positive"] is None
        calibration = (ClassCalibrators.from_json if several else calibrator_from_json)(document["calibration"])
        chosen = None if document["threshold"] is None else Threshold.from_json(document["threshold"])
        interval = document.get("uncertainty")
        return cls(
            tuple(document["classes"]),
            document["positive"],
            calibration,
            chosen,
            document["priors"],
            document.get("class_weights", {}),
            Cost(**document.get("cost", {})),
            tuple(Candidate.from_json(candidate) for candidate in document.get("candidates", [])),
            document.get("calibration_note"),
            document.get("probabilities", True),
            document.get("cheapest"),
            document.get("time"),
            None if interval is None else VennAbers.from_json(interval),
        )


def positive_probability(probabilities: Column, classes: Sequence[str], positive: str) -> Column:
    """Return the probability of the positive class from those of all."""
    return F.element_at(probabilities, list(classes).index(positive) + 1)


def _costs_less(probability: Column, cost: Cost) -> Column:
    """Return whether an alarm has a lower expected cost than none: the Bayes decision of each row (Elkan, 2001)."""
    missed, false = (_amount(of) for of in (cost.false_negative, cost.false_positive))
    return (missed > 0) & (probability * missed >= (1 - probability) * false)


def _amount(cost: str | float | None) -> Column:
    if not isinstance(cost, str):
        return F.lit(float(cost or 0.0))
    value = col(cost).cast("double")
    usable = value.isNotNull() & ~F.isnan(value) & (value >= 0) & (value <= MOST_AMOUNT)
    fault = F.raise_error(
        F.lit(f"cost column {cost!r} is null, negative or not finite in a row: {PER_ROW_COST} needs it")
    )
    return F.when(usable, value).otherwise(fault.cast("double"))


def greatest_class(score: Column, classes: Sequence[str], weights: Mapping[str, float] | None = None) -> Column:
    """Return the class with the greatest weighted probability in a map; of equal ones the first in `classes`."""
    of = weights or {}
    each = F.array(*[F.coalesce(F.try_element_at(score, F.lit(c)) * of.get(c, 1.0), F.lit(-1.0)) for c in classes])
    names = F.array(*[F.lit(c) for c in classes])
    return F.element_at(names, F.array_position(each, F.array_max(each)).cast("int"))


def cheapest_class(score: Column, classes: Sequence[str], matrix: Mapping[str, Mapping[str, float]]) -> Column:
    """Return the class with the least expected cost under the probabilities in a map; of equal ones the first."""
    probabilities = F.array(*[F.coalesce(F.try_element_at(score, F.lit(c)), F.lit(0.0)) for c in classes])
    names = F.array(*[F.lit(c) for c in classes])
    costs = [number_array(np.array([matrix.get(a, {}).get(d, 0.0) for a in classes])) for d in classes]

    def decided(p: Column) -> Column:
        sums = [F.aggregate(F.zip_with(p, of, lambda x, y: x * y), F.lit(0.0), lambda a, b: a + b) for of in costs]
        return let(
            F.array(*sums), lambda each: F.element_at(names, F.array_position(each, F.array_min(each)).cast("int"))
        )

    return let(probabilities, decided)
