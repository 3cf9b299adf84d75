"""From a model's probabilities to calibrated scores and decisions: saved beside the model, used wherever it scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.deciding import Calibrator, ClassCalibrators, Threshold, calibrator_from_json


@dataclass(frozen=True)
class Decision:
    """How a model's probabilities become scores and decisions.

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
    """

    classes: tuple[str, ...]
    positive: str | None
    calibration: Calibrator | ClassCalibrators
    chosen: Threshold | None = None
    priors: Mapping[str, float] = field(default_factory=dict)
    class_weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def threshold(self) -> float | None:
        """The score from which on a row is decided to be positive."""
        return None if self.chosen is None else self.chosen.value

    def calibrated(self, probabilities: Column) -> Column:
        """Return the score: the probability of the positive class, or a map from class to probability."""
        if self.positive is not None:
            return self.calibration.apply(positive_probability(probabilities, self.classes, self.positive))
        names = F.array(*[F.lit(c) for c in self.classes])
        return F.map_from_arrays(names, self.calibration.apply(probabilities))

    def decide(self, score: Column) -> Column:
        """Return the decided class of a score."""
        if self.positive is None:
            return greatest_class(score, self.classes, self.class_weights)
        negative = next(c for c in self.classes if c != self.positive)
        return F.when(score >= F.lit(self.threshold), F.lit(self.positive)).otherwise(F.lit(negative))

    @property
    def rule(self) -> dict[str, Any] | None:
        """How several classes are decided among, for `metrics.json`; None with two classes, which have a threshold."""
        if self.positive is not None:
            return None
        if not self.class_weights:
            return {"rule": "greatest probability"}
        return {"rule": "greatest class weight × probability", "class_weights": dict(self.class_weights)}

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "classes": list(self.classes),
            "positive": self.positive,
            "calibration": self.calibration.to_json(),
            "threshold": None if self.chosen is None else self.chosen.to_json(),
            "priors": dict(self.priors),
            "class_weights": dict(self.class_weights),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Decision:
        """Rebuild what `to_json` gave."""
        several = document["positive"] is None
        rebuild = ClassCalibrators.from_json if several else calibrator_from_json
        chosen = None if document["threshold"] is None else Threshold.from_json(document["threshold"])
        return cls(
            tuple(document["classes"]),
            document["positive"],
            rebuild(document["calibration"]),
            chosen,
            document["priors"],
            document.get("class_weights", {}),
        )


def positive_probability(probabilities: Column, classes: Sequence[str], positive: str) -> Column:
    """Return the probability of the positive class from those of all."""
    return F.element_at(probabilities, list(classes).index(positive) + 1)


def greatest_class(score: Column, classes: Sequence[str], weights: Mapping[str, float] | None = None) -> Column:
    """Return the class with the greatest weighted probability in a map; of equal ones the first in `classes`."""
    of = weights or {}
    each = F.array(*[F.coalesce(F.try_element_at(score, F.lit(c)) * of.get(c, 1.0), F.lit(-1.0)) for c in classes])
    names = F.array(*[F.lit(c) for c in classes])
    return F.element_at(names, F.array_position(each, F.array_max(each)).cast("int"))
