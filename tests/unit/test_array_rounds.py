"""Rounds in memory: exact sums, smallest positions, and Spark's hash."""

from __future__ import annotations

import numpy as np

from steelyard.ensemble._array_rounds import smallest
from steelyard.kernels.exact_sums import exact_sum
from steelyard.kernels.xxhash import xxhash64


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
