"""The example pipelines, as they lie in `pipelines/`, run by the command on the public tables that they are for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import steelyard_here
from pyspark.sql import SparkSession
from sklearn.metrics import average_precision_score, roc_auc_score

from steelyard.config import PipelineConfig, load
from steelyard.splitting import wanted_counts
from steelyard.stages import STAGES
from steelyard.store import RunDir, open_run

pytestmark = [pytest.mark.examples, pytest.mark.usefixtures("spark")]

PIPELINES = Path(__file__).parents[2] / "pipelines"
# The table, and the least PR area of the rare class: about a tenth below that of XGBoost in one process.
BINARY = {
    "card_fraud": ("creditcard_ulb_sample", 0.83),
    "card_fraud_in_time": ("fraud_handbook_apr2018", 0.60),
    "quality_control": ("ai4i2020", 0.72),
    "screening": ("mammography", 0.45),
}


@pytest.fixture(autouse=True)
def compiled_plans(spark: SparkSession) -> Iterator[None]:
    """Compile plans, as production does: these tables are large enough for it."""
    settings = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
    before = {name: spark.conf.get(name) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


def run_example(name: str, table: str, store: Path) -> tuple[dict[str, Any], RunDir, pd.Series]:
    """Run all stages of an example, and return its metrics, its run and the table's label as text."""
    pipeline, data = PIPELINES / f"{name}.yaml", f"data.path={table}"
    done = steelyard_here("run", pipeline, "--set", data, "--store", store, "--run-id", "r", "--json")
    run = open_run(store / name / "r")
    assert all((outcome := run.outcome(stage)) is not None and outcome.done for stage in STAGES)
    config = load(pipeline)
    label = pd.read_parquet(table, columns=[config.data.label])[config.data.label].astype(str)
    metrics = json.loads(done.stdout)
    if config.split.method == "stratified":
        check_exact_supports(config, metrics, label)
    return metrics, run, label


def check_exact_supports(config: PipelineConfig, metrics: dict[str, Any], label: pd.Series) -> None:
    shares = {"validation": config.split.validation, "test": config.split.test}
    for split in shares:
        wanted = {c: wanted_counts(n, **shares)[split] for c, n in label.value_counts().items()}
        assert metrics["splits"][split]["support"] == wanted


@pytest.mark.parametrize("name", BINARY)
def test_two_classes(real_data: Callable[[str], str], tmp_path: Path, name: str) -> None:
    table, least = BINARY[name]
    metrics, run, _ = run_example(name, real_data(table), tmp_path)
    outcome = run.outcome("evaluate")
    assert outcome is not None
    scores = pd.read_parquet(f"{run.location}/scores/{outcome.attempt}").query("split == 'test'")
    found = metrics["splits"]["test"]["per_class"]["1"]
    truth = scores.label.astype(str) == "1"
    assert found["pr_auc"]["value"] == pytest.approx(average_precision_score(truth, scores.score), abs=1e-9)
    assert found["roc_auc"]["value"] == pytest.approx(roc_auc_score(truth, scores.score), abs=1e-9)
    assert found["pr_auc"]["value"] > least


def test_seven_classes(real_data: Callable[[str], str], tmp_path: Path) -> None:
    metrics, _, label = run_example("shuttle", real_data("shuttle"), tmp_path)
    assert metrics["positive"] is None and metrics["threshold"] is None
    assert set(metrics["splits"]["test"]["per_class"]) == set(label) and label.nunique() == 7
