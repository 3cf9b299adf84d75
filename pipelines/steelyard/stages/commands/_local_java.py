"""How the Java process of a local session starts: with an archive of classes, and options for short runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import InputError
from steelyard.stages.commands.java import cache_folder, launched_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.stages.commands._class_archive import ClassArchive

OFF = "STEELYARD_CLASS_ARCHIVE"
_USERS = ("SPARK_SUBMIT_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "PYSPARK_SUBMIT_ARGS")
_COMPILER_WORDS = ("Tier", "-Xint", "-Xcomp", "JVMCI", "Graal")
_CLASS_PATH = ("SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_DIST_CLASSPATH", "SPARK_PREPEND_CLASSES")
_CLASS_PATH_KEYS = ("spark.driver.extraClassPath", "spark.driver.userClassPathFirst")

# Spark generates Java code for each plan. By default, the optimizing compiler takes half of a short run's processor
# time, for code that has finished by then. It starts after a hundred times as many calls here: long runs still get it.
_LATER = (
    "-XX:Tier4InvocationThreshold=500000",
    "-XX:Tier4MinInvocationThreshold=60000",
    "-XX:Tier4CompileThreshold=1500000",
    "-XX:Tier4BackEdgeThreshold=4000000",
)
# On small tables the simple compiler does alone, and does not count calls then. Its cache of code is that of both.
_NEVER = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=256m")


class LocalJava:
    """The start of one local session's Java process, for Spark's settings; `small` if it reads small tables only."""

    def __init__(self, conf: Mapping[str, Any], *, small: bool = False) -> None:
        self._users = _users_options(conf)
        self._archive = self._chosen_archive(conf)
        self._compiler = _NEVER if small else _LATER

    def _chosen_archive(self, conf: Mapping[str, Any]) -> ClassArchive | None:
        switch = os.environ.get(OFF, "")
        if switch not in ("", "off"):
            raise InputError(f"{OFF} is {switch!r}; it can be 'off', or left out")
        java, home = launched_java(), _spark_home()
        if switch or os.name != "posix" or java is None or home is None:
            return None
        if any(word in self._users for word in ("SharedArchiveFile", "ArchiveClassesAtExit", "-Xshare", "AOT")):
            return None
        from steelyard.stages.commands._class_archive import ClassArchive  # POSIX only

        decided = [*(os.environ.get(n, "") for n in _CLASS_PATH), *(str(conf.get(k, "")) for k in _CLASS_PATH_KEYS)]
        try:
            return ClassArchive(cache_folder(), java, home / "jars", decided)
        except (OSError, RuntimeError):  # no such folder, or a user without a home
            return None

    @contextmanager
    def launching(self) -> Iterator[None]:
        """Give the options to a Java process that starts meanwhile."""
        options = [*self._archive.options()] if self._archive else []
        options += () if any(w in self._users for w in _COMPILER_WORDS) else self._compiler
        before = os.environ.get("SPARK_SUBMIT_OPTS")
        os.environ["SPARK_SUBMIT_OPTS"] = " ".join([*map(shlex.quote, options), before or ""]).strip()
        try:
            yield
        finally:
            if before is None:
                del os.environ["SPARK_SUBMIT_OPTS"]
            else:
                os.environ["SPARK_SUBMIT_OPTS"] = before

    def launched(self, session: SparkSession) -> None:
        """Have an archive made after the session, if its Java process lists its classes, and keep Java's names."""
        from steelyard.stages.commands._java_names import keep_names  # needs pyspark

        gateway: Any = session.sparkContext._gateway
        if gateway is None or gateway.proc is None:
            return
        keep_names(gateway)
        if self._archive is not None:
            path = gateway.jvm.java.lang.System.getProperty("java.class.path")
            self._archive.make_after(gateway.proc.pid, path)


def _spark_home() -> Path | None:
    from pyspark.find_spark_home import _find_spark_home

    home = Path(_find_spark_home())
    return home if (home / "jars").is_dir() else None


def _users_options(conf: Mapping[str, Any]) -> str:
    """Return the user's own Java options, as one text, wherever they are given."""
    texts = [os.environ.get(name, "") for name in _USERS]
    texts += [str(value) for key, value in conf.items() if key.endswith("JavaOptions")]
    home = os.environ.get("SPARK_CONF_DIR") or f"{_spark_home()}/conf"
    for file in ("spark-defaults.conf", "java-opts"):
        try:
            texts.append((Path(home) / file).read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)
