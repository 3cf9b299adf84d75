"""Scoring new rows with a finished run's model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from small_pipelines import pipeline, small_table

from steelyard.deciding import ENDS
from steelyard.errors import InputError
from steelyard.stages import Context, run_stage, start_run
from steelyard.stages.commands.score import MANIFEST, score_table
from steelyard.store import RunDir, Store

ROLES = {"group": "customer", "time": "t", "exclude": []}


@pytest.fixture(scope="module")
def trained(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run up to `evaluate`, with a sampler that bends the scores."""
    config = pipeline(
        table,
        data=ROLES,
        split={"method": "group", "validation": 0.2, "test": 0.25, "seed": 3},
        resample={"method": "random_under_sampler", "sampling_strategy": 0.5},
        decide={"uncertainty": "venn_abers"},
    )
    run = start_run(Store(tmp_path_factory.mktemp("runs")), config, "r1", {})
    ctx = Context(run, config, lambda: spark)
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
        run_stage(ctx, stage)
    return run


def rows(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).sort_values("id", ignore_index=True)


def test_the_scores_are_those_of_the_run_itself(
    spark: SparkSession, table: str, trained: RunDir, tmp_path: Path
) -> None:
    said = score_table(spark, trained.location, table, str(tmp_path / "s"))

    found = rows(tmp_path / "s")
    assert list(found) == ["id", "y", "customer", "t", "score", "decision", *ENDS]
    assert (found["probability_low"] <= found["probability_high"]).all()
    assert len(found) == said["rows"] == 1200
    outcome = trained.outcome("evaluate")
    assert outcome is not None
    judged = pd.read_parquet(f"{trained.location}/scores/{outcome.attempt}").merge(found, on="id")
    assert len(judged) > 400
    for name in ENDS:
        assert (judged[f"{name}_x"] == judged[f"{name}_y"]).all()
    assert (judged["score_x"] == judged["score_y"]).all() and (judged["decision_x"] == judged["decision_y"]).all()
    assert said["mean_score"] == pytest.approx(found["score"].mean())
    assert said["decisions"] == found["decision"].value_counts().to_dict()
    assert Store(tmp_path / "s").here().read_json(MANIFEST) == said
    assert (said["status"], said["run_dir"]) == ("done", trained.location)


def test_no_label_is_needed_and_other_columns_stay_behind(spark: SparkSession, trained: RunDir, tmp_path: Path) -> None:
    new = small_table(40, seed=9).drop(columns=["y", "customer", "t"]).assign(note="x", score=0.5)
    new.to_parquet(tmp_path / "new.parquet")

    score_table(spark, trained.location, str(tmp_path / "new.parquet"), str(tmp_path / "s"))

    assert list(rows(tmp_path / "s")) == ["id", "score", "decision", *ENDS]


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("amount", r"^feature 'amount' is not in the table. Did you mean 'amounts'\? It has: "),
        ("id", r"^key 'id' is not in the table. Did you mean 'ids'\? It has: "),
    ],
)
def test_a_missing_column_is_named_before_anything_is_written(
    lost: str, said: str, spark: SparkSession, trained: RunDir, tmp_path: Path
) -> None:
    small_table(9).drop(columns="t").rename(columns={lost: f"{lost}s"}).to_parquet(tmp_path / "new.parquet")
    with pytest.raises(InputError, match=said):
        score_table(spark, trained.location, str(tmp_path / "new.parquet"), str(tmp_path / "s"))
    assert not (tmp_path / "s").exists()


def test_scores_are_replaced_only_when_asked_for_and_nothing_else_ever(
    spark: SparkSession, trained: RunDir, tmp_path: Path
) -> None:
    paths = [str(tmp_path / f"{n}.parquet") for n in (30, 20)]
    for path, n in zip(paths, (30, 20), strict=True):
        small_table(n).drop(columns="t").to_parquet(path)
    out = tmp_path / "s"
    score_table(spark, trained.location, paths[0], str(out))
    with pytest.raises(InputError, match="--overwrite"):
        score_table(spark, trained.location, paths[1], str(out))
    assert len(rows(out)) == 30

    # As a scorer leaves it that was killed: files that are not whole, hidden or not, and no word that they are.
    Store(out).here().write_json(MANIFEST, {"status": "writing"})
    Store(out).here().write_text("_unfinished-x/part-0.parquet", "PAR1")
    score_table(spark, trained.location, paths[1], str(out), overwrite=True)
    assert len(rows(out)) == 20 and not (out / "_unfinished-x").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["20.parquet", "30.parquet", "s"]

    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="contains other files than scores"):
        score_table(spark, trained.location, paths[0], str(other), overwrite=True)
    assert (other / "mine.txt").read_text() == "mine"


def test_what_fails_while_writing_is_not_taken_for_whole(spark: SparkSession, trained: RunDir, tmp_path: Path) -> None:
    endless = small_table(9).drop(columns="t").assign(amount=float("inf"))
    endless.to_parquet(tmp_path / "new.parquet")
    with pytest.raises(Exception, match="feature 'amount' holds an infinite value or one beyond"):
        score_table(spark, trained.location, str(tmp_path / "new.parquet"), str(tmp_path / "s"))
    assert [p.name for p in tmp_path.iterdir()] == ["new.parquet"]


def test_a_run_without_a_model_says_so(spark: SparkSession, table: str, tmp_path: Path) -> None:
    run = start_run(Store(tmp_path / "runs"), pipeline(table), "r2", {})
    with pytest.raises(InputError, match="has no trained model: its stage train is not done"):
        score_table(spark, run.location, table, str(tmp_path / "s"))


def test_a_failure_leaves_earlier_scores_as_they_were(
    spark: SparkSession, trained: RunDir, table: str, tmp_path: Path
) -> None:
    out = tmp_path / "s"
    before = score_table(spark, trained.location, table, str(out))
    endless = small_table(9).drop(columns="t").assign(amount=float("inf"))
    endless.to_parquet(tmp_path / "new.parquet")
    with pytest.raises(Exception, match="feature 'amount' holds an infinite value"):
        score_table(spark, trained.location, str(tmp_path / "new.parquet"), str(out), overwrite=True)
    assert Store(out).here().read_json(MANIFEST) == before and len(rows(out)) == 1200
    small_table(7).to_parquet(tmp_path / "few.parquet", coerce_timestamps="us")
    score_table(spark, trained.location, str(tmp_path / "few.parquet"), str(out), overwrite=True)
    assert len(rows(out)) == 7 and (out / "_SUCCESS").exists()
    assert not any(p.is_dir() for p in out.iterdir())


@pytest.mark.parametrize("place", ["https://me:hunter2x@h/t.csv", "https://h/t.csv?token=hunter2x"])
def test_a_secret_in_a_path_is_refused_since_it_would_be_written(
    spark: SparkSession, trained: RunDir, tmp_path: Path, place: str
) -> None:
    with pytest.raises(InputError, match="path 'DATA' contains a literal secret") as error:
        score_table(spark, trained.location, place, str(tmp_path / "s"))
    assert "hunter2x" not in str(error.value) and not (tmp_path / "s").exists()


def test_levels_that_the_model_does_not_know_are_counted_and_told(
    spark: SparkSession, trained: RunDir, tmp_path: Path
) -> None:
    new = small_table(40, seed=9).drop(columns=["y", "t"])
    new["kind"] = np.where(new["id"] < 30, "WEB", "web")
    new.to_csv(tmp_path / "new.csv", index=False)
    told: list[str] = []
    said = score_table(spark, trained.location, str(tmp_path / "new.csv"), str(tmp_path / "s"), warn=told.append)
    assert said["unseen_levels"] == {"kind": {"of": 40, "unseen": 30}}
    assert told == said["warnings"] and len(told) == 1
    assert "'kind': 30 of 40 values are levels that the model does not know" in told[0]
    assert Store(tmp_path / "s").here().read_json(MANIFEST)["warnings"] == told


def test_features_of_other_types_than_in_training(spark: SparkSession, trained: RunDir, tmp_path: Path) -> None:
    def score(**columns: object) -> None:
        small_table(9).drop(columns="t").assign(**columns).to_parquet(tmp_path / "new.parquet")
        score_table(spark, trained.location, str(tmp_path / "new.parquet"), str(tmp_path / "s"))

    with pytest.raises(InputError, match="feature 'kind' was text in training, such as '(web|shop)', but is bigint"):
        score(kind=1)
    with pytest.raises(InputError, match="feature 'a' was fitted as number, but is string in this table"):
        score(a="x")
    assert not (tmp_path / "s").exists()
    small_table(9).drop(columns="t").assign(kind=None, a=None).to_csv(tmp_path / "new.csv", index=False)
    assert score_table(spark, trained.location, str(tmp_path / "new.csv"), str(tmp_path / "s"))["rows"] == 9
