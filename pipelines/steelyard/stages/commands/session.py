"""The SparkSession of a run: the submitter's under spark-submit, else a local one of our own."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.config import SparkConfig, resolve_env
from steelyard.errors import ConfigError, EngineError, InputError
from steelyard.stages._logging import hide_engine_logs
from steelyard.stages.commands._local_java import LocalJava
from steelyard.stages.commands.imports import importing
from steelyard.stages.commands.java import ensure_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SMALL_BYTES, _SMALL_FILES = 32 << 20, 1_000


def own_session(config: SparkConfig, *, small: bool = False) -> SparkSession:
    """Return a session made from a pipeline's `spark` block.

    Workers get this interpreter, the JVM's messages go to a log file instead of the console, and the session's time
    zone is UTC unless the configuration sets another. For `small` tables, see `is_small`, Java compiles for a short
    time of work.
    """
    try:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError('pyspark is not installed: pip install "steelyard[local]"') from None
    hide_engine_logs()
    ensure_java()
    _utf8_for_children()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    master = master_of(config)
    if master.startswith("local"):  # a cluster's executors must reach the driver
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder: Any = SparkSession.builder.master(master).appName("steelyard")
    conf = {**_defaults(master), **resolve_env(config.conf)}
    for key, value in conf.items():
        builder = builder.config(key, str(value).lower() if isinstance(value, bool) else str(value))
    java = LocalJava(conf, small=small) if master.startswith("local") and SparkContext._gateway is None else None
    handle, log = tempfile.mkstemp(prefix="steelyard-spark-", suffix=".log")
    try:
        with _stderr_to(handle), java.launching() if java else nullcontext(), importing():
            session: SparkSession = builder.getOrCreate()
    except Exception as error:  # the launcher's failures have no common base
        first = str(error).strip().splitlines()[0]
        raise EngineError(f"no Spark session on {master}: {first} (Spark's log: {log})") from error
    if java:
        java.launched(session)
    os.unlink(log)  # the JVM keeps writing to it, and no file remains, however the process ends
    return session


def _utf8_for_children() -> None:
    """Let Java and the workers open files with any name: in the C locale, Java supports only ASCII names."""
    encoding = next((v for n in ("LC_ALL", "LC_CTYPE", "LANG") if (v := os.environ.get(n))), "C")
    if not encoding.lower().replace("-", "").endswith("utf8"):
        os.environ["LC_ALL"] = "C.UTF-8"


def master_of(config: SparkConfig) -> str:
    """Return the Spark master: the pipeline's, else the machine's, else local."""
    return config.master or os.environ.get("STEELYARD_MASTER") or "local[*]"


def is_small(paths: str | Sequence[str] | None) -> bool:
    """Whether a table's files are known to be small: local, and at most 32 MiB in 1,000 files together."""
    files: list[Path] = []
    try:
        for path in resolve_env([paths] if isinstance(paths, str) else list(paths or [])):
            place = Path(path.removeprefix("file://"))
            inside = (f for f in place.rglob("*") if f.is_file()) if place.is_dir() else iter([place])
            files += islice(inside, _SMALL_FILES + 1)
        sizes = [file.stat().st_size for file in files]
    except (OSError, ValueError, ConfigError):  # on another file system, a pattern, or a variable that is not set
        return False
    return 0 < len(sizes) <= _SMALL_FILES and sum(sizes) <= _SMALL_BYTES


@contextmanager
def _stderr_to(file: int) -> Iterator[None]:
    """Redirect the stderr of processes that start meanwhile, such as the JVM, to an open file permanently."""
    sys.stderr.flush()
    own = os.dup(2)
    os.dup2(file, 2)
    try:
        yield
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(file)


def submitted_session(config: SparkConfig, warn: Callable[[str], None]) -> SparkSession:
    """Return the session of spark-submit, with its settings."""
    from pyspark.sql import SparkSession

    if config != SparkConfig():
        warn("the pipeline's spark block is ignored under spark-submit; the submitter's settings apply")
    session: SparkSession = SparkSession.builder.appName("steelyard").getOrCreate()
    return session


def _defaults(master: str) -> Mapping[str, Any]:
    shared = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": False,
        # The line of each column expression, for Spark's messages: a dozen calls into the JVM for each of them.
        "spark.python.sql.dataFrameDebugging.enabled": False,
        # Java never compiles longer methods: Spark's own, of one operator for 30 features, take several times as long.
        "spark.sql.codegen.hugeMethodLimit": 8000,
    }
    if not master.startswith("local"):
        return shared
    return {
        **shared,
        "spark.ui.enabled": False,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "3g",
        # 200, Spark's default, costs a laptop seconds in each shuffle; results don't depend on it.
        "spark.sql.shuffle.partitions": 2 * (os.cpu_count() or 2),
        # Tasks that list the files of a table, by default one for each of up to 10,000: half a minute per read.
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": 4 * (os.cpu_count() or 2),
    }
