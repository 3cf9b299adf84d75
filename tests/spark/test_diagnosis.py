"""The diagnosis against brute force on real tables, planted leaks and contradictions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.diagnosis import _table, _types, diagnose
from steelyard.errors import InputError
from steelyard.hashing import row_hash

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Real = Callable[[str], str]
K = 5


def dataset(frame: pd.DataFrame, label: str, key: tuple[str, ...] = (), categories: tuple[str, ...] = ()) -> Dataset:
    features = tuple(c for c in frame.columns if c not in {label, *key})
    content = tuple(c for c in frame.columns if c != label)
    return Dataset(label, features, categories, key=key, content=content)


def counts(frame: pd.DataFrame, label: str) -> dict[str, int]:
    return {str(c): int(n) for c, n in frame[label].value_counts().items()}


def with_ids(df: DataFrame, data: Dataset) -> pd.DataFrame:
    """The rows as pandas has them, with the ids that break ties; everything else is done anew here."""
    position = row_hash(df, {*data.identity, *data.features, data.label}, 0, "diagnose")
    return df.withColumn("row_id", position).toPandas()


class Oracle:
    """Types of rows by the paper's words: all distances, one row after the other."""

    def __init__(self, rows: pd.DataFrame, data: Dataset, scale: list[float]) -> None:
        numbers = [f for f in data.features if f not in data.categorical]
        raw = rows[numbers].to_numpy(dtype=float)
        assert np.allclose(np.nanstd(raw, axis=0), scale, rtol=1e-9), "standard deviations of all rows"
        medians = np.nanquantile(raw, 0.5, axis=0, method="inverted_cdf")
        self.x = np.where(np.isnan(raw), medians, raw) / scale
        self.penalty = float(np.median(np.nanstd(raw, axis=0) / scale)) ** 2
        self.categories = rows[list(data.categorical)].fillna("").to_numpy()
        self.ids, self.label = rows["row_id"].to_numpy(), rows[data.label].astype(str).to_numpy()

    def near(self, i: int) -> np.ndarray:
        total = np.zeros(len(self.x))
        for column in self.x.T:
            total += (column - column[i]) ** 2
        for column in self.categories.T:
            total += np.where(column != column[i], self.penalty, 0.0)
        order = np.lexsort((self.ids, total))
        return order[order != i][:K]

    def friends(self, i: int) -> np.ndarray:
        near = self.near(i)
        return near[self.label[near] == self.label[i]]

    def kind(self, i: int) -> str:
        friends = self.friends(i)
        if len(friends) != 1:
            return {0: "outlier", 2: "borderline", 3: "borderline"}.get(len(friends), "safe")
        back = self.friends(friends[0])
        alone = len(back) == 0 or (len(back) == 1 and self.ids[back[0]] == self.ids[i])
        return "rare" if alone else "borderline"

    def check(self, found: dict[str, Any], last: int) -> int:
        """Check the types of the rows up to an id; return how many have one friend, who is beyond it."""
        own = np.flatnonzero((self.label == found["class"]) & (self.ids <= last))
        kinds = Counter(self.kind(i) for i in own)
        types = found["types"]
        assert {t: types[t]["rows"] for t in ("safe", "borderline", "rare", "outlier")} == {
            t: kinds[t] for t in ("safe", "borderline", "rare", "outlier")
        }
        assert types["sampled"] == len(own)
        wrong = sum(self.label[self.near(i)[0]] != found["class"] for i in own)
        assert found["overlap"]["n3"]["rows"] == wrong
        friends = [self.friends(i) for i in own]
        return sum(len(f) == 1 and self.ids[f[0]] > last for f in friends)


@pytest.mark.parametrize(("name", "label"), [("haberman", "label"), ("yeast", "label")])
def test_types_are_those_of_brute_force_also_with_copies_and_many_classes(
    spark: SparkSession, real_data: Real, name: str, label: str
) -> None:
    frame = pd.read_parquet(real_data(name)).drop(columns="seq_name", errors="ignore")
    df, data = spark.createDataFrame(frame), dataset(frame, label)
    found = diagnose(df, data, counts(frame, label))
    rarest = frame[label].value_counts().index[-1]
    assert found["class"] == str(rarest) and found["types"]["rows"] == (frame[label] == rarest).sum()
    Oracle(with_ids(df, data), data, found["space"]["scale"]).check(found, 2**63)
    assert all(found["types"][t]["ci95"] == [found["types"][t]["share"]] * 2 for t in ("safe", "rare"))
    # Rows that are equal to one of another class: counted here by another way.
    of = frame.groupby(list(data.features))[label]
    torn = of.transform("nunique") > 1
    wanted = {"rows": torn.sum(), "of_class": (torn & (frame[label] == rarest)).sum()}
    assert {**wanted, "patterns": (of.nunique() > 1).sum()} == found["contradictions"]


def test_a_sample_with_gaps_and_categories_in_any_partitioning(
    spark: SparkSession, real_data: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_parquet(real_data("ai4i2020")).drop(columns="Product_ID")
    rng = np.random.default_rng(0)
    frame["Torque_Nm"] = frame["Torque_Nm"].mask(rng.random(len(frame)) < 0.1)
    frame["Type"] = frame["Type"].mask(rng.random(len(frame)) < 0.1)
    data = dataset(frame, "Machine_failure", key=("UDI",), categories=("Type",))
    df, sizes = spark.createDataFrame(frame), counts(frame, "Machine_failure")
    monkeypatch.setattr(_types, "MOST_ROWS", 100)
    found = diagnose(df.repartition(1), data, sizes)
    monkeypatch.setattr(_table, "MANY", 0)
    assert json.dumps(found) == json.dumps(diagnose(df.repartition(7), data, sizes)), "numbers stored as one array"
    types = found["types"]
    assert types["rows"] == 339 and 70 < types["sampled"] < 130 and not types["limited"]
    for kind in ("safe", "borderline", "rare", "outlier"):
        low, high = types[kind]["ci95"]
        assert low <= types[kind]["share"] <= high and high - low < 0.2
    beyond = Oracle(with_ids(df, data), data, found["space"]["scale"]).check(found, 100 * 2**63 // 339)
    assert beyond > 0 and types["rare"]["rows"] > 0, "the second search had something to find"
    assert found["contradictions"]["rows"] == 0 and found["suspects"] == []


def test_what_a_search_may_cost() -> None:
    assert _types.affordable(350_000, 12) == 500
    assert _types.affordable(10**8, 30) == 166
    assert _types.affordable(10**12, 30) == 100, "few, but exact"
    assert _types.affordable(1000, 4000) == 131, "what travels with a task is small"


def test_the_scenario_of_the_fraud_handbook_is_found(spark: SparkSession, real_data: Real) -> None:
    names = ["TRANSACTION_ID", "TX_AMOUNT", "TX_DURING_NIGHT", "TERMINAL_ID_RISK_7DAY_WINDOW", "TX_FRAUD_SCENARIO"]
    frame = pd.read_parquet(real_data("fraud_handbook_apr2018"))[[*names, "TX_FRAUD"]]
    frame = pd.concat([frame[frame["TX_FRAUD"] == 1].head(150), frame[frame["TX_FRAUD"] == 0].head(3000)])
    # A date that is set when the fraud is known, and a code that takes no order among numbers.
    rng = np.random.default_rng(0)
    frame["blocked"] = np.where(frame["TX_FRAUD"] == 1, rng.random(len(frame)), np.nan)
    frame["review"] = np.where(frame["TX_FRAUD"] == 1, "ü 2", rng.choice(["ü 1", "ü 3"], len(frame)))
    frame["batch"] = [f"b{i}" for i in range(len(frame))]
    # The label itself in several forms, and one that is right in nine of ten cases.
    label = frame["TX_FRAUD"].to_numpy()
    copies = {"copy": label, "negated": 1.5 - label, "flag": label == 1, "text": np.where(label == 1, "no", "yes")}
    frame = frame.assign(**copies, noisy=np.where(rng.random(len(frame)) < 0.1, 1 - label, label))
    data = dataset(frame, "TX_FRAUD", key=("TRANSACTION_ID",), categories=("review", "batch", "text"))
    found = diagnose(spark.createDataFrame(frame), data, counts(frame, "TX_FRAUD"))
    areas = {s["feature"]: (s["why"], round(s["area"], 3)) for s in found["suspects"]}
    by_value = ("TX_FRAUD_SCENARIO", "review", *copies)
    assert areas == {**dict.fromkeys(by_value, ("value", 1.0)), "blocked": ("missing", 1.0)}
    assert all(s["entirely"] for s in found["suspects"])
    assert [s["missing"] for s in found["suspects"] if s["why"] == "missing"] == [{"class": 0.0, "rest": 1.0}]


def test_arrays_and_planted_contradictions(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 3))
    y = (np.arange(200) % 5 == 0).astype(int)
    x[1], x[2], x[6] = x[0], x[0], x[5]  # of class 0: as rows 0 and 5, which are of class 1
    x[11] = x[12]
    rows = [
        (i, [float(v) for v in row] if i != 30 else None, int(c)) for i, (row, c) in enumerate(zip(x, y, strict=True))
    ]
    df = spark.createDataFrame(rows, "id long, x array<double>, y int")
    sizes = {"0": 160, "1": 40}
    found = diagnose(df, Dataset("y", ("x",), key=("id",), content=("id", "x")), sizes)
    assert found["contradictions"] == {"rows": 5, "of_class": 2, "patterns": 2}
    assert found["overlap"]["feature"] in {"x[0]", "x[1]", "x[2]"} and found["space"]["n_features"] == 3
    assert found["recommendation"]["warnings"][0].startswith("2 of 40 rows of class 1")
    # Numbers around an array, which are stored as two more.
    several = df.selectExpr("id", "x[0] as a", "x[1] as b", "x", "cast(x[2] as float) as c", "y")
    data = Dataset("y", ("a", "b", "x", "c"), key=("id",), content=("id", "x"))
    by_column = diagnose(several, data, sizes)
    monkeypatch.setattr(_table, "MANY", 0)
    assert json.dumps(diagnose(several, data, sizes)) == json.dumps(by_column)
    with pytest.raises(InputError, match=r"'b' \(160 rows, up to inf in size\)"):
        diagnose(several.withColumn("b", F.expr("if(y = 0, double('inf'), b)")), data, sizes)
