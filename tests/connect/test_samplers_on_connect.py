"""Every sampler gives the same rows on Spark Connect as on a classic session, which runs in a process of its own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rows_of_all_samplers import rows_of

from steelyard.sampling import sampler_names

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.connect


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[tuple[Any, ...]]]:
    out = tmp_path_factory.mktemp("classic") / "rows.pickle"
    script = Path(__file__).with_name("rows_of_all_samplers.py")
    # What makes this process one of Spark Connect is left behind.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_REMOTE"))}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, script, out], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows: dict[str, Counter[tuple[Any, ...]]] = pickle.loads(out.read_bytes())
    return rows


@pytest.mark.parametrize("name", sampler_names())
def test_the_same_rows(name: str, classic: dict[str, Counter[tuple[Any, ...]]], spark: SparkSession) -> None:
    assert type(spark).__module__.startswith("pyspark.sql.connect"), "the session is one of Spark Connect"
    assert rows_of(name, spark) == classic[name]
