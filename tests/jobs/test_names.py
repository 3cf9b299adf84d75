"""Names of columns in commands and runs: free for features, refused where a table would have one twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import steelyard_here
from hostile_names import named_pipeline, numbers
from pyspark.sql import SparkSession

from steelyard.errors import InputError
from steelyard.stages import Context, run_stage

Start = Callable[..., Context]


def table(**more: Any) -> pd.DataFrame:
    n = 60
    return pd.DataFrame({"k": np.arange(n), "a": np.arange(n) % 7 * 1.0, "y": (np.arange(n) % 3 == 0) * 1, **more})


SMOTE = ("resample", "--method", "smote", "--key", "k", "--param", "k_neighbors=3")


@pytest.mark.parametrize(
    ("column", "values", "command", "said"),
    [
        ("Split", 1, ("split",), "the table has a column 'Split', and split adds 'split'; rename it"),
        ("Fold", 1, ("split", "--folds", 3), "the table has a column 'Fold', and split adds 'fold'; rename it"),
        ("Row_Id", 1.0, (*SMOTE, "--param", "provenance=true"), "'Row_Id', and provenance adds 'row_id'; rename it"),
        ("is_synthetic", 0, SMOTE, "column 'is_synthetic' is of type bigint; resampling marks new rows in a boolean"),
        ("is_synthetic", "no", SMOTE, "column 'is_synthetic' is of type string"),
        ("Is_Synthetic", False, SMOTE, "column 'Is_Synthetic' is of type boolean; resampling marks new rows"),
        ("__STEELYARD_x", 1, ("split",), "'__STEELYARD_x' starts with '__steelyard_', which is reserved"),
        ("A", 1, ("split",), "the table has two columns 'a' (Spark ignores case); rename one of them"),
    ],
)
def test_commands_refuse_names_before_they_write(
    spark: SparkSession, tmp_path: Path, column: str, values: Any, command: tuple[Any, ...], said: str
) -> None:
    table(**{column: values}).to_parquet(tmp_path / "t.parquet", index=False)
    name, *options = command
    done = steelyard_here(name, tmp_path / "t.parquet", "--label", "y", *options, "--out", tmp_path / "o", code=2)
    assert said in done.stderr and not (tmp_path / "o").exists()


def test_a_name_that_is_there_twice(spark: SparkSession, tmp_path: Path) -> None:
    y = pa.array([0, 1] * 10)
    pq.write_table(pa.Table.from_arrays([y, y, y], names=["y", "a", "a"]), tmp_path / "t.parquet")
    done = steelyard_here("profile", tmp_path / "t.parquet", "--label", "y", code=2)
    assert "the table has two columns 'a' (Spark ignores case); rename one of them" in done.stderr


def test_a_flag_of_an_earlier_step_is_kept_and_is_no_feature(spark: SparkSession, tmp_path: Path) -> None:
    flagged = table(is_synthetic=np.arange(60) < 5)
    flagged.to_parquet(tmp_path / "t.parquet", index=False)
    name, *options = SMOTE
    steelyard_here(name, tmp_path / "t.parquet", "--label", "y", *options, "--out", tmp_path / "o")
    found = pd.read_parquet(tmp_path / "o" / "data")
    assert list(found) == ["k", "a", "y", "is_synthetic"] and len(found) == 80
    assert found["is_synthetic"].sum() == 25 and found["is_synthetic"][found["k"] < 5].all()


def test_output_names_are_free_for_features_and_cleaning_keeps_them(spark: SparkSession, tmp_path: Path) -> None:
    table(row_id=np.arange(60) % 5 * 1.0, split="L").to_parquet(tmp_path / "t.parquet", index=False)
    asked = ("--label", "y", "--method", "edited_nearest_neighbours", "--key", "k", "--out", tmp_path / "o")
    steelyard_here("resample", tmp_path / "t.parquet", *asked)
    found = pd.read_parquet(tmp_path / "o" / "data")
    assert list(found) == ["k", "a", "y", "row_id", "split", "is_synthetic"]
    assert len(found) < 60 and (found["row_id"] == found["k"] % 5).all()


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"data": {"key": "Score"}}, "the table has a column 'Score', and the table of scores adds 'score'; rename it"),
        ({"split": {"materialize": True}}, "the table has a column 'SPLIT', and writing splits adds 'split'"),
        (
            {"resample": {"method": "random_under_sampler", "weight_output_col": "W"}},
            "the table has a column 'w', and weight_output_col adds 'W'",
        ),
        ({"data": {"label": "is_synthetic"}}, "data.label is 'is_synthetic', in which resampling marks new rows"),
    ],
)
def test_a_run_refuses_at_profile_what_a_later_stage_would_write_twice(
    start: Start, tmp_path: Path, sections: dict[str, Any], said: str
) -> None:
    frame = numbers(["SPLIT", "Score", "w"], 60).assign(is_synthetic=False)
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    ctx = start(named_pipeline(tmp_path / "t.parquet", **sections))
    with pytest.raises(InputError, match=said):
        run_stage(ctx, "profile")
    assert not ctx.run.exists("profile")
