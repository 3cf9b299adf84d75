"""Each row of the table of bad inputs: a clear error, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from long_cases import thinned
from small_pipelines import pipeline, small_table

from steelyard.errors import InputError, SteelyardError
from steelyard.stages import STAGES, Context, run_pipeline, run_stage

Start = Callable[..., Context]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[pd.DataFrame], str]:
    """Return a function that writes a table and gives its path."""

    def save(frame: pd.DataFrame) -> str:
        path = str(tmp_path / "t.parquet")
        frame.to_parquet(path, index=False, coerce_timestamps="us")
        return path

    return save


def until(ctx: Context, last: str) -> None:
    for stage in STAGES[: STAGES.index(last) + 1]:
        run_stage(ctx, stage)


def refused(ctx: Context, last: str = "profile") -> str:
    """Run up to a stage, which must refuse; return its words, which the outcome must have too."""
    with pytest.raises(SteelyardError) as error:
        until(ctx, last)
    failed = [o for o in map(ctx.run.outcome, STAGES) if o is not None and not o.done]
    assert [(o.stage, o.kind, o.message) for o in failed] == [(last, error.value.kind, str(error.value))]
    assert error.value.exit_code == 2
    return str(error.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"label": "Y"}, "data.label 'Y' is not in the table. Did you mean 'y'?"),
        ({"label": "t"}, "label column 't' is of type timestamp_ntz"),
        ({"key": "idd"}, "data.key 'idd' is not in the table. Did you mean 'id'?"),
        ({"exclude": ["costumer"]}, "data.exclude 'costumer' is not in the table. Did you mean 'customer'?"),
        ({"cost": {"false_negative": "amuont"}}, "data.cost 'amuont' is not in the table. Did you mean 'amount'?"),
        (
            {"exclude": ["customer"]},
            "no model takes columns of these types: 't' (timestamp_ntz). Leave them out with data.exclude: [t]",
        ),
        ({"positive": "fraud"}, "data.positive: 'fraud' is not a class of the label"),
        ({"label": "amount"}, "'amount' has more than 1,000 distinct values; it looks continuous"),
        ({"label": "id", "key": []}, "'id' has more than 1,000 distinct values"),
        ({"path": "/nowhere/t.parquet"}, "cannot read /nowhere/t.parquet"),
        ({"where": "amount > 'x y"}, "cannot read"),
    ],
)
def test_columns_and_labels(start: Start, table: str, data: dict[str, Any], said: str) -> None:
    assert said in refused(start(pipeline(table, data=data)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.assign(y=0), "one class only: '0' in all 200 rows"),
        (lambda f: f.assign(y=(f["id"] == 3).astype(int)), "class '1' has a single row (1 of 200)"),
        (lambda f: f.iloc[:0], "no labelled row"),
        (lambda f: f.assign(y=f["y"].astype(float).where(f["y"] < 0)), "no labelled row (200 null labels)"),
        (lambda f: f[["id", "y", "customer", "t"]], "no feature is left"),
        (lambda f: f.rename(columns={"a": "__Steelyard_a"}), "'__Steelyard_a' starts with '__steelyard_'"),
    ],
)
def test_tables(start: Start, saved: Callable[[pd.DataFrame], str], change: Any, said: str) -> None:
    assert said in refused(start(pipeline(saved(change(small_table(200))))))


def test_too_few_minority_rows_for_the_neighbours(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(200).assign(a=1.0, kind=2.0)
    resample = {"method": "smote", "k_neighbors": 25}
    said = refused(start(pipeline(saved(frame), resample=resample)), "split")
    assert "'1'" in said and "26" in said and "k_neighbors" in said


def test_missing_and_infinite_features(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(300).drop(columns="kind")
    smote, missing = {"method": "smote", "k_neighbors": 3}, int(frame["a"].isna().sum())
    said = refused(start(pipeline(saved(frame), resample=smote), "missing"))
    assert f"'a' ({missing} rows)" in said
    assert missing > 0
    endless = frame.assign(a=np.where(frame["id"] % 50 == 0, np.inf, 0.5))
    assert "can't learn from: 'a' (6 rows infinite)" in refused(start(pipeline(saved(endless)), "infinite"))
    huge = frame.assign(a=np.where(frame["id"] % 50 == 0, -1e39, 0.5), b=0.0)
    said = refused(start(pipeline(saved(huge), train={"model": "xgboost"}), "huge"))
    assert "beyond ±1e+38, which xgboost can't learn from: 'a' (up to 1e+39 in size)" in said


def test_smote_on_categories_names_smotenc(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(300).assign(a=1.0).fillna({"kind": "web"})
    said = refused(start(pipeline(saved(frame), resample={"method": "smote"})))
    assert "kind" in said and "smotenc" in said


def test_counts_that_cannot_be_had(start: Start, table: str) -> None:
    resample = {"method": "random_under_sampler", "sampling_strategy": {0: 5000}}
    said = refused(start(pipeline(table, resample=resample)), "split")
    assert "5,000" in said and "594" in said


HTML = ('gültig, "quoted"', "<b>'html' & Betrug 💳</b>", "<b>'html' & Betrug 💳</b>")


@pytest.mark.parametrize(
    ("negative", "positive", "text"),
    thinned([(False, True, "true"), (3, 7, "7"), HTML, (0.0, 1.0, "1")], [HTML]),
)
def test_labels_of_every_kind_go_all_the_way(
    start: Start, saved: Callable[[pd.DataFrame], str], negative: Any, positive: Any, text: str
) -> None:
    frame = small_table(300)
    frame["y"] = [positive if v else negative for v in frame["y"]]
    ctx = start(pipeline(saved(frame), data={"positive": None}, resample={"method": "random_over_sampler"}))
    run_pipeline(ctx)
    document = ctx.run.read_json("metrics.json")
    assert document["positive"] == text
    assert document["splits"]["test"]["support"][text] == 8
    assert "<b>'html'" not in ctx.run.read_text("report.html")


def test_constant_and_empty_columns_work_and_are_reported(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(300).assign(a=1.0, empty=np.nan, same="x")
    ctx = start(pipeline(saved(frame)))
    run_pipeline(ctx)
    outcome = ctx.run.outcome("profile")
    assert outcome is not None
    features = ctx.run.read_json(f"profile/{outcome.attempt}/stats.json")["features"]
    assert {f for f, of in features.items() if of["constant"]} == {"a", "empty", "same"}


def test_duplicate_keys_stay_together_and_are_reported(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(400)
    frame["id"] = frame["id"] // 23 * 2 + frame["y"]
    ctx = start(pipeline(saved(frame)))
    until(ctx, "guard_split")
    outcome = ctx.run.outcome("split")
    assert outcome is not None and outcome.details["deviations"]


def test_a_key_with_several_labels_is_found_by_the_guard(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(400)
    frame["id"] = frame["id"] // 7
    with pytest.raises(SteelyardError, match="expect_keys_to_stay_in_one_split") as error:
        until(start(pipeline(saved(frame))), "guard_split")
    assert error.value.exit_code == 1


def test_a_temporal_test_window_without_positives(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(400)
    frame["y"] = (frame["t"] < frame["t"].sort_values().iloc[100]).astype(int)
    split = {"method": "temporal", "validation": 0.1, "test": 0.2}
    config = pipeline(saved(frame), data={"time": "t", "exclude": ["customer"]}, split=split)
    assert "window has no row of class '1'" in refused(start(config), "split")


def test_unknown_names_are_found_before_spark_starts(table: str) -> None:
    from steelyard.stages.commands.check import check

    for sections, said in (
        ({"resample": {"method": "smoet"}}, "Did you mean 'smote'"),
        ({"resample": {"method": "smote", "k_neighbours": 5}}, "Did you mean 'k_neighbors'"),
        ({"train": {"model": "xgbost"}}, "Did you mean 'xgboost'"),
        ({"train": {"model": "xgboost", "params": {"max_dept": 5}}}, "Did you mean 'max_depth'"),
        ({"guards": {"raw": "row.json"}}, "Did you mean 'raw.json'"),
        ({"decide": {"threshold": {"maximise": "f1"}}}, "Did you mean 'maximize'"),
        ({"gate": {"pr_acu": {"min": 0.5}}}, "Did you mean 'pr_auc'"),
    ):
        with pytest.raises(InputError, match=said):
            check(pipeline(table, **sections))


def test_keys_that_repeat_are_told(start: Start, saved: Callable[[pd.DataFrame], str]) -> None:
    frame = small_table(200)
    frame.loc[10, "id"] = frame.loc[11, "id"]
    ctx = start(pipeline(saved(frame)))
    run_stage(ctx, "profile")
    assert ctx.read("profile", "stats.json")["repeated_keys"] == 1


def test_what_is_no_parquet_file_is_said_in_one_line(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "garbage.parquet"
    file.write_text("no table")
    said = refused(start(pipeline(str(file))))
    assert said.startswith("cannot read") and "\n" not in said and "\tat " not in said
