"""Pipelines for a running Airflow: a table for each of three days, and a small one for tasks of several stages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from running import Scheduler
from small_pipelines import small_table

NOW = datetime.now(UTC)
# Half a day from now, so that no new interval begins while the test runs.
HOUR = (NOW.hour + 12) % 24
LAST = NOW.replace(hour=HOUR, minute=0, second=0, microsecond=0)
LAST -= timedelta(days=1) if LAST > NOW else timedelta(0)
STARTS = [LAST - timedelta(days=back) for back in (3, 2, 1)]
DAYS = [f"{start:%Y-%m-%d}" for start in STARTS]
IDS = [f"{start:%Y%m%dT%H%M%S}" for start in STARTS]

PIPELINE = f"""# Diseased trees from the air.
version: 1
name: wilt
data: {{path: '../in/${{date}}.parquet', label: Class, positive: 2}}
split: {{validation: 0.2, test: 0.4, seed: 7}}
train: {{model: logistic_regression, fold_models: none}}
compare: {{candidates: {{}}, folds: 2}}
gate: {{roc_auc: {{min: 0.7}}}}
explain: {{rows: 20, slices: [GLCM_Pan]}}
promote: {{rule: not_worse}}
monitor: {{psi: 1.0}}
guards: {{parameters: {{minority_share_min: 0.03}}}}
airflow: {{schedule: '0 {HOUR} * * *', retries: 1, conn_id: spark_local, on_failure: heard.tell}}
score: {{path: ../in/new.parquet, out: ../scored}}
"""
# A bound of the guard in the middle that no table meets.
STRICT = """{"expectations": [{"type": "expect_minority_share_to_be_between", "severity": "critical",
 "kwargs": {"column": {"$PARAMETER": "label"}, "min_value": 0.9}}]}"""
SMALL = """version: 1
name: {tasks}
data: {{path: ../in/small.parquet, label: y, positive: 1, key: id, exclude: [customer, t]}}
split: {{validation: 0.2, test: 0.25, seed: 3}}
resample: {{method: random_under_sampler, sampling_strategy: 0.5}}
train: {{model: logistic_regression, fold_models: none}}
compare: {{candidates: {{}}, folds: 2}}
explain: {{rows: 20, slices: [kind]}}
promote: {{rule: better}}
guards: {{resampled: {suite}}}
airflow: {{tasks: {tasks}, retries: 1, conn_id: {conn_id}, on_failure: heard.tell}}
"""
HOOK = """
from pathlib import Path

def tell(message, context):
    with Path(__file__).with_suffix(".txt").open("a") as file:
        file.write(message + "\\n\\n")
"""


def make_place(folder: Path, wilt: str) -> Path:
    """Fill a folder with pipelines and a table for each day: sound, with too few positives, and without its label."""
    (folder / "in").mkdir()
    table = pd.read_parquet(wilt)
    sound, poor, blind = (table.iloc[i::3] for i in range(3))
    tables = [sound, poor.drop(poor[poor["Class"] == 2].index[3:]), blind.rename(columns={"Class": "Clas"})]
    for day, rows in zip(DAYS, tables, strict=True):
        rows.to_parquet(folder / "in" / f"{day}.parquet", index=False)
    write_new(folder, table, 1.0)
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "wilt.yaml").write_text(PIPELINE)
    (folder / "pipelines" / "torn.yaml").write_text(
        "version: 1\nname: torn\ndata: {path: /t, label: y}\nsplit: {test: 2}\n"
    )
    (folder / "pipelines" / "worn.yaml").write_text("version: 1\nname: worn\ndata: {path: /t, lable: y}\n")
    small_table().to_parquet(folder / "in" / "small.parquet", index=False, coerce_timestamps="us")
    (folder / "strict.json").write_text(STRICT)
    write_small(folder, "group", "../strict.json")
    write_small(folder, "run", "resampled.json")
    lost = SMALL.format(tasks="group", suite="resampled.json", conn_id="nowhere")
    (folder / "pipelines" / "lost.yaml").write_text(lost.replace("name: group", "name: lost"))
    (folder / "heard.py").write_text(HOOK)
    return folder


def write_new(folder: Path, table: pd.DataFrame, times: float) -> None:
    """Write a hundred rows to score, one of whose features is multiplied."""
    new = table.drop(columns="Class").sample(100, random_state=1)
    new.assign(Mean_NIR=new["Mean_NIR"] * times).to_parquet(folder / "in" / "new.parquet", index=False)


def write_small(folder: Path, tasks: str, suite: str) -> None:
    """Write the pipeline with a value of `airflow.tasks`, its name too, and a suite of the guard in the middle."""
    (folder / "pipelines" / f"{tasks}.yaml").write_text(SMALL.format(tasks=tasks, suite=suite, conn_id="spark_default"))


def dags(scheduler: Scheduler) -> set[str]:
    return {d["dag_id"] for d in scheduler.call("dags")["dags"]}


def unpause(scheduler: Scheduler, dag: str) -> None:
    scheduler.call(f"dags/{dag}", {"is_paused": False}, "PATCH")
