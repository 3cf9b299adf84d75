"""Library code in workers: found by name, and missed with a message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interpreters import python_with_steelyard, python_without
from pyspark import cloudpickle

from steelyard import __version__
from steelyard.errors import EngineError, translated
from steelyard.frames.workers import check_workers, in_worker, one_thread
from steelyard.over_sampling import SMOTE
from steelyard.testing._tables import ROLES, multiset, sample_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_it_calls_the_function_with_its_settings() -> None:
    assert in_worker("builtins", "dict", a=1)([("b", 2)]) == {"b": 2, "a": 1}


def test_a_worker_without_steelyard_says_so(tmp_path: Path) -> None:
    """The pickled task is run by a Python that can't import steelyard."""
    task = tmp_path / "task.pickle"
    task.write_bytes(cloudpickle.dumps(in_worker("steelyard.frames._neighbor_tasks", "search", k=1)))
    code = (
        "import sys, pickle\n"
        "sys.modules['steelyard'] = None\n"
        f"task = pickle.load(open({str(task)!r}, 'rb'))\n"
        "try:\n    task(None)\n"
        "except RuntimeError as error:\n    print(error); sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "has no steelyard" in done.stdout and "--py-files" in done.stdout


def test_other_missing_modules_are_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        in_worker("no_such_module", "f")(None)


def test_one_thread_is_a_scope() -> None:
    from threadpoolctl import threadpool_info

    with one_thread():
        assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} <= {1}


def test_workers_without_faiss_give_the_same_rows(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = SMOTE(sampling_strategy={"b": 60, "c": 50}, provenance=True, **ROLES)
    df = sample_table(spark)
    with_faiss = multiset(sampler.fit_resample(df))
    monkeypatch.setattr(spark.sparkContext, "pythonExec", python_without("faiss", tmp_path))
    assert has(spark, "steelyard") and not has(spark, "faiss"), "the workers' interpreter is another"
    assert multiset(sampler.fit_resample(df)) == with_faiss


def test_a_cluster_without_steelyard_says_what_to_ship(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark.sparkContext, "pythonExec", python_without("steelyard", tmp_path))
    assert not has(spark, "steelyard")
    with pytest.raises(Exception, match="has no steelyard.*--py-files") as raised:
        SMOTE(sampling_strategy={"b": 60}, **ROLES).fit_resample(sample_table(spark)).count()
    message = str(translated(raised.value, "resample"))
    assert "--py-files" in message and "Traceback" not in message and message.count("\n") < 3


def test_workers_that_fit_pass(spark: SparkSession) -> None:
    check_workers(spark)


def test_workers_of_another_kind_are_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for python, said in (
        (python_without("steelyard", tmp_path / "none"), "has no steelyard.*--py-files"),
        (python_with_steelyard("0.0.9", tmp_path / "old"), f"have steelyard 0.0.9 and the driver {__version__}"),
        (python_without("pyarrow", tmp_path / "bare"), "No module named 'pyarrow'"),
        (str(tmp_path / "absent"), "can't run a task: .*No such file or directory; PYSPARK_PYTHON"),
    ):
        monkeypatch.setattr(spark.sparkContext, "pythonExec", python)
        with pytest.raises(EngineError, match=said) as raised:
            check_workers(spark)
        assert "Traceback" not in str(raised.value) and "\n" not in str(raised.value)


def test_workers_of_another_minor_version_of_python_are_refused(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setattr(spark.sparkContext, "pythonVer", "3.1")  # what the driver says of itself
    with pytest.raises(EngineError, match=f"the executors run Python {here} and the driver {here}"):
        check_workers(spark)


def has(spark: SparkSession, module: str) -> bool:
    """Whether workers can import a module."""

    def look(batches):  # type: ignore[no-untyped-def]
        import pyarrow as pa

        for _ in batches:
            try:
                __import__(module)
            except ModuleNotFoundError:
                yield pa.RecordBatch.from_pydict({"found": [False]})
            else:
                yield pa.RecordBatch.from_pydict({"found": [True]})

    return all(r["found"] for r in spark.range(1).mapInArrow(look, "found boolean").collect())
