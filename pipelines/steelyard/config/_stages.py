"""The table of stages: their order, inputs, configuration keys and durations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.config._pipeline import PipelineConfig


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline.

    Parameters
    ----------
    name : str
    reads : tuple of str
        Stages whose output it reads. If one of them is executed again, this one is too.
    keys : tuple of str
        Keys of the configuration that it reads, with all keys below them. `data.cost.columns` stands for the names of
        columns in `data.cost`, where the sampler makes new rows; `decide.threshold.conformal` for whether training
        leaves half of the validation rows to conformal recall; `data.cost.training` for the costs that training reads.
    without : tuple of str
        Keys below `keys` that it does not read.
    weight : float
        Relative duration, for the estimate of the time left: geometric means over the runs in
        tests/unit/test_time_left.py. The first stage also starts Spark, which takes a larger share on small tables; the
        weight of `profile` keeps all these runs within a factor of two.
    group : str
        Its task group in Airflow, where each stage is a task.
    task : str
        Its task in Airflow, where each group of stages is a task. Stages of a task follow each other.
    section : str, optional
        The section of the YAML that the stage needs: without it, the pipeline does not have the stage.
    format : int, default 1
        Version of the stage's output and outcome. `--resume` repeats a stage whose outcome has another version.
        Raise it when a new version cannot read older output. Version 0.1.0 of steelyard wrote none, which reads as 0.
    """

    name: str
    reads: tuple[str, ...]
    keys: tuple[str, ...]
    weight: float
    group: str
    task: str
    without: tuple[str, ...] = ()
    section: str | None = None
    format: int = 1


_TABLE = ("profile", "split")
_DIAGNOSED = (*_TABLE, "diagnose")
_GUARDED = ("guard_raw", "guard_split", "guard_resampled", "guard_scored")
_JUDGED = ("guards.parameters", "guards.quarantine")
_WORTH = ("data.cost", "data.sampling_rate")
_SLICES = "data.slices"

STAGE_TABLE: tuple[Stage, ...] = (
    Stage("profile", (), ("data",), 43.0, "prepare", "data", without=(*_WORTH, _SLICES)),
    Stage("guard_raw", ("profile",), ("guards.raw", "guards.reference", *_JUDGED), 11.0, "prepare", "data"),
    Stage("split", ("profile",), ("split",), 9.0, "prepare", "data"),
    Stage("guard_split", _TABLE, ("guards.split", *_JUDGED), 9.0, "prepare", "data"),
    Stage("diagnose", _TABLE, ("train.model",), 20.0, "balance", "model"),
    Stage(
        "compare",
        _TABLE,
        ("compare", "resample", "train", "decide", *_WORTH),
        60.0,
        "balance",
        "model",
        section="compare",
    ),
    Stage("resample", (*_DIAGNOSED, "compare"), ("resample", "data.cost.columns"), 10.0, "balance", "model"),
    Stage("guard_resampled", (*_DIAGNOSED, "resample"), ("guards.resampled", *_JUDGED), 6.0, "balance", "model"),
    Stage(
        "train",
        (*_TABLE, "compare", "resample"),
        ("train", "decide.threshold.conformal", "data.cost.training"),
        20.8,
        "model",
        "model",
    ),
    Stage("decide", (*_TABLE, "train"), ("decide", *_WORTH), 5.2, "model", "model"),
    Stage("evaluate", (*_TABLE, "train", "decide"), (*_WORTH, _SLICES), 10.0, "model", "verdict"),
    Stage("guard_scored", ("profile", "evaluate"), ("guards.scored", *_JUDGED), 1.7, "model", "verdict"),
    Stage("explain", (*_TABLE, "train", "decide"), ("explain",), 6.0, "model", "verdict", section="explain"),
    Stage("report", (*_GUARDED, "compare", "explain"), ("gate",), 0.2, "publish", "verdict"),
    Stage("gate", ("report",), ("gate",), 0.02, "publish", "verdict"),
    Stage("promote", (*_TABLE, "evaluate", "gate"), ("promote",), 2.0, "publish", "verdict", section="promote"),
)
"""All stages, in order."""

ALL_STAGES: tuple[str, ...] = tuple(stage.name for stage in STAGE_TABLE)
"""Their names."""

STAGES: tuple[str, ...] = tuple(stage.name for stage in STAGE_TABLE if stage.section is None)
"""The names of the stages that every pipeline has."""


def stages_of(config: PipelineConfig) -> tuple[str, ...]:
    """Return the names of a pipeline's stages, in order: those whose section it has, if they need one."""
    return tuple(s.name for s in STAGE_TABLE if s.section is None or getattr(config, s.section) is not None)
