"""What all tests share: one Spark session a run, and the real tables where they are present."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from interpreters import python_that_has_imported
from java_options import LONG_SESSION, java_options, start_quickly
from session_settings import SETTINGS, name_no_call_sites
from time_table import pytest_terminal_summary  # noqa: F401  # a hook

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

start_quickly()
# Matrices of tests are small: a second thread, which waits for work while it spins, is a third of the processor's time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# It reports closed connections while Python ends, when the stream it would write to is closed.
logging.getLogger("py4j").setLevel(logging.WARNING)
# An example may take long where other work shares the machine.
hypothesis.settings.register_profile("steelyard", hypothesis.settings.default, deadline=None, max_examples=50)
hypothesis.settings.load_profile("steelyard")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dev"


# Until all tests are collected: imports make little garbage, and each search for it walks through all their objects.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave the modules that all tests import out of every later collection of garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with two cores and few shuffle partitions: a local one, or of Spark Connect where that is asked for."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    remote = os.environ.get("STEELYARD_TEST_REMOTE")
    builder = SparkSession.builder.remote(remote) if remote else SparkSession.builder.master("local[2]")
    settings = {**SETTINGS, "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}
    for name, value in settings.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_SUBMIT_OPTS", f"{java_options()} {LONG_SESSION}")
        patch.setenv("PYSPARK_PYTHON", python_that_has_imported(tmp_path_factory.mktemp("python")))
        session = builder.getOrCreate()
    if not remote:
        from steelyard.stages.commands._java_names import keep_names

        keep_names(session.sparkContext._gateway)
        name_no_call_sites(session)
        session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], str]:
    """Return a function that gives the path of a real table, or skips the test."""

    def path(name: str) -> str:
        file = DATA / f"{name}.parquet"
        if not file.exists():
            if os.environ.get("STEELYARD_NEEDS_DATA"):
                pytest.fail(f"{file} is absent, though STEELYARD_NEEDS_DATA says that it must be here")
            pytest.skip(f"the real table {name!r} is not here ({file.parent} is absent)")
        return str(file)

    return path
