"""What a pipeline YAML may say."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from steelyard.config._secrets import refuse_secret_paths, refuse_secrets
from steelyard.labels import class_name

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36525)
AUTO = "auto"
"""In the place of a sampler: the one that the stage `diagnose` recommends."""


FILE_FORMATS = frozenset({"parquet", "csv", "json", "orc", "text", "avro", "xml"})
"""Formats whose tables are plain files, which can be listed and pinned."""

MISSING = ("", "NA", "NaN", "null", "?")
"""What means "missing" in a CSV file by default, in any case."""


def duration(text: str) -> timedelta:
    """Return the length that `30s`, `15m`, `12h`, `7d` or `2w` says.

    Examples
    --------
    >>> duration("7d").days
    7
    """
    match = re.fullmatch(r"(\d+)\s*([smhdw])", text)
    if match is None:
        raise ValueError(f"{text!r} is no length of time; write a number and one of s, m, h, d, w, such as '7d'")
    try:
        length = timedelta(**{_UNITS[match[2]]: int(match[1])})
    except (OverflowError, ValueError):
        length = timedelta.max
    if length > _LONGEST:
        raise ValueError(f"{text!r} is longer than {_LONGEST.days:,} days")
    return length


def _checked_duration(text: str) -> str:
    duration(text)
    return text


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """Return a class as YAML spells it in the string form that labels have."""
    return class_name(value) if isinstance(value, bool | int | float) else value


def _text_keys(value: Any) -> Any:
    return {_text(k): v for k, v in value.items()} if isinstance(value, dict) else value


def _text_classes(value: Any) -> Any:
    """Return guard parameters with their list of classes in string form."""
    if isinstance(value, dict) and isinstance(value.get("classes"), list):
        return {**value, "classes": [_text(c) for c in value["classes"]]}
    return value


def _markers(value: Any) -> Any:
    """Return markers of missing values as texts: YAML reads null and .nan as values of its own."""
    value = _listed(value)
    if not isinstance(value, list):
        return value
    return ["null" if v is None else "NaN" if v != v else _text(v) for v in value]


Name = Annotated[str, Field(min_length=1)]
Columns = Annotated[list[Name], BeforeValidator(_listed, json_schema_input_type=Name | list[Name])]
Marker = str | int | float | bool | None
Markers = Annotated[list[str], BeforeValidator(_markers, json_schema_input_type=list[Marker] | str)]
Amount = Annotated[float, Field(ge=0)]
ClassText = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int | float | bool)]
Duration = Annotated[str, AfterValidator(_checked_duration)]
Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CostConfig(Section):
    """Costs of the two mistakes, each a column's name or a number."""

    false_negative: Amount | Name | None = None
    false_positive: Amount | Name | None = None


class DataConfig(Section):
    """Where the table is and what its columns mean."""

    path: Name | Annotated[list[Name], Field(min_length=1)] | None = None
    table: Name | None = None
    format: str | None = None
    options: dict[str, str | int | float | bool] = {}
    schema_: str | None = Field(default=None, alias="schema")
    where: str | None = None
    missing: Markers = list(MISSING)
    snapshot: bool = False
    label: Name
    positive: ClassText | None = None
    key: Columns = []
    exclude: Columns = []
    categorical: Columns = []
    group: Name | None = None
    time: Name | None = None
    weight: Name | None = None
    cost: CostConfig = CostConfig()
    on_null_label: Literal["error", "drop", "quarantine"] = "error"

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if self.format == "jdbc":
            if self.path or self.table:
                raise ValueError("a jdbc source takes its table from 'options', not from 'path' or 'table'")
        elif (self.path is None) == (self.table is None):
            raise ValueError("give exactly one of 'path' and 'table'")
        return self

    @model_validator(mode="after")
    def _no_literal_secret(self) -> DataConfig:
        refuse_secrets("option", self.options)
        paths = [self.path] if isinstance(self.path, str) else self.path or []
        refuse_secret_paths("path", {str(i): path for i, path in enumerate(paths)})
        return self

    @model_validator(mode="after")
    def _roles_are_apart(self) -> DataConfig:
        roles = {"group": self.group, "time": self.time, "weight": self.weight}
        clash = [r for r, c in roles.items() if c == self.label]
        if clash or self.label in self.key or self.label in self.categorical:
            raise ValueError(
                f"column {self.label!r} is the label and cannot be {(clash or ['key or category'])[0]} too"
            )
        return self

    @property
    def has_files(self) -> bool:
        """Whether the source is made of files that can be listed and pinned."""
        return self.path is not None and (self.format is None or self.format in FILE_FORMATS)


class SplitConfig(Section):
    """How rows are divided into training, validation and test."""

    method: Literal["stratified", "group", "temporal"] = "stratified"
    validation: Share = 0.1
    test: Share = 0.2
    seed: Seed = 0
    gap: Duration | None = None
    materialize: bool = False

    @model_validator(mode="after")
    def _room_for_training(self) -> SplitConfig:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation {self.validation} and test {self.test} leave no row for training")
        if self.validation == 0 or self.test == 0:
            raise ValueError(
                "validation and test must both be more than 0: the threshold is chosen on one, judged on the other"
            )
        if self.gap is not None and self.method != "temporal":
            raise ValueError("'gap' is for the temporal method")
        return self


class ResampleConfig(Section):
    """A sampler's name, or `auto`: what the stage `diagnose` recommends. Every other key is one of its parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    method: str = "none"

    @property
    def params(self) -> dict[str, Any]:
        """The sampler's parameters, per-class maps keyed by the classes' string form."""
        return {k: _text_keys(v) for k, v in (self.model_extra or {}).items()}


class TrainConfig(Section):
    """The model and how classes are weighted while it learns."""

    model: str = "xgboost"
    class_weight: (
        Literal["none", "balanced"] | Annotated[dict[str, Annotated[float, Field(gt=0)]], BeforeValidator(_text_keys)]
    ) = "none"
    params: dict[str, Any] = {}
    num_workers: Annotated[int, Field(ge=1, le=10_000)] = 2
    seed: Seed = 0


class DecideConfig(Section):
    """How scores become probabilities and probabilities become decisions."""

    calibrate: Literal["auto", "none", "prior", "platt", "isotonic"] = "auto"
    threshold: Annotated[dict[str, Any], Field(min_length=1, max_length=1)] | None = None


class CompareConfig(Section):
    """Candidates to be compared. No stage runs it in this version."""

    candidates: str | list[Any] = "auto"
    metric: str = "pr_auc"
    folds: int = 3


class GateBound(Section):
    """What a metric on the test split must reach: its value, or a bound of its 95 % interval."""

    min: float | None = None
    max: float | None = None
    min_ci95: float | None = None
    max_ci95: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> GateBound:
        if not self.model_fields_set:
            raise ValueError("give at least one of min, max, min_ci95, max_ci95")
        return self


class GuardsConfig(Section):
    """The suite of each checkpoint: a bare name is a shipped one, anything else a path. And their parameters.

    `reference` names a JSON file with the rows of each class that labels are held against, instead of those of the
    latest accepted run of earlier data. With `quarantine`, rows that break an expectation are set aside whole, not only
    counted and named by their keys.
    """

    raw: str = "raw.json"
    split: str = "split.json"
    resampled: str = "resampled.json"
    scored: str = "scored.json"
    reference: str | None = None
    quarantine: bool = False
    parameters: Annotated[dict[str, Any], BeforeValidator(_text_classes)] = {}


class SparkConfig(Section):
    """For runs that make their own session; ignored under spark-submit.

    Without a `master`, it is what `STEELYARD_MASTER` says on the machine of the run, else `local[*]`.
    """

    master: str | None = None
    conf: dict[str, str | int | float | bool] = {}

    @model_validator(mode="after")
    def _no_literal_secret(self) -> SparkConfig:
        refuse_secrets("setting", self.conf)
        refuse_secrets("setting", {"master": self.master or ""})
        return self


class AirflowConfig(Section):
    """When and how a scheduler runs the pipeline."""

    schedule: str | None = None
    start_date: date | datetime = date(2026, 1, 1)
    catchup: bool = False
    retries: Annotated[int, Field(ge=0, le=1000)] = 1
    conn_id: str = "spark_default"
    pool: str | None = None
    on_failure: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")] | None = None


class ScoreConfig(Section):
    """New rows that a schedule scores with the current model; paths may hold `${date}`, which each time fills anew.

    Without a schedule, rows are scored whenever a gate has passed.
    """

    path: str
    out: str
    format: str | None = None
    schedule: str | None = None

    @model_validator(mode="after")
    def _checked(self) -> ScoreConfig:
        refuse_secret_paths("path", {"path": self.path, "out": self.out})
        unknown = sorted(
            {m for text in (self.path, self.out) for m in re.findall(r"\$\{(?!env:)([^}]*)\}", text)} - {"date"}
        )
        if unknown:
            raise ValueError(f"only ${{date}} is known when new rows are scored, got ${{{unknown[0]}}}")
        return self

    def on(self, date: str) -> ScoreConfig:
        """Return it for one day, `YYYY-MM-DD`."""
        filled = {name: getattr(self, name).replace("${date}", date) for name in ("path", "out")}
        return self.model_copy(update=filled)


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
    guards: GuardsConfig = GuardsConfig()
    spark: SparkConfig = SparkConfig()
    airflow: AirflowConfig = AirflowConfig()
    score: ScoreConfig | None = None

    @model_validator(mode="after")
    def _combinations(self) -> PipelineConfig:
        if self.split.method == "temporal" and self.data.time is None:
            raise ValueError("split.method is temporal, which needs data.time")
        if self.split.method == "group" and self.data.group is None:
            raise ValueError("split.method is group, which needs data.group")
        if self.split.method == "stratified" and self.data.group is not None:
            raise ValueError(
                "data.group is given: a stratified split would tear groups apart; use split.method group (or temporal)"
            )
        if self.compare is not None:
            raise ValueError("compare: this version has no stage that compares; leave the section out")
        if "minimize" in self.threshold_rule and self.data.cost == CostConfig():
            raise ValueError("decide.threshold minimizes cost, which needs data.cost")
        return self

    @property
    def threshold_rule(self) -> dict[str, Any]:
        """The rule for the threshold: as given, else least cost where costs are known, else best F2."""
        default = {"maximize": "f2"} if self.data.cost == CostConfig() else {"minimize": "cost"}
        return self.decide.threshold or default

    def to_json(self) -> dict[str, Any]:
        """Return the whole configuration, defaults included, as JSON types; secrets stay placeholders."""
        return self.model_dump(mode="json", by_alias=True)
