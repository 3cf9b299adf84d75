"""Rounds in memory: exact sums, smallest positions, and Spark's hash."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from imblearn.over_sampling import SMOTE

from steelyard.ensemble import _blocks
from steelyard.ensemble._array_rounds import ArrayRounds, smallest
from steelyard.ensemble._row_arrays import race_limit
from steelyard.kernels.exact_sums import exact_sum, from_halves
from steelyard.kernels.xxhash import xxhash64
from steelyard.learning import LocalLearner
from steelyard.learning._synthetic import with_synthetic
from steelyard.learning.packed import packed


def test_sums_do_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(0)
    terms = np.exp(-40 * rng.random(10_001))
    assert {exact_sum(rng.permutation(terms)) for _ in range(20)} == {exact_sum(terms)}
    assert abs(exact_sum(terms) - terms.sum()) < 1e-11 and exact_sum(np.ones(9)) == 9.0


def test_smallest_takes_the_first_of_equal_positions() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        position = rng.integers(0, 6, rng.integers(1, 40))
        n = int(rng.integers(0, len(position) + 1))
        assert smallest(position, n).tolist() == sorted(np.argsort(position, kind="stable")[:n].tolist())


def test_the_hash_is_that_of_spark() -> None:
    # SELECT xxhash64(0L), xxhash64(1L): from Spark's own functions
    assert xxhash64(np.array([0, 1])).view(np.int64).tolist() == [-5252525462095825812, -7001672635703045582]


N, RARE = 5000, 200
LEARNER = LocalLearner("decision_tree", {"max_depth": 3})


def table() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    label = np.arange(N) < RARE
    features = rng.normal(size=(N, 3)).astype(np.float32) + label[:, None]
    return {"unit": np.arange(N) * 7, "label": label.astype(np.int8), "weight": 1 + rng.random(N), "features": features}


def start(rows: dict[str, Any]) -> ArrayRounds:
    return ArrayRounds.start(rows, [3.0, 1.0], {"0": N - RARE, "1": RARE}, {"0": RARE, "1": RARE}, LEARNER, 3)


def blocks_of(rows: dict[str, Any], chosen: Any) -> pa.RecordBatch:
    columns = [rows["unit"], packed(rows["features"][chosen]), rows["label"].astype(float), rows["weight"]]
    arrays = [pa.array(c if isinstance(c, pa.Array) else c[chosen]) for c in columns]
    [blocks] = _blocks.pack([pa.RecordBatch.from_arrays(arrays, ["u", "features", "label", "weight"])], back=[3.0, 1.0])
    return blocks


def state_of(rounds: ArrayRounds) -> dict[str, Any]:
    return {"counts": rounds.counts, "bag": rounds.bag, "learner": LEARNER.to_json(), "seed": 3, "bound": rounds.bound}


def test_blocks_hold_the_rows_and_their_rounds() -> None:
    rounds, sums = start(table()).weighed()
    member, blocks, state = rounds.member(0, sums), blocks_of(table(), np.arange(N)), state_of(rounds)
    assert blocks.num_rows > 3
    [scored] = _blocks.scored([blocks[2:]], state=state, change=None, member=member.model)
    [(_, part)] = _blocks.rows_of([scored], state, ("m2", 0.4))
    expected = rounds.scored(member).reweighted("m2", 0.4)
    for name in ("unit", "label", "weight", "features", "margin"):
        assert np.array_equal(getattr(part, name), getattr(expected, name)[N - len(part.unit) :])


@pytest.mark.parametrize("partitions", [1, 7, 200])
def test_sums_and_candidates_of_blocks_do_not_depend_on_partitions(partitions: int) -> None:
    rounds, sums = start(table()).weighed()
    parts = np.array_split(np.random.default_rng(partitions).permutation(N), partitions)
    blocks, state = [blocks_of(table(), part) for part in parts], state_of(rounds)
    found = [row for b in _blocks.totals(blocks, state=state, change=None, of=("weights",)) for row in b.to_pylist()]
    for label, expected in sums.items():
        own = [row for row in found if row["g"] == label]
        assert from_halves(sum(row["high"] for row in own), sum(row["low"] for row in own)) == expected
    limits = [race_limit(RARE, N - RARE, 1.0), 0]
    drawn = pa.Table.from_batches(
        _blocks.candidates(blocks, state=state, change=None, number=4, by=sums, limits=limits)
    ).sort_by("place")
    there = rounds.raced(4, sums, limits)
    order = np.argsort(there.rows)
    for name, values in (("place", rounds.unit[there.rows]), ("position", there.position), ("weight", there.weight)):
        assert np.array_equal(drawn.column(name).to_numpy(), values[order])


def test_a_limit_only_leaves_out_rows_beyond_it() -> None:
    rounds, sums = start(table()).weighed()
    every, some = rounds.raced(5, sums), rounds.raced(5, sums, [race_limit(RARE, N - RARE, 1.0), 0])
    inside = (every.stratum == 1) | (every.position <= race_limit(RARE, N - RARE, 1.0))
    assert inside.sum() < N / 10 and all(np.array_equal(a[inside], b) for a, b in zip(every, some, strict=True))


def test_neighbours_that_are_known_change_no_synthetic_row() -> None:
    rows = table()
    x, y, weight = rows["features"], rows["label"], rows["weight"]
    own = np.concatenate([x[:RARE], x[RARE:]])
    for seed in (1, 2):
        made, labels, weights = with_synthetic(x, y, weight, seed, label=1, rows=50, k=5)
        theirs, _ = SMOTE(sampling_strategy={1: RARE + 50}, random_state=seed).fit_resample(own, y)
        assert np.array_equal(made[N:], theirs[N:]) and labels.sum() == RARE + 50
        assert np.allclose(weights[N:], weight[:RARE].mean())
