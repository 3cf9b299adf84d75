"""Sequential ensembles: weights and draws equal a NumPy oracle, and bytes do not depend on partitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import average_precision_score

from steelyard.dataset import Dataset
from steelyard.ensemble import sequential
from steelyard.ensemble._array_rounds import ArrayRounds
from steelyard.ensemble._bags import pool_of, unit_tables
from steelyard.ensemble._blocks import rows_of
from steelyard.ensemble._rounds import Rounds
from steelyard.ensemble._row_arrays import race_limit
from steelyard.errors import InputError
from steelyard.frames.caching import Latest
from steelyard.kernels.boosting import self_paced_quotas
from steelyard.kernels.random import words
from steelyard.learning import LocalLearner, get_trainer
from steelyard.learning._local_worker import smallest
from steelyard.learning.members import task_seed
from steelyard.learning.tasks import PLACE, POSITION, STRATUM

ROWS = 1500
DATA = Dataset(
    label="y", features=("a", "b", "c"), key=("id",), content=("id", "a", "b", "c"), positive="1", classes=("0", "1")
)  # fmt: skip
LEARNER = LocalLearner("decision_tree", {"max_depth": 3})
STATE = {"counts": {}, "bag": {}, "learner": LEARNER.to_json(), "seed": 0}
COLUMNS = ("unit", "label", "weight", "margin", "score", "features")


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    """1,500 rows, one in fifteen positive."""
    rng = np.random.default_rng(1)
    made = pd.DataFrame({"id": range(ROWS), **{c: rng.normal(size=ROWS).round(2) for c in "abc"}})
    odds = 2 * made["a"] + made["b"] ** 2 + rng.normal(size=ROWS)
    made["y"] = (odds >= np.sort(odds)[-ROWS // 15]).astype(int)
    return spark.createDataFrame(made).coalesce(2).cache()


@pytest.fixture
def latest() -> Iterator[Latest]:
    with Latest(every=3) as kept:
        yield kept


def rounds_of(table: DataFrame, latest: Latest, pool: int | None = None, heavy: float = 1.0, few: str = "b") -> Rounds:
    """Return rounds; rows of a small value of a column are `heavy` times as heavy as the others."""
    rows = table.select(
        F.array("a", "b", "c").cast("array<float>").alias("features"),
        F.col("y").cast("double").alias("label"),
        ((1 + F.abs("c")) * F.when(F.col(few) < -1, heavy).otherwise(1.0)).alias("weight"),
    )
    found = dict(table.groupBy("y").count().collect())
    counts = {"0": found[0], "1": found[1]}
    bag = {"0": counts["1"] + 20, "1": counts["1"]}
    with unit_tables(rows, counts, 3) as (units, narrow):
        kept, chosen = pool_of(units, narrow, counts, bag, pool, 4)
        return Rounds.start(chosen, counts, kept, bag, LEARNER, 4, latest)


def in_memory(rounds: Rounds) -> ArrayRounds:
    found = collected(rounds)
    arrays = {name: found[name].to_numpy() for name in ("unit", "label", "weight")}
    arrays["features"] = np.stack(found["features"].to_list())
    return ArrayRounds.start(arrays, [1.0, 1.0], rounds.counts, rounds.bag, LEARNER, rounds.seed)


def collected(rounds: Rounds | ArrayRounds) -> pd.DataFrame:
    """Return the rows with their present margins and scores, by unit."""
    if isinstance(rounds, Rounds):
        blocks = rounds.rows.toArrow().combine_chunks().to_batches()
        parts = [rows for _, rows in rows_of(blocks, {**STATE, "bound": rounds.bound}, rounds.change)]
    else:
        parts = [rounds]
    found = pd.concat(
        pd.DataFrame({n: list(v) for n, v in vars(p).items() if n in COLUMNS and v is not None}) for p in parts
    )
    return found.sort_values("unit").reset_index(drop=True)


def taken(candidates: DataFrame, rounds: Rounds) -> pd.DataFrame:
    """Return the rows that the round's task takes."""
    found = candidates.toPandas()
    place, stratum, position = (found[c].to_numpy() for c in (PLACE, STRATUM, POSITION))
    return found.iloc[smallest(place, stratum, position, list(rounds.bag.values()))]


def weights(frame: pd.DataFrame) -> Any:
    w = np.exp(frame["margin"] - frame["margin"].max())
    return w / w.sum()


@pytest.mark.parametrize("algorithm", ["m2", "samme"])
def test_weights_after_each_round_are_those_of_the_paper(algorithm: str, table: DataFrame, latest: Latest) -> None:
    start = rounds_of(table, latest)
    theirs = weights_of_rounds(algorithm, in_memory(start))
    assert np.array_equal(weights_of_rounds(algorithm, start), theirs)
    assert len(latest._kept) == 1  # the rows of a checkpoint and those before it are released


def weights_of_rounds(algorithm: str, rounds: Any) -> Any:
    """Check each of three rounds, and return the last weights."""
    trainer: Any = get_trainer("rusboost", {"algorithm": algorithm})
    expected = None
    for number in range(3):
        before = collected(rounds)
        label = before["label"].to_numpy().astype(int)
        if expected is None:
            expected = before["weight"] / before["weight"].sum()
        assert np.abs(weights(before) - expected).max() < 1e-12
        member, error, scored = trainer._round(rounds, number)
        p = LEARNER.load(member.model)(np.stack(before["features"].to_list()))
        assert np.array_equal(collected(scored)["score"], p[:, 1])
        if algorithm == "m2":
            right, wrong = p[np.arange(len(p)), label], p[np.arange(len(p)), 1 - label]
            theirs = 0.5 * (expected * (1 - right + wrong)).sum()
            alpha = theirs / (1 - theirs)
            expected = expected * alpha ** (0.5 * (1 + right - wrong))
        else:
            missed = p.argmax(axis=1) != label
            theirs = expected[missed].sum()
            expected = expected * np.exp(missed * np.log((1 - theirs) / theirs))
        assert abs(error - theirs) < 1e-12 and 0 < error < 0.5
        expected = expected / expected.sum()
        rate = float(np.log((1 - error) / error))
        rounds = scored.reweighted(algorithm, rate)
    found = weights(collected(rounds))
    assert np.abs(found - expected).max() < 1e-12
    return found


def test_a_sample_holds_the_smallest_exponential_variables(table: DataFrame, latest: Latest) -> None:
    rounds, sums = rounds_of(table, latest, heavy=20.0).weighed()
    everything = collected(rounds)
    hashes = in_memory(rounds).place(7, everything["unit"].to_numpy()).astype(float)
    w = np.exp(everything["margin"] - rounds.bound)
    assert sums[0] == pytest.approx(w[everything["label"] == 0].sum(), rel=1e-12)
    sample = sample_of(rounds, 7, sums, 1.0)
    common = everything["label"] == 0
    race = (-np.log((hashes + 0.5) / 2**63) / w)[common].sort_values()
    wanted = set(everything["unit"][race.index[: rounds.bag["0"]]])
    assert set(sample[PLACE][sample["label"] == 0]) == wanted
    assert (sample["label"] == 1).sum() == rounds.bag["1"] and sample["weight"].mean() == pytest.approx(1)
    rare = sample[sample["label"] == 1].set_index(PLACE)["weight"]
    theirs = pd.Series(w.to_numpy(), everything["unit"])[rare.index]
    assert np.allclose(rare / rare.sum(), theirs / theirs.sum(), rtol=1e-12)
    ratio = sample["weight"][sample["label"] == 0].sum() / rare.sum()
    drawn = rounds.bag["0"] / rounds.counts["0"]
    assert ratio == pytest.approx(drawn * w[common].sum() / w[~common].sum(), rel=1e-9)


def sample_of(rounds: Rounds, number: int, sums: dict[int, float], reach: float) -> pd.DataFrame:
    limits = [race_limit(rounds.bag[c], n, reach) for c, n in rounds.counts.items()]
    return taken(rounds.candidates(number, sums, limits), rounds)


def test_a_member_is_trained_on_the_sample_where_few_rows_have_most_of_the_weight(
    table: DataFrame, latest: Latest
) -> None:
    some = table.withColumn("few", F.when(F.col("id") < 6, -2).otherwise(0))
    rounds, sums = rounds_of(some, latest, heavy=400.0, few="few").weighed()
    assert (sample_of(rounds, 2, sums, 1.0)["label"] == 0).sum() < rounds.bag["0"]
    sample = sample_of(rounds, 2, sums, 64.0).sort_values(PLACE)
    assert len(sample) == sum(rounds.bag.values())
    seed = task_seed(int(words([2], 4, "round")[0] >> np.uint64(33)), 0)
    x = np.stack([np.frombuffer(row, np.float32) for row in sample["features"]])
    expected = LEARNER.fit(x, sample["label"].to_numpy(), sample_weight=sample["weight"].to_numpy(), seed=seed)
    member = rounds.member(2, sums)
    assert member.model == expected and member.rows == len(sample)


def test_a_pool_is_weighted_back(table: DataFrame, latest: Latest) -> None:
    rounds = rounds_of(table, latest, pool=3)
    assert rounds.counts == {"0": 300, "1": 100}
    found = collected(rounds)
    back = np.exp(found["margin"]) / found["weight"]
    assert np.allclose(back[found["label"] == 0], 1400 / 300) and np.allclose(back[found["label"] == 1], 1)


def test_hardness_decides_what_self_paced_rounds_draw(table: DataFrame) -> None:
    trainer = get_trainer("self_paced_ensemble", {"n_estimators": 4, "k_bins": 4, "estimator_params": {"max_depth": 3}})
    model: Any = trainer.fit(table, table, DATA, original_train=table)
    frame = table.toPandas()
    x = frame[["a", "b", "c"]].to_numpy(np.float32)[frame["y"] == 0]
    total = np.zeros(len(x))
    assert model.summary["drawn"][0] == [100, 0, 0, 0]
    for number, member in enumerate(model.members[:-1], 1):
        total += LEARNER.load(member)(x)[:, 1]
        hard = total / number
        bins = np.minimum(((hard - hard.min()) / (hard.max() - hard.min()) * 4).astype(int), 3)
        counts = np.bincount(bins, minlength=4)
        means = [hard[bins == b].mean() if counts[b] else 0.0 for b in range(4)]
        alpha = np.tan(np.pi / 2 * number / 4)
        assert model.summary["drawn"][number] == self_paced_quotas(means, counts.tolist(), 100, alpha)


TRAINERS: dict[str, dict[str, Any]] = {
    "rusboost": {"n_estimators": 3},
    "smoteboost": {"n_estimators": 3, "synthetic": 1.5, "pool": 5},
    "self_paced_ensemble": {"n_estimators": 3},
}


@pytest.mark.parametrize("name", list(TRAINERS))
def test_the_same_bytes_from_any_partitioning(name: str, table: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = get_trainer(name, TRAINERS[name], seed=5)
    one, seven = (trainer.fit(df, df, DATA, original_train=df) for df in (table.coalesce(1), table.repartition(7)))
    assert one == seven and len(one.members) == len(one.votes) == 3  # type: ignore[attr-defined]
    assert one.distortion.kind == "unknown"
    rows = one.predict(table).select("y", "probabilities").collect()
    assert average_precision_score([r["y"] for r in rows], [r["probabilities"][1] for r in rows]) > 0.4
    monkeypatch.setattr(sequential, "ONE_TASK_CELLS", 0)
    for df in (table, table.repartition(7)):
        assert trainer.fit(df, df, DATA, original_train=df) == one


def test_what_is_refused(table: DataFrame) -> None:
    few = table.where("y = 0").unionByName(table.where("y = 1").orderBy("id").limit(5))
    with pytest.raises(
        InputError, match=r"smoteboost with k_neighbors=5 needs at least 6 rows of a class, and class '1"
    ):
        get_trainer("smoteboost").fit(few, few, DATA, original_train=few)
    noise = table.withColumn("y", (F.pmod(F.xxhash64("id"), F.lit(2))).cast("int")).withColumns(
        {c: F.lit(1.0) for c in "abc"}
    )
    with pytest.raises(InputError, match="the first member of rusboost is not better than chance"):
        get_trainer("rusboost").fit(noise, noise, DATA, original_train=noise)
