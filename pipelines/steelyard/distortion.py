"""How training changed the class prior: the one place that says which corrections of a score are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Distortion:
    """How resampling, class weights or a loss changed the class prior that a model learned.

    Parameters
    ----------
    rates : mapping of str to float
        Class → its share of the training mass over its share of the original mass, up to a factor that all classes
        have in common. A class that is not named has the rate 1.
    exact : bool, default True
        Whether a division by the rates gives calibrated probabilities again. Random under-sampling is exact. Not exact:
        a change of the distribution of features within a class (SMOTE, cleaning), and rates that the model does not
        follow (boosted trees with class weights or repeated rows).

    Examples
    --------
    >>> sampled = Distortion({"0": 0.1, "1": 1.0})
    >>> sampled.kind
    'prior shift'
    >>> sampled.then(Distortion({"1": 9.0}, exact=False))
    Distortion(rates={'0': 0.1, '1': 9.0}, exact=False)
    >>> Distortion().kind
    'none'

    References
    ----------
    Dal Pozzolo et al., "Calibrating probability with undersampling for unbalanced classification", SSCI 2015; Saerens,
    Latinne, Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation
    2002.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    exact: bool = True

    @property
    def kind(self) -> str:
        """Return "none", "prior shift" (exact rates for each class) or "unknown"."""
        if not self.exact:
            return "unknown"
        return "none" if len({*self.rates.values(), 1.0}) == 1 else "prior shift"

    def rate(self, name: str) -> float:
        """Return the rate of a class."""
        return float(self.rates.get(name, 1.0))

    def then(self, other: Distortion) -> Distortion:
        """Return the distortion of two steps of training, one after the other."""
        names = dict.fromkeys([*self.rates, *other.rates])
        return Distortion({c: self.rate(c) * other.rate(c) for c in names}, self.exact and other.exact)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"rates": dict(self.rates), "exact": self.exact}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Distortion:
        """Return the distortion that `to_json` described."""
        return cls(dict(document["rates"]), document["exact"])
