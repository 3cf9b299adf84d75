"""Exact sums: against rational arithmetic, in any order and grouping."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from steelyard.kernels.exact import exact_sums, mean_and_deviation

RNG = np.random.default_rng(0)
COLUMNS = {
    "normal": RNG.normal(size=3000),
    "beside means of a million": RNG.normal(1e6, 1.0, size=3000),
    "nearly constant": 1.7e9 + RNG.normal(size=3000) * 1e-5,
    "whole": RNG.integers(-50, 50, size=3000).astype(float),
    "beyond 2**53": RNG.integers(1 << 60, (1 << 62), size=3000).astype(float),
    "heavy tail": np.exp(RNG.normal(size=3000) * 20),
    "all sizes": RNG.choice([-1.0, 1.0], 3000) * 10.0 ** RNG.uniform(-150, 150, size=3000),
    "huge and small": np.concatenate([RNG.normal(size=2000), [1e300, -1e300, 1e-250, 5e-324]]),
    "constant": np.full(3000, 0.1),
    "zero": np.zeros(10),
    "tiny": np.full(10, 1e-170),
}


def exact(values: np.ndarray) -> tuple[Fraction, Fraction]:
    counted = [Fraction(v) for v in values.tolist() if abs(v) >= 2.0**-600]
    return sum(counted, Fraction(0)), sum((v * v for v in counted), Fraction(0))


@pytest.mark.parametrize("name", COLUMNS)
def test_sums_are_exact_in_any_order_and_grouping(name: str) -> None:
    values = COLUMNS[name]
    total, squares = exact(values)
    (all_sum,), (all_squares,) = exact_sums(values, np.array([0]))
    assert Fraction(all_sum, 1 << 700) == total and Fraction(all_squares, 1 << 1400) == squares
    parts = RNG.permutation(values)
    sums, products = exact_sums(parts, np.array([0, 1, 4, len(values) // 2]))
    assert (sum(sums), sum(products)) == (all_sum, all_squares)


@pytest.mark.parametrize("name", [n for n in COLUMNS if n != "huge and small"])
def test_mean_and_deviation_are_rounded_once(name: str) -> None:
    values = COLUMNS[name]
    n, (total, squares) = len(values), exact(values)
    sums, products = exact_sums(values, np.array([0]))
    mean, deviation = mean_and_deviation(n, sums[0], products[0])
    assert mean == float(total / n)
    assert deviation == pytest.approx(math.sqrt((squares - total * total / n) / (n - 1)), rel=1e-15)


def test_too_few_and_too_large_values() -> None:
    assert all(math.isnan(v) for v in mean_and_deviation(0, 0, 0))
    (total,), (squares,) = exact_sums(np.array([3.0]), np.array([0]))
    assert mean_and_deviation(1, total, squares)[0] == 3.0 and math.isnan(mean_and_deviation(1, total, squares)[1])
    (total,), (squares,) = exact_sums(np.array([1e308, 1.5e308, -1e308]), np.array([0]))
    assert mean_and_deviation(3, total, squares) == (5e307, math.inf)
