"""Spark ML's validators, classifiers and imbalanced-learn give on Spark Connect what they give on a classic session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from classic_process import run_classic
from results_of_models import EXACT, NEEDS, RESULTS, table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.connect


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table, and with what a classic session makes of it."""
    made = tmp_path_factory.mktemp("models")
    table().to_parquet(made / "table.parquet", index=False)
    run_classic("results_of_models.py", made)
    return made


@pytest.mark.parametrize("name", RESULTS)
def test_the_same_numbers(name: str, folder: Path, spark: SparkSession) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    classic = json.loads((folder / "classic.json").read_text())[name]
    found = RESULTS[name](spark.read.parquet(f"{folder}/table.parquet"), folder / "connect")
    assert len(set(found)) > 1, "something was computed"
    assert found == (classic if name in EXACT else pytest.approx(classic, abs=1e-6))
