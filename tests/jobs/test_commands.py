"""The command line: as a process of its own with Spark and without, and all other uses of it here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import steelyard, steelyard_here
from small_pipelines import pipeline, small_table

from steelyard.stages import ALL_STAGES, STAGES
from steelyard.store import open_run

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"spark": {"master": "local[2]", "conf": {"spark.sql.shuffle.partitions": 2}}}


@pytest.fixture
def config(table: str) -> str:
    """The small pipeline as JSON text."""
    return json.dumps(pipeline(table, data={"cost": {"false_negative": "amount"}}, **QUICK).to_json())


@pytest.mark.usefixtures("spark")
def test_run_prints_one_json_document_and_keeps_stdout_to_it(config: str, tmp_path: Path) -> None:
    env = {**os.environ, "STEELYARD_LOG": "json"}
    done = steelyard("run", config, "--store", tmp_path, "--run-id", "r1", "--json", env=env)
    document = json.loads(done.stdout)
    logged = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [(e["stage"], e["event"]) for e in logged if e["event"] != "warning"] == [
        (stage, event) for stage in STAGES for event in ("started", "done")
    ]
    assert (document["status"], document["stage"], document["kind"]) == ("done", None, None)
    run = open_run(document["run_dir"])
    assert {k: document[k] for k in ("positive", "threshold", "splits")} == {
        k: run.read_json("metrics.json")[k] for k in ("positive", "threshold", "splits")
    }
    assert document["report"] == run.uri("report.html")
    again = steelyard_here("run", config, "--store", tmp_path, "--run-id", "r1", "--json", code=2)
    assert "--resume" in json.loads(again.stdout)["message"]

    # The same run directory serves what else there is to do with a run; its gate has passed, so that it is current.
    new = tmp_path / "new.csv"
    small_table(50, seed=5).drop(columns=["y", "t"]).to_csv(new, index=False)
    scored = json.loads(steelyard_here("score", tmp_path / "small", new, "--out", tmp_path / "scored", "--json").stdout)
    assert scored["run_dir"] == run.location
    written = pd.read_parquet(tmp_path / "scored")
    assert scored["rows"] == 50 == len(written) and list(written) == ["id", "score", "decision"]
    assert (
        written["score"].between(0, 1).all()
        and (written["decision"] == np.where(written["score"] >= document["threshold"], "1", "0")).all()
    )
    report = steelyard_here("report", run.location).stdout
    assert report.strip() == run.uri("report.html")


@pytest.mark.usefixtures("spark")
def test_a_failed_guard_in_json(config: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wish = ("--set", "guards.parameters={minority_share_min: 0.4}")
    done = steelyard_here("run", config, "--store", tmp_path, "--json", *wish, code=1)
    document = json.loads(done.stdout)
    assert (document["status"], document["stage"], document["kind"]) == ("failed", "guard_raw", "guard")
    assert "expect_minority_share" in document["message"]
    [step] = (found["step"] for r in caplog.records if (found := getattr(r, "steelyard", {})).get("event") == "failed")
    assert step.startswith("steelyard.guards.")


def test_wrong_input_is_one_short_message(tmp_path: Path) -> None:
    done = steelyard("run", "nope.yaml", "--store", tmp_path, code=2)
    assert done.stderr == "error: cannot read the pipeline nope.yaml: No such file or directory\n"
    assert "Traceback" in steelyard("--debug", "run", "nope.yaml", "--store", tmp_path, code=1).stderr
    assert "no stage 'splt'. Did you mean 'split'?" in steelyard("stage", "splt", "--run-dir", tmp_path, code=2).stderr
    assert "Missing option" in steelyard("profile", "x.parquet", code=2).stderr


@pytest.mark.usefixtures("spark")
def test_bare_tables(table: str, tmp_path: Path) -> None:
    profile = json.loads(steelyard_here("profile", table, "--label", "y", "--exclude", "t", "--json").stdout)
    assert profile["classes"]["1"] == {"count": 120, "share": 0.1}
    steelyard_here("split", table, "--label", "y", "--key", "id", "--out", tmp_path / "s")
    parts = pd.read_parquet(tmp_path / "s" / "data")
    assert parts.groupby(["split", "y"], observed=True).size().to_dict()["test", 1] == 24
    by_customer = ("--label", "y", "--method", "group", "--group", "customer")
    shown = steelyard_here("split", table, *by_customer, "--out", tmp_path / "g").stdout
    parts = pd.read_parquet(tmp_path / "g" / "data")
    assert parts.groupby("customer")["split"].nunique().max() == 1 and len(parts) == 1200
    deviations = json.loads((tmp_path / "g" / "plan.json").read_text())["deviations"]
    assert all(
        f"split {s} has {n:+,} rows of class {c}" in shown for s, of in deviations.items() for c, n in of.items()
    )
    folds = json.loads(
        steelyard_here("split", table, *by_customer, "--folds", 4, "--out", tmp_path / "f", "--json").stdout
    )
    parts = pd.read_parquet(tmp_path / "f" / "data")
    assert parts.groupby("customer")["fold"].nunique().max() == 1
    assert parts.groupby(["fold", "y"]).size().to_dict()[3, 1] == folds["counts"]["3"]["1"]
    refused = steelyard_here("split", table, *by_customer, "--folds", 4, "--test", 0.3, "--out", tmp_path / "x", code=2)
    assert "leave out --validation and --test" in refused.stderr
    steelyard_here(
        "resample", table, "--label", "y", "--key", "id", "--exclude", "t", "--method", "random_over_sampler",
        "--param", "sampling_strategy=0.5", "--out", tmp_path / "r",
    )  # fmt: skip
    assert pd.read_parquet(tmp_path / "r" / "data")["y"].sum() == 540


@pytest.mark.usefixtures("spark")
def test_a_suite_is_suggested_and_guards_a_pipeline(table: str, config: str, tmp_path: Path) -> None:
    out = tmp_path / "suite" / "raw.json"
    asked = ("guard", "suggest", table, "--label", "y", "--exclude", "t", "--out", out)
    assert "7 expectations" in steelyard_here(*asked).stdout
    suite = json.loads(out.read_text(encoding="utf-8"))
    assert suite["suite_parameters"]["reference"] == {"0": 1080, "1": 120}
    assert "exists already" in steelyard_here(*asked, code=2).stderr
    wish = ("--set", f"guards.raw={out}", "--set", "data.where='y = 0 or id % 40 = 0'")
    done = steelyard_here("run", config, "--store", tmp_path, "--json", *wish, code=1)
    assert "class '1' has 30 of 1,110 rows" in json.loads(done.stdout)["message"]


@pytest.mark.usefixtures("spark")
def test_evaluate_anybody_s_scores(tmp_path: Path) -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.05).astype(int)
    frame = pd.DataFrame({"y": y, "p": np.clip(rng.normal(0.2 + 0.3 * y, 0.15), 0, 1).round(3), "amount": 2.0})
    frame.to_parquet(tmp_path / "scores.parquet")
    document = json.loads(
        steelyard_here(
            "evaluate", tmp_path / "scores.parquet", "--label", "y", "--score", "p", "--threshold", 0.4,
            "--cost", "false_negative=amount", "--cost", "false_positive=0.5", "--json",
        ).stdout
    )  # fmt: skip
    found = document["splits"]["all"]
    assert found["per_class"]["1"]["pr_auc"]["value"] == pytest.approx(average_precision_score(y, frame["p"]), abs=1e-9)
    alarm = frame["p"] >= 0.4
    cost = np.where(y == 1, ~alarm * 2.0, alarm * 0.5).mean()
    assert found["expected_cost"]["value"] == pytest.approx(cost, abs=1e-9)


@pytest.mark.usefixtures("spark")
def test_evaluate_scores_of_several_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    y = rng.choice(["a", "b", "c"], 300, p=[0.6, 0.3, 0.1])
    shares = rng.dirichlet([1, 1, 1], 300) + (y[:, None] == ["a", "b", "c"])
    rows = [dict(zip("abc", map(float, s / s.sum()), strict=True)) for s in shares]
    schema = pa.schema([("y", pa.string()), ("p", pa.map_(pa.string(), pa.float64()))])
    pq.write_table(
        pa.table({"y": list(y), "p": [list(r.items()) for r in rows]}, schema=schema), tmp_path / "s.parquet"
    )
    document = json.loads(
        steelyard_here("evaluate", tmp_path / "s.parquet", "--label", "y", "--score", "p", "--json").stdout
    )
    found = document["splits"]["all"]
    assert found["accuracy"]["value"] == pytest.approx(np.mean([max(r, key=r.__getitem__) for r in rows] == y))
    assert found["accuracy"]["ci95"] is not None


def test_schema_and_doctor() -> None:
    assert json.loads(steelyard_here("schema").stdout)["properties"]["data"]
    states = {c["need"]: c["state"] for c in json.loads(steelyard("doctor", "--json").stdout)}
    assert states["Java 17+"] == states["pyspark"] == states["xgboost"] == "ok"


def test_every_stage_has_its_job() -> None:
    scripts = {p.stem.removeprefix("job_") for p in (ROOT / "spark_jobs").glob("job_*.py")}
    assert scripts == {*ALL_STAGES, "score", "monitor", "evaluate_scores"}
    for stage in ALL_STAGES:
        code = (ROOT / "spark_jobs" / f"job_{stage}.py").read_text(encoding="utf-8")
        assert code.endswith(f'import main\n\nif __name__ == "__main__":\n    main("{stage}")\n'), stage
