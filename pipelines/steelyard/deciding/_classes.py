"""Calibration where there are more than two classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.deciding._auto import choose_calibrator
from steelyard.deciding._calibrators import Calibrator, Identity
from steelyard.deciding._fit import fit_calibrator, has_both
from steelyard.deciding._steps import calibrator_from_json
from steelyard.errors import ConfigError
from steelyard.kernels.arrays import Floats
from steelyard.metrics import ScoreTable
from steelyard.metrics.expressions import let


@dataclass(frozen=True)
class ClassCalibrators:
    """Each class's probability is calibrated against the rest and weighted; then they are made to add up to 1.

    Parameters
    ----------
    method : str
    calibrators : tuple of Calibrator
        In the order of the classes.
    weights : tuple of float
        What each is multiplied by: for the prior correction one over the class's rate.
    """

    method: str
    calibrators: tuple[Calibrator, ...]
    weights: tuple[float, ...]

    def apply_numpy(self, p: Floats) -> Floats:
        """Return calibrated probabilities: shape (rows, classes), as given."""
        each = [c.apply_numpy(p[:, i]) * w for i, (c, w) in enumerate(zip(self.calibrators, self.weights, strict=True))]
        found = np.stack(each, axis=1)
        total = found.sum(axis=1, keepdims=True)
        return np.where(total > 0, found / np.where(total > 0, total, 1.0), p)

    def apply(self, p: Column) -> Column:
        """Return the same for a column of array<double> in the order of the classes."""
        pairs = zip(self.calibrators, self.weights, strict=True)
        each = F.array(*[c.apply(F.element_at(p, i)) * F.lit(w) for i, (c, w) in enumerate(pairs, 1)])

        def divided(found: Column) -> Column:
            total = F.aggregate(found, F.lit(0.0), lambda a, b: a + b)
            return F.when(total > 0, F.transform(found, lambda q: q / total)).otherwise(p)

        return let(each, divided)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        calibrators = [c.to_json() for c in self.calibrators]
        return {"method": self.method, "classes": calibrators, "weights": list(self.weights)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ClassCalibrators:
        """Rebuild what `to_json` gave."""
        calibrators = tuple(calibrator_from_json(c) for c in document["classes"])
        return cls(document["method"], calibrators, tuple(document["weights"]))


def fit_class_calibrators(
    method: str, classes: Sequence[str], tables: Sequence[ScoreTable], *, rates: Mapping[str, float] | None = None
) -> ClassCalibrators:
    """Return calibrators of several classes, fitted on validation rows.

    Parameters
    ----------
    method : {"auto", "none", "prior", "temperature", "platt", "beta", "quadratic", "isotonic"}
        With `auto`, the one of each class that `choose_calibrator` takes where a calibration is needed.
    classes : sequence of str
    tables : sequence of ScoreTable
        Of each class against the rest. A class without validation rows keeps its scores.
    rates : mapping, optional
        For `prior`: class → training over original mass.
    """
    count = len(classes)
    if method == "prior":
        if rates is None or not all(rates.get(name, 0) > 0 for name in classes):
            raise ConfigError(f"the prior correction needs a positive ratio for each class, got {rates}")
        return ClassCalibrators(method, (Identity(),) * count, tuple(1.0 / rates[name] for name in classes))
    fitted = [_fitted(method, t) if has_both(t) else Identity() for t in tables]
    used = dict.fromkeys(c.method for c in fitted)
    return ClassCalibrators(method if method != "auto" else ", ".join(used), tuple(fitted), (1.0,) * count)


def _fitted(method: str, table: ScoreTable) -> Calibrator:
    return choose_calibrator(table, exact=False).calibrator if method == "auto" else fit_calibrator(method, table)
