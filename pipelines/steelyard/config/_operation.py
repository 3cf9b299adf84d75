"""The sections `guards`, `spark`, `airflow` and `score`."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from steelyard.config._secrets import refuse_secret_paths, refuse_secrets
from steelyard.config._values import Section, text_classes


class GuardsConfig(Section):
    """The suite of each checkpoint (a bare name is a shipped one, anything else a path), and their parameters.

    `reference` names a JSON file with the rows of each class to compare labels with, instead of the latest accepted run
    of earlier data. With `quarantine`, rows that break an expectation are written to files. By default, they are only
    counted and identified by their keys.
    """

    raw: str = "raw.json"
    split: str = "split.json"
    resampled: str = "resampled.json"
    scored: str = "scored.json"
    reference: str | None = None
    quarantine: bool = False
    parameters: Annotated[dict[str, Any], BeforeValidator(text_classes)] = {}


class SparkConfig(Section):
    """The Spark session of `steelyard run` and `stage`; ignored under spark-submit.

    The default of `master` is `STEELYARD_MASTER` on the machine of the run, else `local[*]`.
    """

    master: str | None = None
    conf: dict[str, str | int | float | bool] = {}

    @model_validator(mode="after")
    def _no_literal_secret(self) -> SparkConfig:
        refuse_secrets("setting", self.conf)
        refuse_secrets("setting", {"master": self.master or ""})
        return self


class AirflowConfig(Section):
    """When and how a scheduler runs the pipeline.

    `tasks` is what becomes a task, with a Spark session of its own: each stage, each group of stages (`data`, `model`,
    `verdict`), or the whole run.
    """

    schedule: str | None = None
    start_date: date | datetime = date(2026, 1, 1)
    catchup: bool = False
    tasks: Literal["stage", "group", "run"] = "stage"
    retries: Annotated[int, Field(ge=0, le=1000)] = 1
    conn_id: str = "spark_default"
    pool: str | None = None
    on_failure: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")] | None = None


class ScoreConfig(Section):
    """New rows, scored by a schedule with the current model; `${date}` in paths is replaced each time.

    Without a schedule, rows are scored after each passed gate.
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
            raise ValueError(f"only ${{date}} is available when new rows are scored, got ${{{unknown[0]}}}")
        return self

    def on(self, date: str) -> ScoreConfig:
        """Return it for one day, `YYYY-MM-DD`."""
        filled = {name: getattr(self, name).replace("${date}", date) for name in ("path", "out")}
        return self.model_copy(update=filled)
