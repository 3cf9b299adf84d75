"""Calibrators one after the other, and any calibrator from its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column

from steelyard.deciding._calibrators import Calibrator, Identity, Isotonic, Prior
from steelyard.deciding._log_odds import Beta, Platt, Quadratic, Temperature
from steelyard.errors import InputError
from steelyard.kernels.arrays import Floats


@dataclass(frozen=True)
class Steps(Calibrator):
    """Calibrators one after the other: an exact correction, and what validation rows then show.

    Parameters
    ----------
    steps : tuple of Calibrator
    """

    steps: tuple[Calibrator, ...]

    @property
    def method(self) -> str:  # type: ignore[override]
        """The methods, such as "prior+temperature"."""
        return "+".join(step.method for step in self.steps)

    def apply_numpy(self, p: Floats) -> Floats:
        """Return the calibrated probabilities."""
        for step in self.steps:
            p = step.apply_numpy(p)
        return p

    def apply(self, p: Column) -> Column:
        """Return the calibrated probability."""
        for step in self.steps:
            p = step.apply(p)
        return p

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"method": "steps", "steps": [step.to_json() for step in self.steps]}


def calibrator_from_json(document: Mapping[str, Any]) -> Calibrator:
    """Rebuild what a calibrator's `to_json` gave."""
    if document.get("method") == "steps":
        return Steps(tuple(calibrator_from_json(step) for step in document["steps"]))
    kinds: tuple[type[Calibrator], ...] = (Identity, Prior, Temperature, Platt, Beta, Quadratic, Isotonic)
    kind = next((k for k in kinds if k.method == document.get("method")), None)
    if kind is None:
        raise InputError(f"not a calibrator: {document.get('method')!r}")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in document.items() if k != "method"})
