"""What a stage is given, and what it gives back."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from steelyard import __version__
from steelyard.config import STAGES, PipelineConfig, load
from steelyard.errors import InputError
from steelyard.frames.workers import check_workers_once, elsewhere
from steelyard.stages._logging import tell
from steelyard.store import Outcome, RunDir, Store, now, to_json

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LIBRARIES = (
    "pyspark",
    "pandas",
    "numpy",
    "pyarrow",
    "scikit-learn",
    "imbalanced-learn",
    "xgboost",
    "great-expectations",
)


def say_nothing(message: str) -> None:
    """Take a warning that nobody is there to read."""


def no_session() -> SparkSession:
    """Refuse to make a session, for what only reads what stages have written."""
    raise AssertionError("this needs no Spark")


@dataclass
class Context:
    """A run and the engine that it runs on.

    Parameters
    ----------
    run : RunDir
    config : PipelineConfig
        After `profile`, the one in `run.json`.
    make_session : callable
        Returns the SparkSession; called when a stage first needs it.
    warn : callable
        Takes a message for the user.
    stage : str, optional
        The one that is being executed.
    """

    run: RunDir
    config: PipelineConfig
    make_session: Callable[[], SparkSession]
    warn: Callable[[str], None] = say_nothing
    stage: str | None = None
    _session: SparkSession | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shown = self.warn

        def warn(message: str) -> None:
            tell(self, "warning", logging.WARNING, message=message)
            shown(message)

        self.warn = warn

    @property
    def spark(self) -> SparkSession:
        """The session, made when it is first asked for, with executors that fit this process."""
        if self._session is None:
            session = self.make_session()
            if elsewhere(session):
                check_workers_once(session)
            self._session = session
        return self._session

    def published(self, stage: str) -> Outcome:
        """Return the outcome of a stage that must have been done.

        Raises
        ------
        InputError
            If it hasn't.
        """
        outcome = self.run.outcome(stage)
        if outcome is None or not outcome.done:
            state = "has not run" if outcome is None else f"failed ({outcome.message})"
            raise InputError(f"stage {stage} {state} in {self.run.location}; run it first")
        return outcome

    def read(self, stage: str, file: str, folder: str | None = None) -> Any:
        """Return a JSON artifact of a stage."""
        return self.run.read_json(f"{folder or stage}/{self.published(stage).attempt}/{file}")


@dataclass(frozen=True)
class Result:
    """What a stage has made.

    Parameters
    ----------
    artifacts : list of str
        Files and folders, to be listed in the outcome.
    rows : dict
        Rows in and out for each class.
    details : dict
        A small summary.
    """

    artifacts: list[str] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def versions() -> dict[str, str]:
    """Return the versions of what takes part in a run."""
    found = {"steelyard": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def start_run(
    store: Store,
    config: PipelineConfig,
    run_id: str | None,
    variables: Mapping[str, str],
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> RunDir:
    """Claim a run id, or take up an existing run. A run that failed in its first stage doesn't use up its id.

    Raises
    ------
    RunExistsError
        If the run exists and neither `resume` nor `overwrite` is set.
    InputError
        If it is to be resumed without an id.
    """
    if resume and overwrite:
        raise InputError("--resume goes on with a run, --overwrite deletes it: give one of them")
    if run_id is None and (resume or overwrite):
        raise InputError("--resume and --overwrite need --run-id")
    manifest = {
        "pipeline": config.name,
        "config": config.to_json(),
        "variables": dict(variables),
        "versions": versions(),
        "created": now(),
    }
    if run_id is not None and store.run(config.name, run_id).exists("run.json"):
        run = store.run(config.name, run_id)
        if overwrite or (not resume and _has_nothing(run)):
            run.delete("")
        elif resume:
            run.update_manifest({**manifest, "run_id": run_id, "created": run.manifest().get("created", now())})
            return run
    from steelyard.store import new_token

    chosen = run_id if run_id is not None else new_token()
    return store.create(config.name, chosen, {**manifest, "run_id": chosen})


def _has_nothing(run: RunDir) -> bool:
    """Whether a run ended before there was anything to go on with; one that is in its first stage has no outcome."""
    first = run.outcome(STAGES[0])
    return first is not None and not first.done


def run_config(run: RunDir) -> PipelineConfig:
    """Return the configuration that rules a run."""
    return load(to_json(run.manifest()["config"]).decode())
