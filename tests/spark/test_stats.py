"""Class counts and the profile, against pandas."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from spark_actions import latest_action, nodes_of

from steelyard.columns import col
from steelyard.dataset import Dataset
from steelyard.errors import InputError, translated
from steelyard.stages.commands.tables import bare_table, profile_table
from steelyard.stages.profile import describe
from steelyard.stats import ClassCounts, Summary, class_counts, profile, summarize_table


def test_counts_order_and_roles(spark: SparkSession) -> None:
    df = spark.createDataFrame([(v,) for v in [1.0, 0.0, 0.0, None, float("nan")]], "y double")
    found = class_counts(df, "y")
    assert (dict(found.counts), found.nulls, found.total, found.imbalance_ratio) == ({"0": 2, "1": 1}, 2, 3, 2.0)
    assert found.positive() == "1" and found.positive("0") == "0"
    assert found.ordered("0") == ("1", "0")
    assert ClassCounts({"a": 3, "b": 2, "c": 1}).positive() is None
    assert ClassCounts({"a": 2, "b": 2}).positive() == "b"
    with pytest.raises(InputError, match=r"'yes'.*is not a class of the label.*'0' \(2 rows\), '1' \(1 rows\)"):
        found.positive("yes")
    with pytest.raises(InputError, match="is for labels of two classes.*3 classes: 'no'.*'Yes'"):
        ClassCounts({"no": 9, "yes": 2, "Yes": 1}).positive("yes")
    with pytest.raises(InputError, match="label 'y' is null in 2 rows"):
        found.refuse_nulls("y")


@pytest.mark.parametrize(
    ("counts", "nulls", "said"),
    [
        ({}, 0, "no labelled row"),
        ({}, 3, "3 null labels"),
        ({"a": 9}, 0, "one class only: 'a' in all 9"),
        ({"a": 9, "b": 1}, 0, "class 'b' has a single row"),
    ],
)
def test_tables_that_cannot_be_worked_with(counts: dict[str, int], nulls: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ClassCounts(counts, nulls).check()


def test_labels_that_are_none(spark: SparkSession) -> None:
    df = spark.range(0, 1500).select("id", (F.col("id") * 0.37).alias("x"), F.array("id").alias("a"))
    with pytest.raises(InputError, match="'x' has more than 1,000 distinct values; it looks continuous"):
        class_counts(df, "x")
    with pytest.raises(InputError, match="looks an identifier"):
        class_counts(df, "id")
    with pytest.raises(InputError, match="of type array<bigint>"):
        class_counts(df, "a")
    with pytest.raises(InputError, match="label column 'Id' is not in the table. Did you mean 'id'"):
        class_counts(df, "Id")
    collated = df.select(F.expr("if(id % 3 = 0, 'A', if(id % 3 = 1, 'a', 'b')) collate UTF8_LCASE").alias("y"))
    assert class_counts(collated, "y").counts == {"A": 500, "a": 500, "b": 500}, "by their bytes, as rows are compared"


def test_profile_of_a_real_table(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    path = real_data("adult")
    frame, df = pd.read_parquet(path), spark.read.parquet(path)
    names = [c for c in df.columns if c != "income"]
    categorical = [c for c in names if pd.api.types.is_string_dtype(frame[c])]
    data = Dataset("income", tuple(names), tuple(categorical), content=tuple(names))
    found = profile(df, data)
    for c, part in frame.groupby("income", observed=True):
        for name in names:
            shown = found[name]["by_class"][c]
            assert shown["missing"] == int(part[name].isna().sum())
            if name in categorical:
                assert shown["distinct"] == part[name].nunique()
                assert shown["top"][0][1] == part[name].value_counts().iloc[0]
            else:
                for figure in ("mean", "std", "min", "max"):
                    assert shown[figure] == pytest.approx(getattr(part[name], figure)(), rel=1e-9)
    assert not any(f["constant"] for f in found.values())


def test_constant_null_and_odd_columns(spark: SparkSession) -> None:
    df = spark.createDataFrame(
        [(1.0, None, "a", float("inf" if i % 3 else 5), i % 2, [-0.0, 0.0, 7.0][i % 3]) for i in range(6)],
        "c double, n double, s string, f double, y int, k double",
    )
    data = Dataset("y", ("c", "n", "s", "f", "k"), ("s", "k"), content=("c", "n", "s", "f", "k"))
    found = profile(df, data)
    assert [found[f]["constant"] for f in ("c", "n", "s", "f")] == [True, True, True, False]
    assert found["k"]["by_class"]["0"]["top"] == [["0", 2], ["7", 1]], "as a model compares them"
    assert found["n"]["by_class"]["0"]["missing"] == 3 and found["n"]["by_class"]["0"]["mean"] is None
    assert found["f"]["by_class"]["0"]["max"] is None
    for name in ("s", "y"):
        broken = df.withColumn(name, F.expr("if(y = 1, cast(x'ff61' as string), 'b')"))
        with pytest.raises(Exception, match=f"column '{name}' holds text that is not UTF-8") as failure:
            profile(broken, data)
        assert isinstance(translated(failure.value, "profile"), InputError)


def test_wide_tables_of_several_types_in_any_partitioning(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(6000, 80)).round(3), columns=[f"x{i}" for i in range(80)])
    frame = frame.mask(rng.random(frame.shape) < 0.05).assign(y=np.arange(6000) % 10 == 0)
    frame["half"] = np.where(rng.random(6000) < 0.3, rng.normal(size=6000), 0.0)
    df = spark.createDataFrame(frame).select(
        "*",
        F.floor(F.nanvl("x0", F.lit(None)) * 100).cast("int").alias("whole"),
        F.nanvl("x1", F.lit(None)).cast("decimal(12,3)").alias("exact"),
        (F.nanvl("x2", F.lit(None)) > 0).alias("flag"),
        F.col("x3").cast("float").alias("a.b `c`"),
    )
    names = tuple(c for c in df.columns if c != "y")
    monkeypatch.setattr("steelyard.stats._profile.DRAWN", 600 * 2 * len(names))
    found, again = (profile(df.repartition(n), Dataset("y", names, content=names)) for n in (1, 5))
    columns = [col(n).cast("int" if n == "flag" else "double").alias(f"c{i}") for i, n in enumerate(names)]
    expected = df.select(*columns, "y").toPandas().set_axis([*names, "y"], axis=1)
    for name in names:
        for label, rows in expected.groupby("y")[name]:
            shown, other = (f[name]["by_class"][str(label).lower()] for f in (found, again))
            known = rows.dropna().to_numpy()
            assert shown["missing"] == other["missing"] == rows.isna().sum() and shown["infinite"] == 0
            assert [shown["min"], shown["max"]] == [other["min"], other["max"]] == [known.min(), known.max()]
            assert [shown["mean"], shown["std"]] == pytest.approx([known.mean(), known.std(ddof=1)], rel=1e-9)
            # Whichever rows are drawn: near to the quantile among all, all values that occur.
            for q, value in shown["quantiles"].items():
                low, high = (known < value).mean(), (known <= value).mean()
                assert low - 0.09 <= float(q) <= high + 0.09 and low < high, (name, label, q)
    assert found == again, "to the last bit"


def test_one_pass_finds_all_in_any_partitioning(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 3000
    at, rng = np.arange(n), np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "k": np.where(at % 100 < 2, 7, at),
            "x": rng.choice([0.1, 1e16, -1e16, 3e-7], n) * rng.normal(size=n),
            "coarse": rng.integers(0, 3, n),
            "id": at + 5,
            "large": at + 2**60,
            "copied": np.where(at == 1, 0, at) + 2**60,
            "text": [f"é{i}" for i in at],
            "long": [f"{i % 250:03}" * 200 for i in at],
            "town": [f"t{i % 12}" if i % 7 else None for i in at],
            "cost": np.where(at % 11 == 0, -1.0, np.where(at % 13 == 0, np.nan, at)),
            "y": [None if i % 97 == 0 else "ab"[int(i % 10 == 0)] for i in at],
        }
    )
    df = spark.createDataFrame(frame)
    features = ("x", "coarse", "id", "large", "copied", "text", "long", "town")
    data = Dataset("y", features, ("text", "long", "town"), key=("k",), content=("k", *features))
    monkeypatch.setattr("steelyard.stats._profile.DRAWN", 400 * 2 * 5)

    def found(df: DataFrame) -> Summary:
        return summarize_table(df, data, time=F.col("k").cast("bigint"), amounts={"cost": F.col("cost")})

    one, seven = (found(df.repartition(parts)) for parts in (1, 7))
    assert one == seven, "to the last bit"
    labelled = frame.dropna(subset="y")
    counts = labelled["y"].value_counts().to_dict()
    assert (dict(one.counts.counts), one.counts.nulls) == (counts, n - len(labelled))
    assert one.repeated == (1, 61) and one.latest == n - 1
    assert set(one.identifiers) == {"id", "large", "text"}
    assert one.drawn == {"a": 400, "b": counts["b"]}
    for label, rows in labelled.groupby("y"):
        assert one.amounts["cost"][label] == (rows["cost"].isna().sum(), (rows["cost"] < 0).sum(), rows["cost"].max())
        shown = {name: of["by_class"][label] for name, of in one.features.items()}
        assert shown["x"]["mean"] == float(sum(map(Fraction, rows["x"])) / len(rows))
        assert shown["x"]["std"] == pytest.approx(rows["x"].std(), rel=1e-14)
        assert [shown["text"]["distinct"], shown["long"]["distinct"]] == [len(rows), rows["long"].nunique()]
        assert shown["town"]["missing"] == rows["town"].isna().sum() and len(shown["long"]["top"][0][0]) == 80
        town = rows["town"].value_counts()
        assert shown["town"]["top"] == sorted(([t, c] for t, c in town.items()), key=lambda p: (-p[1], p[0]))[:10]
    exact = one.features["x"]["by_class"]["b"]["quantiles"]
    values = labelled.loc[labelled["y"] == "b", "x"]
    assert exact["0.5"] == np.sort(values)[math.ceil(len(values) / 2) - 1], "of all rows where the sample holds them"


@pytest.mark.classic
def test_a_table_is_read_and_profiled_by_one_action_with_one_scan(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.range(400).select("id", (F.col("id") % 7).alias("x"), F.lit("a").alias("c"), F.col("id").alias("z"))
    rows.withColumn("y", (F.col("id") % 9 == 0)).write.parquet(f"{tmp_path}/t")
    before = latest_action(spark)
    config = bare_table(f"{tmp_path}/t", label="y", key=["id"], cost={"false_negative": "z"})
    assert profile_table(spark, config)["repeated_keys"] == 0
    assert latest_action(spark) == before + 1
    names = nodes_of(spark, before + 1)
    counts = {kind: sum(name.startswith(kind) for name in names) for kind in ("Scan", "Exchange", "MapInArrow")}
    assert counts == {"Scan": 1, "Exchange": 1, "MapInArrow": 2}


def test_rows_that_occur_often_have_their_share_of_a_sample(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    often = np.arange(6000) % 5 < 2
    frame = pd.DataFrame({name: np.where(often, 0.0, rng.normal(9, 1, 6000)) for name in ("u", "v")})
    df = spark.createDataFrame(frame.assign(y=(np.arange(6000) % 20 == 0).astype(int)))
    monkeypatch.setattr("steelyard.stats._profile.DRAWN", 300 * 2 * 2)
    data = Dataset("y", ("u", "v"), content=("u", "v"))
    found, again = (summarize_table(df.repartition(n), data) for n in (1, 5))
    assert found == again
    middle = found.features["u"]["by_class"]["0"]["quantiles"]
    assert middle["0.25"] == 0.0 and 7.5 < middle["0.5"] < 8.5, "two fifths of the rows, or none of them"


def test_notes_on_odd_features_name_the_column_and_the_line_that_ends_them(spark: SparkSession, tmp_path: Path) -> None:
    rows = range(400)
    odd = pd.DataFrame(
        {
            "number": [1000 + i for i in rows],
            "code": [f"c{i:03}x" for i in rows],
            "town": [f"t{i % 250}" for i in rows],
            "amount": ["unknown" if i % 20 == 0 else str(i % 50) for i in rows],
            "plain": [i % 7 for i in rows],
            "y": [int(i >= 360) for i in rows],
        }
    )
    odd.to_csv(tmp_path / "t.csv", index=False)

    def notes(**roles: Any) -> dict[str, str]:
        found: list[str] = []
        profile_table(spark, bare_table(str(tmp_path), label="y", **roles), found.append)
        return {next((c for c in odd if repr(c) in n), "none"): n for n in found}

    found = notes()
    assert set(found) == {"number", "code", "town", "amount", "none"}
    for name in ("number", "code"):
        assert f"feature {name!r} looks like an identifier: its 400 values are all different" in found[name]
        assert found[name].endswith(f"leave it out with data.exclude {name}")
    assert "category 'town' has 2" in found["town"] and found["town"].endswith("data.exclude town leaves it out")
    assert "380 of its 400 values are numbers: not 'unknown'" in found["amount"]
    assert "add --missing '' --missing 'NA'" in found["amount"] and '"?", "unknown"])' in found["amount"]

    missing = ["", "NA", "NaN", "null", "?", "unknown"]
    assert set(notes(exclude=["number", "code", "town"], missing=missing)) == {"none"}, "the lines end the notes"

    piped: list[str] = []
    describe(spark.createDataFrame(odd), bare_table(str(tmp_path), label="y").data, piped.append)
    assert any("data.exclude" in n and "'number'" in n for n in piped), piped
