"""Ensembles: the rows of their bags, the same bytes from any partitioning, and imbalanced-learn's quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.ensemble import BalancedBaggingClassifier
from long_cases import thinned
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from steelyard.dataset import Dataset
from steelyard.ensemble._bags import disjoint_bags, drawn_bags, draws, unit_tables
from steelyard.ensemble._quotas import Quotas, quotas
from steelyard.errors import InputError
from steelyard.learning import LocalLearner, _preprocessing, get_trainer
from steelyard.learning.tasks import PLACE, TASK

ROWS = 2000
COUNTS = {"no": 1900, "yes": 100}


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """Rows as trainers get them: 100 of class 1, and of class 0 a third that are all equal."""
    alike = (F.col("id") >= 100) & (F.col("id") < 700)
    made = spark.range(ROWS).select(
        F.when(alike, F.array(F.lit(-1.0), F.lit(0.0)))
        .otherwise(F.array(F.col("id").cast("double"), F.xxhash64("id") / F.lit(2.0**63)))
        .cast("array<float>")
        .alias("features"),
        (F.col("id") < 100).cast("double").alias("label"),
        F.lit(1.0).alias("weight"),
    )
    return made.cache()


def bags(drawn: DataFrame) -> list[pd.DataFrame]:
    found = drawn.select(TASK, PLACE, "label", F.col("features")[0].alias("x")).toPandas()
    found.columns = ["task", "place", "label", "x"]
    return [of for _, of in found.groupby("task")]


def units_of(rows: DataFrame) -> DataFrame:
    with unit_tables(rows, COUNTS, 2) as (units, _):
        return units


def disjoint(units: DataFrame, of: Quotas, seed: int) -> list[pd.DataFrame]:
    return bags(disjoint_bags(units, units, of, seed))


def test_bags_without_replacement_are_disjoint_and_exact(rows: DataFrame) -> None:
    units = units_of(rows)
    assert units.select(F.count_distinct("__steelyard_unit")).first()[0] == ROWS  # type: ignore[index]
    of = Quotas(COUNTS, {"no": 100, "yes": 100}, 12)
    first = disjoint(units, of, 1)
    assert len(first) == 12
    used: Counter[float] = Counter()
    for bag in first:
        assert Counter(bag["label"]) == {0.0: 100, 1.0: 100} and bag["place"].nunique() == 200
        assert sorted(bag["x"][bag["label"] == 1]) == list(range(100))
        used.update(bag["x"][bag["label"] == 0])
    alike = used.pop(-1.0)
    assert set(used.values()) == {1} and 300 < alike < 460  # 600 / 1900 of 1,200
    again = disjoint(units_of(rows.repartition(7)), of, 1)
    other = disjoint(units, of, 2)
    contents = [[sorted(zip(b["place"], b["x"], strict=True)) for b in bags_] for bags_ in (first, again, other)]
    assert contents[0] == contents[1] != contents[2]


def test_ranges_start_again_where_the_table_is_used_up(rows: DataFrame) -> None:
    of = quotas(COUNTS, {"no": 900, "yes": 40}, 5, 2, 10**6)
    found = disjoint(units_of(rows), of, 1)
    assert [Counter(bag["label"]) for bag in found] == [{0.0: 900, 1.0: 40}] * 5
    rare = [set(bag["x"][bag["label"] == 1]) for bag in found]
    assert not rare[0] & rare[1] and rare[0] & rare[2] and len(set.union(*rare)) > 80
    common = [set(bag["x"][bag["label"] == 0]) - {-1.0} for bag in found]
    assert not common[0] & common[1] and not common[2] & common[3] and common[0] & common[2]
    assert of.used(replacement=False) == {"no": 1.0, "yes": 1.0}


def test_bags_with_replacement_are_exact_and_uniform(rows: DataFrame) -> None:
    of = Quotas(COUNTS, {"no": 100, "yes": 100}, 40)
    units = units_of(rows)
    found = bags(drawn_bags(units, draws(units, of, seed=3)))
    assert [Counter(bag["label"]) for bag in found] == [{0.0: 100, 1.0: 100}] * 40
    times = [Counter(bag["x"][bag["label"] == 1]) for bag in found]
    distinct = np.mean([len(t) for t in times])
    assert abs(distinct - 100 * (1 - 0.99**100)) < 2  # 63.4; a bag's deviation is 3.1
    total = Counter[float]()
    for t in times:
        total.update(t)
    chi = sum((total[i] - 40) ** 2 / 40 for i in range(100))
    assert 50 < chi < 160  # 99 degrees of freedom: six deviations above, three and a half below
    parted = units_of(rows.repartition(5))
    again = bags(drawn_bags(parted, draws(parted, of, seed=3)))
    assert [sorted(b["place"]) for b in again] == [sorted(b["place"]) for b in found]
    shares = of.used(replacement=True)
    assert shares["yes"] == pytest.approx(1.0) and shares["no"] == pytest.approx(1 - (1 - 1 / 1900) ** 4000)


def test_quotas() -> None:
    assert quotas(COUNTS, "auto", 3, 10, 10**6) == Quotas(COUNTS, {"no": 100, "yes": 100}, 3)
    assert quotas(COUNTS, 0.5, 3, 10, 10**6).bag == {"no": 200, "yes": 100}
    small = quotas(COUNTS, 0.5, 3, 10, 1500)
    assert small.bag == {"no": 100, "yes": 50} and small.cut
    with pytest.raises(InputError, match="leaves no rows of class 'no'"):
        quotas(COUNTS, {"no": 0}, 3, 10, 10**6)
    with pytest.raises(InputError, match="max_cells of 1,000 leaves 1 rows of 600 features in a bag; raise it"):
        quotas(COUNTS, "auto", 3, 600, 1000)
    with pytest.raises(InputError, match="it has only 1,900"):
        quotas(COUNTS, {"no": 2000}, 3, 10, 10**6)


DATA = Dataset(
    label="y", features=("a", "b", "k"), categorical=("k",), key=("id",), content=("id", "a", "b", "k"), positive="1",
    classes=("0", "1"),
)  # fmt: skip


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    """2,000 rows, one in ten positive, with gaps and a category."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"id": range(ROWS), "a": rng.normal(size=ROWS), "b": rng.normal(size=ROWS)})
    odds = 2 * made["a"] + made["b"] + rng.normal(size=ROWS)
    made["k"] = np.where(rng.random(ROWS) < 0.3, "u", "v")
    made["y"] = (odds > 3.2).astype(int)
    made.loc[made["id"] % 11 == 0, "b"] = None
    return spark.createDataFrame(made).cache()


TRAINERS: dict[str, dict[str, Any]] = {
    "balanced_bagging": {"n_estimators": 3, "estimator": "decision_tree", "estimator_params": {"max_depth": 4}},
    "balanced_random_forest": {"n_estimators": 3, "max_depth": 5, "oob_score": True},
    "easy_ensemble": {"n_estimators": 3, "rounds": 4},
}


@pytest.mark.parametrize("name", thinned(TRAINERS, ["balanced_random_forest"]))
def test_the_same_bytes_from_any_partitioning(name: str, table: DataFrame) -> None:
    trainer = get_trainer(name, TRAINERS[name], seed=5)
    parted = [
        table.coalesce(1),
        table.repartition(7),
        *([table.repartition(200)] if name == "balanced_bagging" else []),
    ]
    models = [trainer.fit(df, df, DATA, original_train=df) for df in parted]
    assert all(model == models[0] for model in models)
    members = models[0].members  # type: ignore[attr-defined]
    assert len(set(members)) == len(members) == 3
    counts = {row["y"]: row["count"] for row in table.groupBy("y").count().collect()}
    rate = models[0].distortion.rate
    assert rate("0") / rate("1") == pytest.approx(counts[1] / counts[0])
    assert "rows of class '0'" in models[0].summary["messages"][0]


def test_easy_ensemble_adds_the_votes_of_all_trees(table: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = get_trainer("easy_ensemble", {"n_estimators": 2, "rounds": 5})
    model = trainer.fit(table, table, DATA, original_train=table)
    some = table.limit(300)
    rows = some.select(*[c.cast("float") for c in model.preprocessing.columns(some)]).toPandas().to_numpy(np.float32)
    learner: LocalLearner = trainer.learner  # type: ignore[attr-defined]
    total = np.zeros(len(rows))
    for member in model.members:  # type: ignore[attr-defined]
        made = learner._format().read(member)
        for tree, weight in zip(made.estimators_, made.estimator_weights_, strict=False):
            total += weight * (2 * tree.predict(rows) - 1)
    found = [row["probabilities"][1] for row in model.predict(some).collect()]
    assert np.allclose(found, 1 / (1 + np.exp(-total / 2)), atol=1e-12)
    with monkeypatch.context() as patched:
        patched.setattr(_preprocessing, "MANY", 0)
        assert found == [row["probabilities"][1] for row in model.predict(some).collect()], "features as one array"
    assert model.distortion.kind == "unknown"
    assert get_trainer("easy_ensemble", {"aggregation": "mean"}).fit(
        some, some, DATA, original_train=some
    ).distortion.kind in ("prior shift", "none")


def test_out_of_bag_scores_are_those_of_unseen_rows(table: DataFrame) -> None:
    trainer = get_trainer("balanced_random_forest", {"n_estimators": 20, "oob_score": True})
    train, test = table.where("id % 2 = 0"), table.where("id % 2 = 1")
    model = trainer.fit(train, train, DATA, original_train=train)

    def area(df: DataFrame) -> float:
        rows = model.predict(df).select("y", "probabilities").collect()
        return float(average_precision_score([r["y"] for r in rows], [r["probabilities"][1] for r in rows]))

    found = model.summary["out_of_bag"]
    assert found["rows"] == train.count()  # each row is unseen by one of 20 trees
    assert area(train) > area(test) + 0.1  # fully grown trees know their rows
    assert abs(found["pr_auc"]["1"] - area(test)) < 0.1


def test_the_pr_area_is_that_of_imbalanced_learn(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    frame = pd.read_parquet(real_data("mammography"))
    y = (frame.pop("label").astype(str) == "1").to_numpy().astype(int)
    x = frame.astype(float).set_axis([f"x{i}" for i in range(frame.shape[1])], axis=1)
    a, b, ya, yb = train_test_split(x, y, test_size=0.4, stratify=y, random_state=0)
    theirs = [
        average_precision_score(
            yb,
            BalancedBaggingClassifier(DecisionTreeClassifier(), n_estimators=10, random_state=seed)
            .fit(a.to_numpy(), ya)
            .predict_proba(b.to_numpy())[:, 1],
        )
        for seed in range(8)
    ]
    data = Dataset(label="y", features=tuple(x), content=tuple(x), positive="1", classes=("0", "1"))
    train, test = (spark.createDataFrame(f.assign(y=of)).coalesce(2) for f, of in ((a, ya), (b, yb)))
    params = {"n_estimators": 10, "estimator": "decision_tree", "replacement": True}
    rows = get_trainer("balanced_bagging", params).fit(train, train, data, original_train=train).predict(test)
    found = rows.select("y", F.col("probabilities")[1].alias("p")).toPandas()
    area = average_precision_score(found["y"], found["p"])
    # The interval in which one more seed of theirs lies in 99 of 100 cases.
    assert abs(area - np.mean(theirs)) < 3.5 * np.std(theirs, ddof=1) * np.sqrt(1 + 1 / 8)
