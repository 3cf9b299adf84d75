"""Intervals: known values, and what they do at the edges. benchmarks/intervals.py measures their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from steelyard.kernels import intervals
from steelyard.kernels.reliability import debiased_error


def test_wilson_is_the_textbooks() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20
    assert intervals.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert intervals.wilson(1.0, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)


@pytest.mark.parametrize(("freedom", "expected"), [(0.2, 12.7062), (1, 12.7062), (3, 3.1824), (199, 1.9720)])
def test_t_quantile(freedom: float, expected: float) -> None:
    assert intervals.t_quantile(freedom) == pytest.approx(expected, abs=1e-4)
    assert intervals.t_quantile(math.inf) == pytest.approx(1.959964, abs=1e-6)


def test_draws_take_as_many_buckets_as_there_are() -> None:
    drawn = intervals.multiplicities(50, 4000, seed=1)
    assert drawn.shape == (4000, 50)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean() == pytest.approx(1.0)
    assert drawn.var() == pytest.approx(1 - 1 / 50, abs=0.02)  # of Binomial(50, 1/50)
    assert (drawn == intervals.multiplicities(50, 4000, seed=1)).all()
    assert (drawn != intervals.multiplicities(50, 4000, seed=2)).any()


def test_the_error_of_a_mean_is_that_of_the_buckets() -> None:
    values = np.random.default_rng(0).normal(size=200)
    draws = intervals.multiplicities(200, 4000) @ values / 200
    assert intervals.standard_error(draws, 200) == pytest.approx(values.std(ddof=1) / math.sqrt(200), rel=0.05)


def test_effective_number_of_equal_and_unequal_parts() -> None:
    assert intervals.effective_number(np.full(7, 3.0)) == pytest.approx(7)
    assert intervals.effective_number(np.array([100.0, 1e-9])) == pytest.approx(1)
    assert intervals.effective_number(np.zeros(3)) == 0


def test_a_proportion_of_independent_rows_gets_wilsons_interval() -> None:
    error = math.sqrt(0.8 * 0.2 / 50)
    assert intervals.unit_interval(0.8, error, math.inf, 50) == pytest.approx(intervals.wilson(0.8, 50))
    assert intervals.unit_interval(1.0, 0.0, math.inf, 50) == pytest.approx(intervals.wilson(1.0, 50))
    wider = intervals.unit_interval(0.8, 2 * error, 10, 50)
    assert wider is not None
    assert wider[0] < intervals.wilson(0.8, 50)[0] < intervals.wilson(0.8, 50)[1] < wider[1]
    assert intervals.unit_interval(0.8, error / 10, math.inf, 50, most=50) == pytest.approx(intervals.wilson(0.8, 50))


@pytest.mark.parametrize("count", [1, 4, 30])
def test_a_total_of_equal_events_gets_the_exact_poisson_interval(count: int) -> None:
    exact = {1: (0.0253, 5.5716), 4: (1.0899, 10.2416), 30: (20.2409, 42.8269)}[count]
    found = intervals.total_interval(5.0 * count, 5.0 * math.sqrt(count), math.inf, 5.0)
    assert found == pytest.approx([5 * x for x in exact], rel=0.03, abs=0.2)


def test_no_event_seen_still_has_an_upper_limit() -> None:
    low, high = intervals.total_interval(0.0, 0.0, math.inf, 2.0)
    assert low == 0
    assert high == pytest.approx(2 * 3.69, rel=0.02)  # the exact Poisson limit for 0 events
    assert intervals.total_interval(0.0, 0.0, math.inf, 0.0) == (0.0, 0.0)


def test_distances_of_a_sum_add_as_squares() -> None:
    low, high = intervals.sum_interval([(10.0, (7.0, 14.0)), (5.0, (1.0, 8.0))])
    assert low == pytest.approx(15 - 5)
    assert high == pytest.approx(15 + 5)


def test_an_envelope_stays_in_its_range() -> None:
    assert intervals.envelope((0.2, 0.5), None, (0.1, 1.2)) == (0.1, 1.0)
    assert intervals.envelope(None, None) is None


def test_a_carried_difference_of_proportions_is_newcombes() -> None:
    # Newcombe 1998, method 10: 56/70 - 48/80
    p, q = 56 / 70, 48 / 80
    moved = np.array([[a - q for a in intervals.wilson(p, 70)], [p - b for b in intervals.wilson(q, 80)]])
    assert intervals.carried_interval(p - q, moved) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize("real", [0.0, 0.2, 0.5])
def test_a_calibration_error_loses_its_noise(real: float) -> None:
    rng = np.random.default_rng(0)
    deviations = np.full(15, 0.01)
    sizes = np.full(15, real / 15) * np.where(np.arange(15) % 2, 1, -1)
    inside, points = 0, []
    for _ in range(60):
        gaps = sizes + deviations * rng.normal(size=15)
        seen = np.abs(gaps).sum()
        point, least, most = (share * seen for share in debiased_error(gaps, deviations))
        inside += least <= real <= most
        points.append(point)
    assert inside >= 53
    assert abs(np.median(points) - real) < 0.05  # the plain error is 0.12 too large where there is nothing but noise
