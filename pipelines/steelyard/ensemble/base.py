"""The base of trainers of ensembles. Importing it needs no Spark."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError
from steelyard.learning.arrays import ArrayModel, ArrayRows
from steelyard.learning.base import Trainer
from steelyard.learning.local import NO_WEIGHTS, UNTRUSTED, LocalLearner
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance, TrainingData
from steelyard.sampling.strategy import check_strategy

if TYPE_CHECKING:
    from steelyard.ensemble._quotas import Quotas
    from steelyard.learning.local import TaskModel
    from steelyard.learning.model import Model

_SHOWN = 30
MAX_CELLS = 50_000_000
"""Rows × features of a bag: 200 MB as single precision, of which a task holds about three copies."""


class BaggingParameters(Parameters):
    """Parameters that all ensembles of bags have, by the names of imbalanced-learn."""

    n_estimators: int = Field(10, ge=2, le=1000, description="Members, and bags.")
    sampling_strategy: float | str | dict[str, int] = Field(
        "auto",
        description="Rows of a bag, as for under-sampling: auto gives every class the rows of the rarest one; a ratio; "
        "or a map of class to rows.",
    )
    max_cells: int = Field(
        MAX_CELLS,
        ge=1000,
        le=10**10,
        description="Rows × features of a bag at most; beyond it, a bag holds fewer rows of every class.",
    )

    @field_validator("sampling_strategy", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        try:
            checked = check_strategy(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return checked  # pydantic refuses what is neither ratio, word nor map


class MemberParameters(BaggingParameters):
    """Parameters of ensembles whose members may be of any kind: a subclass gives both fields their defaults."""

    estimator: str
    estimator_params: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Leave another estimator its own defaults: those of the ensemble are for the estimator that it has itself."""
        of = cls.model_fields["estimator"].default
        return given if given.get("estimator", of) == of else {"estimator_params": {}, **given}

    @model_validator(mode="after")
    def _trainable(self) -> Self:
        try:
            LocalLearner(self.estimator, self.estimator_params).check()
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self


class EnsembleTrainer(Trainer):
    """Base of the trainers of ensembles, whose members are trained in one task each.

    A subclass defines `parameters` (from `BaggingParameters`), `learner` and, where it isn't the mean of probabilities,
    `aggregation`.

    Attributes
    ----------
    aggregation : {"mean", "sum", "majority"}
        Members' probabilities are averaged, the votes of their weak learners are added, or their decisions are counted.
    """

    parameters: ClassVar[type[Parameters]] = BaggingParameters
    dtype = "float32"
    exact = True
    uses_workers = False
    libraries = ("xgboost", "scikit-learn", "skops")
    failures = (
        (NO_WEIGHTS, "the ensemble's estimator takes no weights: leave out class_weight and data.weight"),
        (
            UNTRUSTED,
            "the ensemble's estimator saves types that are not trusted: take another one, or another algorithm of it, "
            "or allow its module by STEELYARD_ALLOWED_MODULES",
        ),
    )

    @property
    @abstractmethod
    def learner(self) -> LocalLearner:
        """What trains a member."""

    @property
    def aggregation(self) -> str:
        """How members are combined."""
        return "mean"

    @property
    def impute(self) -> bool:  # type: ignore[override]
        """Whether members cannot take missing values."""
        return not self.learner.takes_missing

    @property
    def standardise(self) -> bool:  # type: ignore[override]
        """As `impute`: members that take missing values are trees, which need no scale."""
        return self.impute

    @classmethod
    def model_class(cls) -> type[Model]:
        """Return `EnsembleModel`."""
        from steelyard.ensemble._model import EnsembleModel

        return EnsembleModel

    @classmethod
    def importance(cls, summary: Mapping[str, Any]) -> Importance | None:
        """Return the members' mean shares of the gain."""
        gains = [(g["feature"], g["gain"]) for g in summary.get("importances") or []]
        if not gains:
            return None
        text = ". ".join(["Mean of the members' shares of the gain", *summary.get("messages", ()), ""]).strip()
        return Importance("What the members gain most from", text, gains, True)

    def _quotas(self, counts: Mapping[str, int], bags: int, features: int) -> Quotas:
        from steelyard.ensemble._quotas import quotas

        return quotas(counts, self.params["sampling_strategy"], bags, features, self.params["max_cells"])

    def _smaller(self, of: Quotas) -> list[str]:
        """Return a note where `max_cells` made the bags smaller."""
        text = f"max_cells of {self.params['max_cells']:,} made the bags smaller; raise it for all rows"
        return [text] if of.cut else []


class BaggingTrainer(EnsembleTrainer):
    """Base of ensembles whose members are trained independently: one bag and one Spark task each.

    Costs, after the preprocessing: three scans of the training rows (labels; the hashes of all rows, which are
    persisted for heavy groups and cuts; the bags), one shuffle of the bags, and one crossing into Python.
    """

    balances = True

    @property
    def replacement(self) -> bool:
        """Whether bags are drawn with replacement."""
        return bool(self.params.get("replacement"))

    @property
    def fits_arrays(self) -> bool:
        """Whether members' probabilities are averaged."""
        return self.aggregation == "mean"

    def _fit_arrays(
        self, train: ArrayRows, validation: ArrayRows, sizes: Mapping[str, float], masses: Mapping[str, float]
    ) -> ArrayModel:
        from steelyard.ensemble._arrays import fit_bags

        counts = {c: int((train.label == i).sum()) for i, c in enumerate(sizes)}
        of = self._quotas(counts, self.params["n_estimators"], train.features.shape[1])
        model = fit_bags(train, self.learner, of, replacement=self.replacement, impute=self.impute, seed=self.seed)
        return replace(model, distortion=Distortion(of.rates))

    def _fit(self, data: TrainingData, start: Model | None) -> Model:
        from steelyard.ensemble._bags import class_counts, disjoint_bags, drawn_bags, draws, unit_tables
        from steelyard.ensemble._model import EnsembleModel
        from steelyard.ensemble._out_of_bag import out_of_bag
        from steelyard.learning.tasks import fit_tasks

        counts, names = class_counts(data.rows, data.trained_classes), data.preprocessing.names
        of = self._quotas(counts, self.params["n_estimators"], len(names))
        with unit_tables(data.rows, counts, len(names)) as (units, narrow):
            drawn = draws(narrow, of, self.seed) if self.replacement else None
            bags = drawn_bags(units, drawn) if drawn else disjoint_bags(units, narrow, of, self.seed)
            members = fit_tasks(bags, self.learner, tasks=of.bags, seed=self.seed)
        model = EnsembleModel(
            **self.model_fields(data),
            summary=self._summary(of, members, names),
            distortion=Distortion(of.rates, exact=self.aggregation == "mean"),
            members=tuple(m.model for m in members),
        )
        if drawn is None or not self.params.get("oob_score"):
            return model
        return replace(model, summary={**model.summary, "out_of_bag": out_of_bag(model, units, drawn)})

    def _summary(self, of: Quotas, members: list[TaskModel], names: list[str]) -> dict[str, Any]:
        used = of.used(replacement=self.replacement)
        largest = max(of.counts, key=of.counts.__getitem__)
        rows = " + ".join(f"{n:,}" for n in of.bag.values())
        share = f"{used[largest]:.3g}" if used[largest] < 0.001 else f"{used[largest]:.1%}".replace("%", " %")
        messages = [f"{of.bags} bags of {rows} rows hold {share} of the rows of class {largest!r}"]
        messages += self._smaller(of)
        return {
            "members": len(members),
            "rows_per_bag": of.bag,
            "share_used": used,
            "messages": messages,
            "importances": mean_shares(members, names),
        }


def mean_shares(members: list[TaskModel], names: list[str]) -> list[dict[str, Any]]:
    """Return the most important features, by the mean of the members' shares."""
    shares = [m.importances for m in members if m.importances is not None]
    if not shares:
        return []
    mean = np.mean(shares, axis=0)
    order = sorted(range(len(names)), key=lambda i: (-mean[i], names[i]))
    return [{"feature": names[i], "gain": float(mean[i])} for i in order if mean[i] > 0][:_SHOWN]
