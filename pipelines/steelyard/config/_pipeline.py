"""The model of a pipeline YAML."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from steelyard.config._compare import CompareConfig
from steelyard.config._data import DataConfig, SplitConfig
from steelyard.config._evidence import ExplainConfig, PromoteConfig
from steelyard.config._monitor import MonitorConfig
from steelyard.config._operation import AirflowConfig, GuardsConfig, ScoreConfig, SparkConfig
from steelyard.config._training import DecideConfig, GateBound, Recipe, ResampleConfig, TrainConfig
from steelyard.config._values import AUTO, Section


def check_cost_weights(recipe: Recipe | PipelineConfig, cost: Any = None) -> None:
    """Raise `ValueError` for sections that contradict `train.cost_weights`: costs enter once, and calibration is off.

    `cost` has the attributes of `data.cost`; default: that of the pipeline.
    """
    known = recipe.data.cost if isinstance(recipe, PipelineConfig) else cost
    if known.several:
        raise ValueError("train.cost_weights is for two classes, and data.cost.matrix has more; leave one out")
    if known.matrix is None and (known.false_negative is None or known.false_positive is None):
        raise ValueError("train.cost_weights needs data.cost.false_negative and data.cost.false_positive")
    if recipe.train.class_weight != "none":
        raise ValueError("train.cost_weights and train.class_weight both weigh the rows: leave one out")
    if recipe.decide.threshold == "per_row_cost":
        raise ValueError("decide.threshold per_row_cost would count costs that train.cost_weights has counted already")
    if recipe.decide.calibrate not in ("auto", "none"):
        raise ValueError(
            f"decide.calibrate is {recipe.decide.calibrate}, but with train.cost_weights scores are not probabilities"
        )


class PipelineConfig(Section):
    """A whole pipeline."""

    version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    data: DataConfig
    split: SplitConfig = SplitConfig()
    resample: ResampleConfig = ResampleConfig()
    train: TrainConfig = TrainConfig()
    decide: DecideConfig = DecideConfig()
    compare: CompareConfig | None = None
    gate: dict[str, GateBound] = {}
    explain: ExplainConfig | None = None
    promote: PromoteConfig | None = None
    guards: GuardsConfig = GuardsConfig()
    spark: SparkConfig = SparkConfig()
    airflow: AirflowConfig = AirflowConfig()
    score: ScoreConfig | None = None
    monitor: MonitorConfig | None = None

    @model_validator(mode="after")
    def _combinations(self) -> PipelineConfig:
        if self.split.method == "temporal" and self.data.time is None:
            raise ValueError("split.method is temporal, which needs data.time")
        if self.split.method == "group" and self.data.group is None:
            raise ValueError("split.method is group, which needs data.group")
        if self.split.method == "stratified" and self.data.group is not None:
            raise ValueError(
                "data.group is given: a stratified split would divide groups; use split.method group (or temporal)"
            )
        if self.train.model == AUTO:
            self._check_auto()
        if self.train.transfer is not None and self.compare is not None:
            raise ValueError("train.transfer and compare: recipes are compared without transfer; leave one out")
        directed = [name for name, of in self.data.domain.items() if of.monotone is not None]
        if directed and self.compare is not None:
            raise ValueError(
                f"data.domain.{directed[0]}.monotone and compare: recipes are compared without it; leave one out"
            )
        if "minimize" in (self.decide.threshold or ()) and not self.data.cost.known:
            raise ValueError("decide.threshold minimizes cost, which needs data.cost")
        if self.train.cost_weights:
            check_cost_weights(self)
        if self.train.class_weight == "cost_matrix" and self.data.cost.matrix is None:
            raise ValueError("train.class_weight is cost_matrix, which needs data.cost.matrix")
        if self.data.cost.several and self.decide.threshold is not None:
            raise ValueError("decide.threshold is for two classes, and data.cost.matrix has more: leave one out")
        if "alerts" in (self.decide.threshold or ()) and self.data.time is None:
            raise ValueError("decide.threshold.alerts needs data.time, the column that says when a row came")
        if "conformal_recall" in (self.decide.threshold or ()) and self.data.weight is not None:
            raise ValueError("decide.threshold.conformal_recall counts rows, and data.weight is given: leave one out")
        return self

    def _check_auto(self) -> None:
        """Raise `ValueError` unless the comparison can choose the model."""
        if self.compare is None:
            raise ValueError("train.model is auto, which needs the section compare: it chooses the model")
        given = sorted(self.train.model_fields_set - {"model", "seed", "num_workers", "fold_models", "device"})
        default = TrainConfig()
        for name in given:
            if getattr(self.train, name) != getattr(default, name):
                raise ValueError(f"train.{name}: with model auto, the comparison chooses it; leave it out")
        search = self.compare.search
        if search is not None and search.negatives_per_positive is not None and self.resample.method != AUTO:
            raise ValueError(
                f"compare.search.negatives_per_positive: resample.method is {self.resample.method}, which decides "
                "that; write resample.method auto, or leave it out"
            )

    @property
    def threshold_rule(self) -> str | dict[str, Any]:
        """The rule for the threshold: as given, else lowest cost if costs are given, else best F2."""
        default: dict[str, Any] = {"minimize": "cost"} if self.data.cost.known else {"maximize": "f2"}
        if self.train.cost_weights:
            default = {"value": 0.5}
        return self.decide.threshold or default

    def to_json(self) -> dict[str, Any]:
        """Return the whole configuration, defaults included, as JSON types; secrets stay placeholders."""
        return self.model_dump(mode="json", by_alias=True)
