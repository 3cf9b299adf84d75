"""The stages: their order, what each reads, how long each takes. For those who run, order or schedule them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline.

    Parameters
    ----------
    name : str
    reads : tuple of str
        Stages whose output it reads. Where one of them is executed again, so is this one.
    keys : tuple of str
        Keys of the configuration that it reads, and what is below them. `data.cost.columns` stands for the names of
        columns in `data.cost`.
    without : tuple of str
        Keys below `keys` that it doesn't read.
    weight : float
        How long it takes, for the estimate of the time left; only the proportions matter. Geometric means over the runs
        in tests/unit/test_time_left.py. The first stage also starts Spark, which weighs more the smaller a table is:
        `profile` has the weight that keeps all these runs within a factor of two.
    group : str
        With which others Airflow shows it.
    format : int, default 1
        Version of its output and outcome. `--resume` repeats a stage whose outcome has another one: raise it when this
        version cannot go on with older output. Steelyard 0.1.0 wrote none, which reads as 0.
    """

    name: str
    reads: tuple[str, ...]
    keys: tuple[str, ...]
    weight: float
    group: str
    without: tuple[str, ...] = ()
    format: int = 1


_TABLE = ("profile", "split")
_JUDGED = ("guards.parameters", "guards.quarantine")
_COSTS = ("data.cost",)

STAGE_TABLE: tuple[Stage, ...] = (
    Stage("profile", (), ("data",), 43.0, "prepare", without=_COSTS),
    Stage("guard_raw", ("profile",), ("guards.raw", "guards.reference", *_JUDGED), 11.0, "prepare"),
    Stage("split", ("profile",), ("split",), 9.0, "prepare"),
    Stage("guard_split", _TABLE, ("guards.split", *_JUDGED), 9.0, "prepare"),
    Stage("diagnose", _TABLE, ("train.model",), 20.0, "balance"),
    Stage("resample", (*_TABLE, "diagnose"), ("resample", "data.cost.columns"), 10.0, "balance"),
    Stage("guard_resampled", (*_TABLE, "diagnose", "resample"), ("guards.resampled", *_JUDGED), 6.0, "balance"),
    Stage("train", (*_TABLE, "resample"), ("train",), 20.8, "model"),
    Stage("decide", (*_TABLE, "train"), ("decide", *_COSTS), 5.2, "model"),
    Stage("evaluate", (*_TABLE, "train", "decide"), _COSTS, 10.0, "model"),
    Stage("guard_scored", ("profile", "evaluate"), ("guards.scored", *_JUDGED), 1.7, "model"),
    Stage("report", ("guard_raw", "guard_split", "guard_resampled", "guard_scored"), ("gate",), 0.2, "publish"),
    Stage("gate", ("report",), ("gate",), 0.02, "publish"),
)
"""All stages, in order."""

STAGES: tuple[str, ...] = tuple(stage.name for stage in STAGE_TABLE)
"""Their names."""
