"""Call the library's own NumPy code inside Spark's Python workers, and check that they match the driver."""

from __future__ import annotations

import importlib
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from steelyard import __version__
from steelyard.errors import EngineError, reason

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MISSING = (
    "The Python of a Spark executor has no steelyard. Install it there, or ship it: "
    "spark-submit --py-files steelyard.zip (a wheel renamed to .zip will do), "
    "or spark.addArtifacts('steelyard.zip', pyfile=True) on Spark Connect."
)
_ASKED = 8  # tasks: they reach as many executors as are free, and cost nothing


def in_worker(module: str, function: str, **settings: Any) -> Callable[[Any], Any]:
    """Return a function of one table that calls `module.function(table, **settings)` where it is run.

    It is pickled by value and imports the library only when it is called, so that an executor without steelyard fails
    with a clear error instead of one about unpickling.

    Parameters
    ----------
    module, function : str
    **settings
        Small plain values: they travel with every task.
    """

    def call(table: Any) -> Any:
        try:
            target = getattr(importlib.import_module(module), function)
        except ModuleNotFoundError as missing:
            if str(missing.name).split(".")[0] != "steelyard":
                raise
            raise RuntimeError(_MISSING) from None
        return target(table, **settings)

    return call


_ahead: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()
_begun: set[str] = set()


def import_ahead(spark: SparkSession, modules: Iterable[str]) -> None:
    """Let the session's Python workers import modules before a task needs them: see `then_importing`."""
    _ahead[spark] = tuple(modules)


def then_importing(spark: SparkSession, task: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """Return a task after which a thread of the worker imports what `import_ahead` names.

    Spark keeps workers for later tasks, and while it plans these, nothing else runs in a worker.
    """
    modules = _ahead.get(spark, ())
    if not modules:
        return task

    def call(batches: Any) -> Iterator[Any]:
        yield from task(batches)
        importlib.import_module("steelyard.frames.workers").begin_imports(modules)

    return call


def begin_imports(modules: Iterable[str]) -> None:
    """Import modules in a thread, once in a process. One that fails is tried again where it is used."""
    new = [name for name in modules if name not in _begun]
    _begun.update(new)

    def run() -> None:
        for name in new:
            with suppress(Exception):
                importlib.import_module(name)

    Thread(target=run, name="steelyard-imports", daemon=True).start()


def elsewhere(spark: SparkSession) -> bool:
    """Whether Python workers are started by another process than this one's own JVM, and so may be others."""
    from pyspark.sql.utils import is_remote

    return is_remote() or re.match(r"local($|\[)", str(spark.conf.get("spark.master", ""))) is None


_fit: WeakSet[Any] = WeakSet()


def check_workers_once(spark: SparkSession) -> None:
    """Call `check_workers` unless the session's workers have already been found to fit."""
    if spark not in _fit:
        check_workers(spark)
        _fit.add(spark)


def check_workers(spark: SparkSession) -> None:
    """Refuse executors whose Python or steelyard differs from the driver's, before long work starts.

    Costs one job of a few empty tasks, which reach some executors of many.

    Raises
    ------
    EngineError
        If they differ in Python's minor version or in steelyard's version, or can't run a task at all.
    """
    try:
        rows = spark.range(0, _ASKED, 1, _ASKED).mapInArrow(_version_task(), "version string").collect()
    except Exception as error:
        if older := re.search(r"worker has different version: (\S+) than", str(error)):
            raise EngineError(
                f"the executors run Python {older[1]} and the driver {platform.python_version()}: their minor versions "
                "must be the same; PYSPARK_PYTHON names the executors' interpreter"
            ) from None
        local = (
            "make it with steelyard.session(), or set os.environ['PYSPARK_PYTHON'] = sys.executable before it starts"
        )
        raise EngineError(
            f"the executors' Python can't run a task: {reason(error)}; PYSPARK_PYTHON names their interpreter"
            + ("" if elsewhere(spark) else f". For a local session: {local}")
        ) from None
    found = {row["version"] for row in rows} - {__version__}
    if None in found:
        raise EngineError(_MISSING)
    if found:
        raise EngineError(
            f"executors have steelyard {', '.join(sorted(found))} and the driver {__version__}: install the same "
            "there, or ship it with --py-files"
        )


def _version_task() -> Callable[[Any], Any]:
    """Return a task that reports a worker's version of steelyard; like that of `in_worker`, it is pickled by value."""

    def report(batches: Any) -> Any:
        import pyarrow

        version: str | None = None
        with suppress(ModuleNotFoundError):
            version = importlib.import_module("steelyard").__version__
        for batch in batches:
            versions = pyarrow.array([version] * batch.num_rows, pyarrow.string())
            yield pyarrow.RecordBatch.from_arrays([versions], ["version"])

    return report


def nullable(kind: Any) -> Any:
    """Return a Spark type of which every part may be null, because results from Python have no nullability."""
    from pyspark.sql import types as T

    if isinstance(kind, T.StructType):
        return T.StructType([T.StructField(f.name, nullable(f.dataType)) for f in kind.fields])
    if isinstance(kind, T.ArrayType):
        return T.ArrayType(nullable(kind.elementType))
    if isinstance(kind, T.MapType):
        return T.MapType(nullable(kind.keyType), nullable(kind.valueType))
    return kind


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep NumPy to one thread, where threadpoolctl is there to do so: Spark already runs a task on each core."""
    try:
        threadpool_limits = importlib.import_module("threadpoolctl").threadpool_limits
    except ModuleNotFoundError:
        yield
        return
    with threadpool_limits(limits=1):
        yield
