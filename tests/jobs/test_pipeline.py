"""The whole pipeline in one process: what it publishes, what it keeps, what it recomputes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from long_cases import thinned
from pyspark.sql import SparkSession
from sklearn import metrics as sk
from small_pipelines import pipeline, replace_document, small_table

from steelyard.errors import GuardError, InputError
from steelyard.hashing import Cut
from steelyard.splitting import SPLIT, wanted_counts
from steelyard.stages import STAGES, Context, run_pipeline, run_stage
from steelyard.stages._source import split_rows
from steelyard.stages.commands.submit import locate
from steelyard.store import RunDir, RunExistsError, Store

Run = Callable[..., RunDir]
COSTS = {"cost": {"false_negative": "amount", "false_positive": 4.0}}
FINISHED = {"data": COSTS, "resample": {"method": "random_under_sampler", "sampling_strategy": 0.5}}


def scores_of(run: RunDir) -> pd.DataFrame:
    outcome = run.outcome("evaluate")
    assert outcome is not None
    return pd.read_parquet(f"{run.location}/scores/{outcome.attempt}")


@pytest.fixture(scope="module")
def finished(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """One run with all that the small table offers, for the tests that only look."""
    from steelyard.stages import start_run
    from steelyard.store import Store

    config = pipeline(table, **FINISHED)
    run = start_run(Store(tmp_path_factory.mktemp("runs")), config, "r1", {})
    run_pipeline(Context(run, config, lambda: spark))
    return run


def test_every_stage_publishes_and_the_files_are_there(finished: RunDir) -> None:
    outcomes = [finished.outcome(s) for s in STAGES]
    assert all(o is not None and o.done and finished.is_whole(o) for o in outcomes)
    named = {f["path"] for o in outcomes if o is not None for f in o.files}
    top = {f for f in finished.files("") if "/" not in f and not f.startswith(".")}
    assert top == {"run.json", "metrics.json", "report.html", "model_card.md", "model_card.html"}
    assert top - {"run.json"} <= named


def test_what_passes_the_gate_is_kept_for_later_runs(finished: RunDir) -> None:
    history = finished.sibling("_accepted")
    (name,) = history.files("")
    kept = history.read_json(name)
    assert name.endswith("_r1.json") and (kept["run_id"], kept["classes"]) == ("r1", {"0": 1080, "1": 120})
    outcome = finished.outcome("gate")
    assert outcome is not None and outcome.details["accepted"] == f"{history.location}/{name}"


def test_split_counts_are_exact(finished: RunDir) -> None:
    outcome = finished.outcome("split")
    assert outcome is not None
    for name, total in (("0", 1080), ("1", 120)):
        wanted = wanted_counts(total, 0.2, 0.25)
        assert {s: of[name] for s, of in outcome.rows["out"].items()} == wanted


def test_metrics_equal_scikit_learn_s_on_the_published_scores(finished: RunDir) -> None:
    document = finished.read_json("metrics.json")
    rows = scores_of(finished)
    for split in ("validation", "test"):
        part, found = rows[rows["split"] == split], document["splits"][split]
        y, p, alarm = (
            part["label"].to_numpy(),
            part["score"].to_numpy(),
            (part["decision"] == "1").to_numpy().astype(int),
        )
        assert (alarm == (p >= document["threshold"])).all()
        of = found["per_class"]["1"]
        expected = {
            "pr_auc": sk.average_precision_score(y, p),
            "roc_auc": sk.roc_auc_score(y, p),
            "precision": sk.precision_score(y, alarm),
            "recall": sk.recall_score(y, alarm),
            "f1": sk.f1_score(y, alarm),
            "f2": sk.fbeta_score(y, alarm, beta=2),
        }
        for name, value in expected.items():
            assert of[name]["value"] == pytest.approx(value, abs=1e-9)
        overall = {
            "brier": sk.brier_score_loss(y, p),
            "log_loss": sk.log_loss(y, p),
            "mcc": sk.matthews_corrcoef(y, alarm),
            "kappa": sk.cohen_kappa_score(y, alarm),
            "balanced_accuracy": sk.balanced_accuracy_score(y, alarm),
            "accuracy": sk.accuracy_score(y, alarm),
        }
        for name, value in overall.items():
            assert found[name]["value"] == pytest.approx(value, abs=1e-9)
        cost = np.where(y == 1, (1 - alarm) * part["cost_false_negative"], alarm * part["cost_false_positive"]).mean()
        assert found["expected_cost"]["value"] == pytest.approx(cost, abs=1e-9)


def test_threshold_is_the_best_on_validation_rows(finished: RunDir) -> None:
    document, rows = finished.read_json("metrics.json"), scores_of(finished)
    part = rows[rows["split"] == "validation"]

    def cost(threshold: float) -> float:
        alarm = part["score"] >= threshold
        return float(np.where(part["label"] == 1, ~alarm * part["cost_false_negative"], alarm * 4.0).sum())

    candidates = [*part["score"].unique(), 2.0]
    assert cost(document["threshold"]) == pytest.approx(min(map(cost, candidates)), rel=1e-12)


def test_under_sampled_scores_are_corrected_and_the_split_keeps_keys_apart(finished: RunDir) -> None:
    decided, rows = finished.outcome("decide"), scores_of(finished)
    assert decided is not None and decided.details["calibration"] == "prior"
    assert 0.5 < rows["score"].mean() / 0.1 < 2
    assert rows["id"].is_unique and set(rows["split"]) == {"validation", "test"}


def test_manifest_holds_what_is_needed_to_do_it_again(finished: RunDir) -> None:
    manifest = finished.manifest()
    assert {"pipeline", "run_id", "config", "variables", "versions", "created"} <= set(manifest)
    assert manifest["config"]["split"] == {
        "method": "stratified", "validation": 0.2, "test": 0.25, "seed": 3, "gap": None, "materialize": False
    }  # fmt: skip


def test_resume_keeps_whole_stages_and_redoes_what_changed(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table))
    first = run_pipeline(ctx)
    bytes_before = ctx.run.read_bytes("metrics.json")
    events: list[tuple[str, str]] = []
    again = run_pipeline(ctx, resume=True, notify=lambda e, s, o: events.append((e, s)))
    assert events == [("skip", s) for s in STAGES]
    assert {s: o.attempt for s, o in again.items()} == {s: o.attempt for s, o in first.items()}

    ctx.run.delete(f"resample/{first['resample'].attempt}/plan.json")
    events.clear()
    run_pipeline(ctx, resume=True, notify=lambda e, s, o: events.append((e, s)))
    assert [s for e, s in events if e == "skip"] == ["profile", "guard_raw", "split", "guard_split", "diagnose"]
    assert ctx.run.read_bytes("metrics.json") == bytes_before

    changed = start(pipeline(table, train={"model": "logistic_regression", "params": {"regParam": 1.0}}), resume=True)
    events.clear()
    run_pipeline(changed, resume=True, notify=lambda e, s, o: events.append((e, s)))
    assert next(s for e, s in events if e == "start") == "train"
    assert changed.run.read_bytes("metrics.json") != bytes_before

    class Begun(Exception):
        """A stage has begun, which is enough."""

    def stop(event: str, stage: str, outcome: object) -> None:
        raise Begun(event, stage)

    Path(table).write_bytes(Path(table).read_bytes())
    with pytest.raises(Begun, match=r"'start', 'profile'"):  # a pinned file was written again
        run_pipeline(changed, resume=True, notify=stop)


@pytest.mark.long
def test_resume_does_what_a_change_concerns_and_comes_to_what_a_new_run_does(
    start: Callable[..., Context], table: str
) -> None:
    how: dict[str, Any] = {"resample": {"method": "random_under_sampler", "sampling_strategy": 0.5}}
    run_pipeline(start(pipeline(table, **how)))
    cost = {"cost": {"false_negative": 7.5, "false_positive": "amount"}}
    parameters = {"parameters": {"minority_share_min": 0.01}}
    ends = {}
    for config, stages in (
        (pipeline(table, data=cost, **how), [s for s in STAGES if STAGES.index(s) >= STAGES.index("decide")]),
        (
            pipeline(table, data=cost, guards=parameters, **how),
            [s for s in STAGES if s.startswith(("guard", "report", "gate"))],
        ),
        (pipeline(table, data=cost, guards=parameters, gate={"recall": {"max": 1.0}}, **how), ["report", "gate"]),
    ):
        started: list[str] = []
        note = partial(lambda to, event, stage, outcome: to.append(stage) if event == "start" else None, started)
        ctx = start(config, resume=True)
        run_pipeline(ctx, resume=True, notify=note)
        assert started == stages
        ends["resumed"] = ctx.run.read_json("metrics.json")["splits"]
    accepted = ctx.run.outcome("gate")
    with pytest.raises(InputError, match="data.cost 'zzz' is not in the table"):
        run_pipeline(start(pipeline(table, data={"cost": {"false_negative": "zzz"}}, **how), resume=True), resume=True)
    config = pipeline(table, data=cost, guards=parameters, gate={"recall": {"max": 1.0}}, **how)
    ctx.run.update_manifest({**ctx.run.manifest(), "config": config.to_json()})
    held, store = ctx.run.manifest(), Store(Path(ctx.run.location).parents[1])
    for stage, setting, words in (
        ("decide", "data.cost.false_negative=zzz", "data.cost 'zzz' is not in the table"),
        ("decide", "data.cost.false_negative=b", "cost column 'b' is negative"),
        ("train", "data.cost.false_negative=kind", "cost 'kind' must hold numbers"),
        ("train", "train.class_weight={2: 5}", "'2'"),
        ("resample", "resample={method: smote}", "kind"),
        ("resample", "resample={method: random_under_sampler, sampling_strategy: {0: 9000}}", "9,000 rows"),
    ):
        run, changed, adopt = locate(stage, json.dumps(config.to_json()), "r1", None, store, [setting])
        with pytest.raises(InputError, match=words):
            run_stage(Context(run, changed, lambda: ctx.spark), stage, prepare=adopt)
    assert ctx.run.manifest() == held
    assert accepted is not None and ctx.run.outcome("gate") == accepted, "nothing was deleted"
    ctx = start(config, "new")
    run_pipeline(ctx)
    assert ctx.run.read_json("metrics.json")["splits"] == ends["resumed"]


def test_a_cost_that_comes_later_may_not_take_the_name_of_the_key(
    start: Callable[..., Context], table: str, tmp_path: Path
) -> None:
    path, data = tmp_path / "t.parquet", {"key": "cost_false_negative"}
    pd.read_parquet(table).rename(columns={"id": "cost_false_negative"}).to_parquet(path, index=False)
    run_stage(start(pipeline(str(path), data=data)), "profile")
    ctx = start(pipeline(str(path), data={**data, "cost": {"false_negative": 5.0}}), resume=True)
    with pytest.raises(InputError, match="'cost_false_negative', and the table of scores adds"):
        run_stage(ctx, "decide")


def test_overwrite_and_a_taken_id(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table))
    run_stage(ctx, "profile")
    with pytest.raises(RunExistsError, match="--resume continues"):
        start(pipeline(table))
    assert start(pipeline(table), overwrite=True).run.outcome("profile") is None


def test_executing_a_stage_anew_voids_what_comes_after(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table))
    for stage in STAGES[:4]:
        run_stage(ctx, stage)
    run_stage(ctx, "split")
    assert ctx.run.outcome("guard_split") is None
    assert ctx.run.outcome("guard_raw") is not None
    with pytest.raises(InputError, match="stage resample has not run"):
        run_stage(ctx, "train")


def test_a_failed_guard_stops_the_run_and_the_report_says_so(start: Callable[..., Context], table: str) -> None:
    ctx = start(pipeline(table, guards={"parameters": {"minority_share_min": 0.4}}))
    with pytest.raises(GuardError, match=r"(?s)expect_minority_share.*\b10 %.*index\.html") as error:
        run_pipeline(ctx)
    assert error.value.exit_code == 1
    outcome = ctx.run.outcome("guard_raw")
    assert outcome is not None and (outcome.status, outcome.kind) == ("failed", "guard")
    assert ctx.run.exists(outcome.details["report"]) and ctx.run.outcome("split") is None
    assert "expect_minority_share" in ctx.run.read_text("report.html")


def test_a_gate_that_says_no(start: Callable[..., Context], finished: RunDir, table: str, tmp_path: Path) -> None:
    """Of a copy of that run, under another rule."""
    shutil.copytree(finished.location, tmp_path / "runs" / "small" / "r1")
    ctx = start(pipeline(table, gate={"pr_auc": {"min": 0.9999}, "recall": {"max_ci95": 1.0}}, **FINISHED), resume=True)
    with pytest.raises(GuardError, match="pr_auc is 0.*at least 0.9999"):
        run_pipeline(ctx, stages=("report", "gate"))
    outcome = ctx.run.outcome("gate")
    assert outcome is not None and [v["passed"] for v in outcome.details["verdicts"]] == [False, True]
    assert ctx.run.exists("metrics.json") and ctx.run.exists("report.html")
    assert not ctx.run.sibling("_accepted").exists("")


def test_input_is_pinned(start: Callable[..., Context], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    frame = small_table(400)
    frame.iloc[:200].to_parquet(folder / "a.parquet", index=False, coerce_timestamps="us")
    frame.iloc[200:].to_parquet(folder / "b.parquet", index=False, coerce_timestamps="us")
    ctx = start(pipeline(str(folder)))
    run_stage(ctx, "profile")
    small_table(50, seed=9).to_parquet(folder / "late.parquet", index=False, coerce_timestamps="us")
    outcome = run_stage(ctx, "split")
    assert sum(sum(c.values()) for c in outcome.rows["out"].values()) == 400
    frame.iloc[200:300].to_parquet(folder / "b.parquet", index=False, coerce_timestamps="us")
    with pytest.raises(InputError, match=r"b\.parquet has changed since the profile"):
        run_stage(ctx, "split")
    (folder / "a.parquet").unlink()
    with pytest.raises(InputError, match=r"a\.parquet is gone since the profile"):
        run_stage(ctx, "split")


def test_a_snapshot_needs_its_source_no_more(start: Callable[..., Context], tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    small_table(300).to_parquet(path, index=False, coerce_timestamps="us")
    ctx = start(pipeline(str(path), data={"snapshot": True}))
    run_stage(ctx, "profile")
    path.unlink()
    assert run_stage(ctx, "split").rows["in"] == {"0": 270, "1": 30}


def test_a_copy_of_the_input_is_read_again_once_a_guard_has_refused_it(
    start: Callable[..., Context], tmp_path: Path
) -> None:
    path, checked = tmp_path / "t.parquet", STAGES[:2]
    frame = small_table(300)
    frame.assign(y=frame["y"].where(frame["id"] > 250, 0)).to_parquet(path, index=False, coerce_timestamps="us")

    def attempt(resume: bool, share: float) -> str:
        guards = {"parameters": {"minority_share_min": share}}
        ctx = start(pipeline(str(path), data={"snapshot": True}, guards=guards), resume=resume)
        run_pipeline(ctx, stages=checked, resume=resume)
        return ctx.published("profile").attempt

    with pytest.raises(GuardError, match="minority_share"):
        attempt(False, 0.05)
    before = attempt(True, 0.01)
    assert before == attempt(True, 0.01), "nothing has changed"
    with pytest.raises(GuardError, match="minority_share"):
        attempt(True, 0.05)
    frame.to_parquet(path, index=False, coerce_timestamps="us")
    assert attempt(True, 0.05) > before


def test_a_table_in_many_small_files_is_copied_into_the_run(start: Callable[..., Context], tmp_path: Path) -> None:
    frame, folder = small_table(1001), tmp_path / "days"
    folder.mkdir()
    for i in range(len(frame)):
        frame.iloc[i : i + 1].to_parquet(folder / f"{i}.parquet", index=False, coerce_timestamps="us")
    frame.to_parquet(tmp_path / "t.parquet", index=False, coerce_timestamps="us")
    plans = {}
    for name in ("days", "t.parquet"):
        ctx = start(pipeline(str(tmp_path / name)), name.partition(".")[0])
        run_stage(ctx, "profile")
        run_stage(ctx, "split")
        plans[name] = ctx.read("split", "plan.json")
        copied = ctx.read("profile", "input.json")["snapshot"] is not None
        assert copied == (name == "days")
    assert plans["days"] == plans["t.parquet"]


def test_csv_in_another_order_and_partitions_gives_the_same_split_and_scores(
    evaluated: Run, shuffle: Callable[[int], None], table: str, tmp_path: Path
) -> None:
    csv = tmp_path / "t.csv"
    frame = pd.read_parquet(table).sample(frac=1, random_state=1)
    frame.to_csv(csv, index=False, date_format="%Y-%m-%dT%H:%M:%S")
    schema = "id bigint, customer bigint, t timestamp_ntz, a double, b double, kind string, amount double, y bigint"
    more = {"format": "csv", "schema": schema, "options": {"header": True}}
    how: dict[str, Any] = {
        "resample": {"method": "random_over_sampler", "sampling_strategy": 0.3},
        "train": {"model": "xgboost", "params": {"n_estimators": 8, "max_depth": 3}},
    }
    one = evaluated(pipeline(table, **how), "parquet")
    shuffle(7)
    two = evaluated(pipeline(str(csv), data=more, **how), "csv")
    plans = [run.read_json(f"split/{run.outcome('split').attempt}/plan.json") for run in (one, two)]  # type: ignore[union-attr]
    assert plans[0] == plans[1]
    scores = [scores_of(run).set_index("id").sort_index() for run in (one, two)]
    pd.testing.assert_frame_equal(scores[0], scores[1])
    metrics = [json.dumps(run.read_json("metrics.json")["splits"]) for run in (one, two)]
    assert metrics[0] == metrics[1]


def test_null_labels_are_refused_dropped_or_set_aside(start: Callable[..., Context], tmp_path: Path) -> None:
    frame = small_table(400)
    frame["y"] = frame["y"].astype("Int64").mask(frame["id"].isin([3, 5, 7]))
    path = tmp_path / "t.parquet"
    frame.to_parquet(path, index=False, coerce_timestamps="us")
    ctx = start(pipeline(str(path)), "refused")
    assert run_stage(ctx, "profile").rows["in"] == {"0": 357, "1": 40, "null": 3}
    with pytest.raises(GuardError, match="expect_no_null_labels.*3"):
        run_stage(ctx, "guard_raw")
    for how in ("drop", "quarantine"):
        ctx = start(pipeline(str(path), data={"on_null_label": how}), how)
        outcome = run_stage(ctx, "profile")
        run_stage(ctx, "guard_raw")
        assert run_stage(ctx, "split").rows["in"] == {"0": 357, "1": 40}
        folder = Path(ctx.run.location) / "profile" / outcome.attempt / "quarantine"
        assert folder.exists() == (how == "quarantine")
        assert not folder.exists() or sorted(pd.read_parquet(folder)["id"]) == [3, 5, 7]


def test_a_grouped_split_keeps_customers_whole_and_the_guard_finds_torn_ones(
    start: Callable[..., Context], table: str
) -> None:
    split = {"method": "group", "validation": 0.2, "test": 0.25, "seed": 3}
    config = pipeline(table, data={"group": "customer", "exclude": ["t"]}, split=split)
    ctx = start(config, "grouped")
    for stage in ("profile", "guard_raw", "split", "guard_split"):
        run_stage(ctx, stage)
    outcome = ctx.run.outcome("split")
    assert outcome is not None and outcome.details["method"] == "group"
    plan = ctx.read("split", "plan.json")
    assert outcome.rows["out"] == plan["counts"] and outcome.details["deviations"] == plan["deviations"]
    sides = split_rows(ctx).select("customer", SPLIT).toPandas().groupby("customer")[SPLIT].nunique()
    assert sides.max() == 1 and len(sides) == 150

    # A plan with the wanted shares, but over rows, tears customers apart.
    cuts = {"all": [Cut(int(share * 2**63), 0).to_json() for share in (0.25, 0.45)]}
    torn = {**plan, "identity": ["id"], "placed": [], "cuts": cuts}
    replace_document(ctx.run, "split", f"split/{outcome.attempt}/plan.json", torn)
    with pytest.raises(GuardError, match=r"the splits share .* values of column 'customer'"):
        run_stage(ctx, "guard_split")


def test_the_guard_finds_a_lost_gap_and_moved_shares(start: Callable[..., Context], table: str) -> None:
    split = {"method": "temporal", "validation": 0.2, "test": 0.25, "gap": "2d"}
    ctx = start(pipeline(table, data={"time": "t", "exclude": ["customer"]}, split=split), "late_labels")
    for stage in ("profile", "guard_raw", "split", "guard_split"):
        run_stage(ctx, stage)
    outcome, plan = ctx.run.outcome("split"), ctx.read("split", "plan.json")
    assert outcome is not None
    assert sum(plan["counts"]["left_out"].values()) == 2 * 47, "rows of less than 48 hours before each cut"
    train, validation, late, test = (int(cut["below"]) for cut in plan["cuts"]["all"])
    for edges, said in (
        ([validation, validation, test, test], "the splits are too close to each other"),
        ([train // 20, validation // 20, late, test], "puts"),
    ):
        cuts = [{**cut, "below": str(edge)} for cut, edge in zip(plan["cuts"]["all"], edges, strict=True)]
        replace_document(ctx.run, "split", f"split/{outcome.attempt}/plan.json", {**plan, "cuts": {"all": cuts}})
        with pytest.raises(GuardError, match=said):
            run_stage(ctx, "guard_split")


@pytest.mark.parametrize("method", thinned(["smoteenn", "near_miss"], ["near_miss"]))
def test_methods_that_drop_single_rows_go_through_the_stages(
    start: Callable[..., Context], table: str, method: str
) -> None:
    resample = {"method": method, "missing": "impute", "sampling_strategy": 0.5}
    ctx = start(pipeline(table, resample=resample), method)
    for stage in STAGES[: STAGES.index("train") + 1]:
        run_stage(ctx, stage)
    assert ctx.run.exists(f"resample/{ctx.published('resample').attempt}/dropped")
