"""The input and the result of a stage."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TypeVar

from steelyard import __version__
from steelyard.config import STAGES, PipelineConfig, hide_env, load
from steelyard.errors import InputError
from steelyard.frames.tables import read_parquet
from steelyard.frames.workers import check_workers_once, elsewhere, import_ahead
from steelyard.learning import trainer_class
from steelyard.stages._logging import log_event
from steelyard.stages._ownership import TORN, why_foreign
from steelyard.stages.commands.imports import importing
from steelyard.store import Published, RunDir, RunExistsError, Store, new_token, now

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

T = TypeVar("T")

_LIBRARIES = (
    "pyspark",
    "pandas",
    "numpy",
    "pyarrow",
    "scikit-learn",
    "imbalanced-learn",
    "great-expectations",
)


def ignore_warning(message: str) -> None:
    """Ignore a warning."""


def no_session() -> SparkSession:
    """Refuse to make a session, for code that only reads the output of stages."""
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
    warn: Callable[[str], None] = ignore_warning
    stage: str | None = None
    _session: SparkSession | None = field(default=None, repr=False)
    _made: dict[str, Any] | None = field(default=None, init=False, repr=False)
    _due: Sequence[str] = field(default=(), init=False, repr=False)
    """The stages that this process executes: their modules are imported while a session starts."""

    def __post_init__(self) -> None:
        shown = self.warn

        def warn(message: str) -> None:
            message = self.hide(message)
            self.log("warning", logging.WARNING, message=message)
            shown(message)

        self.warn = warn

    def log(self, event: str, level: int = logging.INFO, **more: Any) -> None:
        """Write a record of `logging` on the stage that is being executed."""
        log_event(self.config.name, self.run_id, self.stage, event, level, **more)

    @property
    def run_id(self) -> str:
        """The run's id, the last part of its location."""
        return self.run.location.rstrip("/").rpartition("/")[2]

    def hide(self, value: Any) -> Any:
        """Return text or JSON with secrets replaced by the placeholders of the configuration."""
        return hide_env(value, self.config.to_json())

    @property
    def spark(self) -> SparkSession:
        """The session, made at the first access, with executors that match this process."""
        if self._session is None:
            with importing(self._due, self.config.train.trainer):
                session = self.make_session()
            if elsewhere(session):
                check_workers_once(session)
            elif "train" in self._due:
                module = trainer_class(self.config.train.trainer).worker_module
                import_ahead(session, [module] if module else [])
            self._session = session
            self._describe_jobs()
        return self._session

    def _describe_jobs(self) -> None:
        """Name the run and the stage in Spark's UI and event log, in addition to Spark's own line of code."""
        from pyspark.sql.utils import is_remote

        if self._session is not None and not is_remote():
            name = None if self._made is None else f"{self.config.name}/{self.run_id}: {self.stage}"
            self._session.sparkContext.setJobDescription(name)  # type: ignore[arg-type]  # None clears it

    @contextmanager
    def executing(self, stage: str) -> Iterator[None]:
        """Enter the scope in which a stage is executed."""
        self.stage, self._made = stage, {}
        self._describe_jobs()
        try:
            yield
        finally:
            self._made = None
            self._describe_jobs()

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gives, made once while a stage is executed."""
        if self._made is None:
            return make()
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def published(self, stage: str) -> Published:
        """Return the files of a stage that must have been done, see `RunDir.published`."""
        return self.run.published(stage)

    def read(self, stage: str, file: str, folder: str | None = None) -> Any:
        """Return a JSON artifact of a stage, verified."""
        files = self.published(stage)
        return files.read_json(f"{folder or stage}/{files.attempt}/{file}")

    def table(self, stage: str, path: str) -> DataFrame:
        """Return a table that a stage has published at `path`, its files compared with what the stage wrote."""
        self.published(stage).check_table(path)
        return self.written(path)

    def written(self, path: str) -> DataFrame:
        """Return a table that the stage itself has written at `path`."""
        return read_parquet(self.spark, self.run.uri(path))


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


def versions(model: str) -> dict[str, str]:
    """Return the versions of the libraries of a run, those of its trainer included."""
    found = {"steelyard": __version__, "python": platform.python_version()}
    for library in (*_LIBRARIES, *trainer_class(model).libraries):
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
        raise InputError("--resume continues a run, --overwrite deletes it: give one of them")
    if run_id is None and (resume or overwrite):
        raise InputError("--resume and --overwrite need --run-id")
    manifest = {
        "pipeline": config.name,
        "config": config.to_json(),
        "variables": dict(variables),
        "versions": versions(config.train.trainer),
        "created": now(),
    }
    if run_id is not None and store.run(config.name, run_id).exists("run.json"):
        run = store.run(config.name, run_id)
        if overwrite or (not resume and _has_nothing(run)):
            _delete(run, config.name, run_id)
        elif resume:
            run.update_manifest({**manifest, "run_id": run_id, "created": _created(run)})
            return run
    chosen = run_id if run_id is not None else new_token()
    return store.create(config.name, chosen, {**manifest, "run_id": chosen})


def _has_nothing(run: RunDir) -> bool:
    """Whether a run ended in its first stage, before anything could be reused; while it runs, there is no outcome."""
    first = run.outcome(STAGES[0])
    return first is not None and not first.done


def _created(run: RunDir) -> str:
    """Return when a run was made; where `run.json` can't be read, when its profile began, else now."""
    try:
        found = run.manifest().get("created")
    except InputError:
        found = None
    profile = run.outcome("profile")
    return found if isinstance(found, str) else now() if profile is None else profile.started


def _delete(run: RunDir, pipeline: str, run_id: str) -> None:
    """Delete a run that is to be overwritten.

    Raises
    ------
    RunExistsError
        If steelyard did not make it, or it holds files that steelyard did not make.
    """
    why = why_foreign(run, pipeline, run_id)
    if why not in (None, TORN):  # a claim that was killed leaves an empty `run.json`
        raise RunExistsError(
            f"--overwrite doesn't delete {run.location}: {why}; take another --run-id, or move it away"
        )
    run.delete("")


def run_config(run: RunDir) -> PipelineConfig:
    """Return the configuration of a run.

    Raises
    ------
    InputError
        If `run.json` holds none.
    """
    config = run.manifest().get("config")
    if not isinstance(config, dict):
        raise InputError(f"{run.location}/run.json holds no pipeline's configuration; steelyard did not write it")
    return load(config)
