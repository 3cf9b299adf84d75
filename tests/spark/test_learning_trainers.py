"""Trainers and models: same bits, same answers as other libraries, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from long_cases import thinned
from numpy.typing import NDArray
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from steelyard.dataset import Dataset
from steelyard.errors import ConfigError, EngineError, InputError
from steelyard.hashing import row_hash
from steelyard.learning import Model, TrainingRows, get_trainer, load_model
from steelyard.learning._device import gpus
from steelyard.learning._failures import translate_spark_errors
from steelyard.learning._preparing import prepare
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._xgboost_worker import Rows, Task, train_booster
from steelyard.store import Store

ROWS = 900
SMALL: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {"n_estimators": 12, "max_depth": 3, "early_stopping_rounds": 4},
    "logistic_regression": {},
}
BOOLEAN = "cast(y = 'bad' as boolean)"
BOTH = pytest.mark.parametrize("name", list(SMALL))


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    """Numbers with gaps, a category with gaps, and a label that follows from them, all by hash of the id."""

    def noise(salt: int) -> Any:
        return F.shiftrightunsigned(F.xxhash64("id", F.lit(salt)), 11) / F.lit(2.0**53)

    a, b, c = noise(1), noise(2), noise(3)
    k = (F.floor(noise(4) * 5)).cast("int")
    odds = 6 * a - 3 * b + F.when(k == 2, 2.0).otherwise(0.0) + 2 * noise(5)
    df = spark.range(ROWS).select(
        "id",
        a.alias("a"),
        F.when(noise(6) > 0.1, b).alias("b"),
        (c * 10).cast("int").alias("c"),
        F.when(k < 4, F.concat(F.lit("k"), k.cast("string"))).alias("k"),
        (1 + c).alias("w"),
        F.when(odds > 5.2, "bad").when(odds > 4.5, "odd").otherwise("good").alias("y3"),
        F.when(odds > 4.8, "bad").otherwise("good").alias("y"),
    )
    return df.cache()


def binary(**changes: Any) -> Dataset:
    roles: dict[str, Any] = {
        "label": "y",
        "features": ("a", "b", "c", "k"),
        "categorical": ("k",),
        "key": ("id",),
        "positive": "bad",
        "classes": ("good", "bad"),
    }
    return Dataset(**{**roles, **changes})


def parts(df: DataFrame) -> tuple[DataFrame, DataFrame]:
    return df.where("id % 4 > 0"), df.where("id % 4 = 0")


def fitted(name: str, df: DataFrame, dataset: Dataset | None = None, **settings: Any) -> Model:
    train, validation = parts(df)
    trainer = get_trainer(name, settings.pop("params", SMALL[name]), **settings)
    return trainer.fit(train, validation, dataset or binary(), original_train=train)


def scores(model: Model, df: DataFrame) -> NDArray[np.float64]:
    found = model.predict(df).select("id", "probabilities").collect()
    return np.array([r["probabilities"] for r in sorted(found, key=lambda r: r["id"])])


@pytest.fixture(scope="module")
def plain(table: DataFrame) -> dict[str, Model]:
    """One model of each trainer, as it comes."""
    return {name: fitted(name, table) for name in SMALL}


@pytest.mark.parametrize(("workers", "partitions"), thinned([(None, (1, 200)), (2, (7,))], [(None, (1, 200))]))
def test_xgboost_is_bit_exact_under_any_partitioning_and_order(
    table: DataFrame, workers: int | None, partitions: tuple[int, ...]
) -> None:
    ways = [*(table.repartition(n) for n in partitions), table.orderBy(F.col("id").desc())]
    models = [fitted("xgboost", way, num_workers=workers) for way in ways]
    documents = {json.dumps(m.to_json()) for m in models}
    boosters = {m.booster for m in models}  # type: ignore[attr-defined]
    assert len(boosters) == 1 and len(documents) == 1
    whole = scores(models[0], table.repartition(1))
    assert np.array_equal(whole, scores(models[0], table.repartition(13)))
    for row in (0, 17, 500):
        assert np.array_equal(scores(models[0], table.where(f"id = {row}"))[0], whole[row])


def test_xgboost_splits_categories_itself(table: DataFrame) -> None:
    """As in one process; the same bytes from any partitioning; unseen levels are missing values, before and after."""
    settings: dict[str, Any] = {**SMALL["xgboost"], "early_stopping_rounds": None, "enable_categorical": True}
    models = [fitted("xgboost", table.repartition(n), params=settings) for n in (1, 9)]
    assert models[0] == models[1]
    model = models[0]
    assert model.preprocessing.names == ["a", "b", "c", "k"] and model.preprocessing.codes == (3,)
    assert Preprocessing.from_json(json.loads(json.dumps(model.preprocessing.to_json()))) == model.preprocessing
    x, y = _as_codes(model, parts(table)[0])
    kinds = {"feature_types": ["q", "q", "q", "c"], "enable_categorical": True}
    how = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": 3, "learning_rate": 0.1}
    theirs = xgb.train(how, xgb.DMatrix(x, y, **kinds), 12)
    assert "categories_sizes" in str(theirs.save_raw("json")), "it splits by sets of levels"
    every, _ = _as_codes(model, table)
    assert np.allclose(scores(model, table)[:, 1], theirs.predict(xgb.DMatrix(every, **kinds)), atol=1e-5)
    one = table.where("k = 'k2'").limit(20)
    unseen, missing = (scores(model, one.withColumn("k", F.lit(v).cast("string"))) for v in ("never seen", None))
    assert np.array_equal(unseen, missing) and not np.array_equal(unseen, scores(model, one))
    # The validation rows hold a level that the resampled training rows lack, and two workers do not see the same ones.
    train, validation = parts(table)
    some = get_trainer("xgboost", {**SMALL["xgboost"], "enable_categorical": True}, num_workers=2)
    rare = some.fit(train.where("k != 'k3' or k is null"), validation, binary(), original_train=train)
    again = some.fit(train.where("k != 'k3' or k is null").repartition(9), validation, binary(), original_train=train)
    assert rare == again and np.isfinite(scores(rare, table)).all()


def _as_codes(model: Model, df: DataFrame) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rows = df.orderBy("id").select(F.array(*model.preprocessing.columns(df)).alias("x"), F.expr(BOOLEAN).alias("y"))
    found = rows.toPandas()
    return np.stack(found.x.tolist()).astype(np.float32), found.y.to_numpy(dtype=float)


def test_trees_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 12)).astype(np.float32)
    y = (x[:, :3].sum(axis=1) + rng.normal(size=20_000) > 2).astype(np.float32)
    rows = Rows(x, y, rng.choice([0.1, 1.0, 3.3], 20_000).astype(np.float32))
    how = {"objective": "binary:logistic", "tree_method": "hist", "max_bin": 256, "subsample": 0.7, "seed": 1}
    tasks = [Task({**how, "nthread": n}, rounds=20, features=12, patience=5) for n in (1, 2, 4)]
    assert len({train_booster(rows, rows, task)[0] for task in tasks}) == 1


def test_one_worker_trains_a_small_table(table: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """And two a larger one: what counts is rows × features, with those of validation."""

    def workers(**settings: Any) -> int:
        trainer, (train, validation) = get_trainer("xgboost", **settings), parts(table)
        return prepare(trainer, TrainingRows(train), validation, binary(), train)[1].workers

    features = len(fitted("xgboost", table).preprocessing.names)
    monkeypatch.setattr("steelyard.learning._workers.SMALL", table.count() * features)
    assert [workers(), workers(num_workers=3)] == [1, 3]
    monkeypatch.setattr("steelyard.learning._workers.SMALL", table.count() * features - 1)
    assert workers() == 2


def test_logistic_regression_is_scikit_learns(table: DataFrame) -> None:
    model = fitted("logistic_regression", table, params={"regParam": 1e-3, "tol": 1e-10, "maxIter": 500})
    train, _ = parts(table)
    prepared = train.select("y", F.array(*model.preprocessing.columns(train)).alias("x")).toPandas()
    x, y = np.stack(prepared.x.tolist()), (prepared.y == "bad").to_numpy()
    theirs = LogisticRegression(C=1 / (1e-3 * len(y)), tol=1e-10, max_iter=1000).fit(x, y)
    assert np.allclose(model.coefficients, theirs.coef_, atol=1e-4)  # type: ignore[attr-defined]
    every = table.select("id", F.array(*model.preprocessing.columns(table)).alias("x")).orderBy("id").toPandas()
    assert np.allclose(scores(model, table), theirs.predict_proba(np.stack(every.x.tolist())), atol=1e-5)


@BOTH
def test_it_learns_and_tells_how(table: DataFrame, plain: dict[str, Model], name: str) -> None:
    model = plain[name]
    _, validation = parts(table)
    truth = [r["y"] == "bad" for r in validation.orderBy("id").collect()]
    p = scores(model, validation)
    assert average_precision_score(truth, p[:, 1]) > 2 * np.mean(truth)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-12)
    assert model.classes == ("good", "bad")
    top = (model.summary.get("importances") or model.summary["coefficients"])[0]
    assert top["feature"] == "a"


def test_early_stopping_is_by_log_loss_on_the_validation_rows_of_all_workers(table: DataFrame) -> None:
    model = fitted("xgboost", table, params={"n_estimators": 300, "learning_rate": 0.5, "early_stopping_rounds": 5})
    told = model.summary
    assert told["trees"] == told["best_iteration"] + 1 < 300
    assert told["rounds"] == told["trees"] + 5
    _, validation = parts(table)
    truth = np.array([r["y"] == "bad" for r in validation.orderBy("id").collect()])
    p = scores(model, validation)
    loss = -np.log(np.where(truth, p[:, 1], p[:, 0])).mean()
    assert told["validation_log_loss"] == pytest.approx(loss, rel=1e-4)
    without = fitted("xgboost", table, params={"n_estimators": 15, "early_stopping_rounds": None})
    assert without.summary["trees"] == 15 and without.summary["validation_log_loss"] is None


@BOTH
def test_a_document_records_the_libraries_of_its_trainer(plain: dict[str, Model], name: str) -> None:
    versions = plain[name].to_json()["libraries"]
    assert versions.get("xgboost") == (xgb.__version__ if name == "xgboost" else None)
    assert {"steelyard", "pyspark", "numpy"} <= set(versions)


def test_a_model_of_another_format_or_none(tmp_path: Path) -> None:
    run = Store(tmp_path).create("p", "r", {})
    with pytest.raises(InputError, match="holds no model"):
        load_model(run, "model/1")
    run.write_json("model/1/model.json", {"format": 99, "trainer": "xgboost"})
    with pytest.raises(InputError, match="of format 99; this version of steelyard reads 1"):
        load_model(run, "model/1")


@pytest.mark.parametrize("name", thinned(SMALL, ["xgboost"]))
def test_class_weights_move_the_scores_and_are_the_same_as_row_weights(
    table: DataFrame, plain: dict[str, Model], name: str
) -> None:
    balanced = fitted(name, table, class_weight="balanced")
    assert scores(balanced, table)[:, 1].mean() > scores(plain[name], table)[:, 1].mean() + 0.05
    assert balanced.distortion.kind == "unknown" and plain[name].distortion.kind == "none"
    by_map = fitted(name, table, class_weight={"bad": 3}, params={**SMALL[name], **_no_stopping(name)})
    weighted = table.withColumn("w", F.when(F.col("y") == "bad", 3.0).otherwise(1.0))
    by_column = fitted(name, weighted, binary(weight="w"), params={**SMALL[name], **_no_stopping(name)})
    assert np.allclose(scores(by_map, table), scores(by_column, table), atol=1e-9)


def _no_stopping(name: str) -> dict[str, Any]:
    # The user's weights count in early stopping too, those of classes don't.
    return {"early_stopping_rounds": None} if name == "xgboost" else {}


def test_copies_of_rows_count_like_weights(table: DataFrame) -> None:
    train, validation = parts(table)
    original = {"original_train": train}
    bad = train.where("y = 'bad'")
    copied = train.unionByName(bad).unionByName(bad).withColumn("is_synthetic", F.lit(False))
    trainer = get_trainer("logistic_regression", {"tol": 1e-10, "maxIter": 500})
    by_copies = trainer.fit(copied, validation, binary(), **original)
    by_weight = get_trainer("logistic_regression", {"tol": 1e-10, "maxIter": 500}, class_weight={"bad": 3}).fit(
        train, validation, binary(), **original
    )
    assert by_copies.preprocessing == by_weight.preprocessing, "fitted on original rows, whatever was resampled"
    assert np.allclose(scores(by_copies, table), scores(by_weight, table), atol=1e-5)


@pytest.mark.parametrize("label", thinned([BOOLEAN, "if(y = 'bad', 1.0D, 0.0D)"], [BOOLEAN]))
def test_labels_of_other_types(table: DataFrame, plain: dict[str, Model], label: str) -> None:
    classes = ("false", "true") if "boolean" in label else ("0", "1")
    typed = table.withColumn("y", F.expr(label))
    model = fitted("xgboost", typed, binary(classes=classes, positive=classes[1]))
    assert np.array_equal(scores(model, table), scores(plain["xgboost"], table))


def test_what_fit_refuses(table: DataFrame) -> None:
    train, validation = parts(table)
    trainer = get_trainer("xgboost", SMALL["xgboost"])

    def fit(rows: DataFrame, dataset: Dataset) -> None:
        trainer.fit(rows, validation, dataset, original_train=rows)

    with pytest.raises(InputError, match="a single class, 'good'"):
        fit(train.where("y = 'good'"), binary())
    with pytest.raises(InputError, match="there are no training rows"):
        fit(train.where("false"), binary())
    with pytest.raises(InputError, match="label 'bad', which is none of good, fine"):
        fit(train, binary(classes=("good", "fine")))
    with pytest.raises(InputError, match="training rows have no label"):
        fit(train.withColumn("y", F.when(F.col("a") > 0.01, F.col("y"))), binary())
    with pytest.raises(InputError, match="weight 'w' is missing, negative or not below 1e"):
        fit(train.withColumn("w", F.lit(-1.0)), binary(weight="w"))
    with pytest.raises(InputError, match="the weights 'w' of the training rows of class 'bad' sum to 0"):
        fit(train.withColumn("w", F.when(F.col("y") == "bad", 0.0).otherwise(1.0)), binary(weight="w"))
    with pytest.raises(InputError, match="names class 'bda', which is not in the table. Did you mean 'bad'"):
        get_trainer("xgboost", class_weight={"bda": 2}).fit(train, validation, binary(), original_train=train)


def test_an_infinite_validation_row_is_named(table: DataFrame) -> None:
    train, validation = parts(table)
    broken = validation.withColumn("a", F.lit(float("inf")))
    with pytest.raises(InputError, match="feature 'a' holds an infinite value or one beyond"):
        get_trainer("xgboost", SMALL["xgboost"]).fit(train, broken, binary(), original_train=train)


def test_more_workers_than_slots_are_refused_at_once(table: DataFrame) -> None:
    with pytest.raises(EngineError, match=r"runs 2 at a time: set spark.master to local\[5\], or train.num_workers"):
        fitted("xgboost", table, num_workers=5)


@pytest.mark.skipif(gpus() > 0, reason="this machine has an NVIDIA GPU")
def test_without_a_gpu_cuda_is_refused_and_auto_trains_on_the_cpu(
    table: DataFrame, plain: dict[str, Model], tmp_path: Path
) -> None:
    lacks = r"^train.device is cuda, but where Spark's workers run (there is no NVIDIA GPU|this build .*): write cpu"
    with pytest.raises(ConfigError, match=lacks):
        fitted("xgboost", table, device="cuda")
    with pytest.warns(UserWarning, match="train.device is auto: cpu trains here; the model's bits depend on"):
        model = fitted("xgboost", table, device="auto")
    assert model.settings["device"] == plain["xgboost"].settings["device"] == "cpu"
    assert model.booster == plain["xgboost"].booster  # type: ignore[attr-defined]
    model.save(Store(tmp_path).here(), "m")
    assert json.loads((tmp_path / "m/model.json").read_text())["device"] == "cpu"


def test_an_executor_without_the_library_is_explained() -> None:
    with pytest.raises(EngineError, match="--py-files"), translate_spark_errors():
        raise RuntimeError("The Python of a Spark executor has no steelyard. Install it there, …")
    with pytest.raises(KeyError), translate_spark_errors():
        raise KeyError("anything else passes")


def test_tables_so_small_that_a_worker_has_no_rows(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(1, 0.0, "good"), (2, 1.0, "bad")], "id int, a double, y string")
    given = binary(features=("a",), categorical=())
    for workers in (1, 2):
        trainer = get_trainer("xgboost", {"n_estimators": 2, "min_child_weight": 0}, num_workers=workers)
        model = trainer.fit(rows, rows.where("false"), given, original_train=rows)
        assert np.isfinite(scores(model, rows)).all()


def test_vectors_that_come_from_files_are_scored_as_arrays_are(table: DataFrame, tmp_path: Path) -> None:
    numbers = table.select("id", F.array("a", F.col("c").cast("double")).alias("v"), "y")
    numbers.withColumn("v", array_to_vector("v")).write.parquet(str(tmp_path / "v"))
    vectors = table.sparkSession.read.parquet(str(tmp_path / "v"))
    given = binary(features=("v",), categorical=())
    one, two = (fitted("xgboost", df, given) for df in (numbers, vectors))
    assert np.array_equal(scores(one, numbers), scores(two, vectors))


def split(df: DataFrame, label: str, seed: int) -> tuple[Dataset, DataFrame, DataFrame, DataFrame]:
    features = tuple(c for c in df.columns if c != label)
    given = Dataset(label, features, content=features, positive="1", classes=("0", "1"))
    placed = df.withColumn("h", row_hash(df, features, seed, "test") / F.lit(2.0**63))
    return given, *(placed.where(w).drop("h") for w in ("h >= 0.3", "h >= 0.2 and h < 0.3", "h < 0.2"))  # type: ignore[return-value]


MAMMOGRAPHY = ("mammography", "label", 20)


@pytest.mark.parametrize(
    ("data", "label", "stopping"), thinned([MAMMOGRAPHY, ("creditcard_ulb_sample", "Class", None)], [MAMMOGRAPHY])
)
def test_on_real_data_as_good_as_in_one_process(
    spark: SparkSession, real_data: Callable[[str], str], data: str, label: str, stopping: int | None
) -> None:
    given, train, validation, test = split(spark.read.parquet(real_data(data)), label, seed=1)
    x, y = _arrays(train, given)
    x_test, y_test = _arrays(test, given)
    params = {"max_depth": 6, "learning_rate": 0.1}
    one = xgb.XGBClassifier(n_estimators=200, tree_method="hist", n_jobs=2, **params).fit(x, y)
    alone = average_precision_score(y_test, one.predict_proba(x_test)[:, 1])
    trainer = get_trainer("xgboost", {**params, "early_stopping_rounds": stopping})
    model = trainer.fit(train, validation, given, original_train=train)
    scored = model.predict(test).select(F.col(label).alias("y"), F.col("probabilities")[1].alias("p")).toPandas()
    assert abs(average_precision_score(scored.y, scored.p) - alone) < 0.03


def _arrays(df: DataFrame, given: Dataset) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    found = df.toPandas()
    return found[list(given.features)].to_numpy(dtype=float), found[given.label].to_numpy(dtype=int)
