"""What has become of rows, told from arrays alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from steelyard.kernels.outcomes import Outcome, by_content, by_indices, order_of, replaced, trimmed
from steelyard.sampling.engine._task import Units

RNG = np.random.default_rng(0)


def test_rows_are_told_from_copies() -> None:
    x = RNG.integers(0, 3, (60, 2)).astype(float)
    y = RNG.integers(0, 2, 60)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        chosen = rng.integers(0, 60, 40)
        made = rng.normal(size=(7, 2))
        after, labels = np.concatenate([x[chosen], made]), np.concatenate([y[chosen], [0] * 7])
        found = by_content(x, y, after, labels)
        before, kept = (Counter(map(tuple, np.column_stack([x, y])[m])) for m in (slice(None), found.kept))
        there = Counter(map(tuple, np.column_stack([after, labels])[:40]))
        assert kept == before & there
        assert set(range(40, 47)) <= set(found.new.tolist())
        assert len(found.new) + found.kept.sum() == 47


def test_the_label_is_part_of_a_row() -> None:
    x = np.zeros((2, 1))
    found = by_content(x, np.array([0, 1]), x, np.array([1, 1]))
    assert found.kept.tolist() == [False, True] and found.new.tolist() == [1]


def test_zero_has_no_sign() -> None:
    found = by_content(np.array([[0.0]]), np.array([0]), np.array([[-0.0]]), np.array([0]))
    assert found.kept.all() and not len(found.new)


def test_what_is_selected_twice_is_new_the_second_time() -> None:
    found = by_indices(np.array([4, 1, 4, 4]), 6)
    assert np.flatnonzero(found.kept).tolist() == [1, 4] and found.new.tolist() == [2, 3]


def test_centroids_stand_for_all_rows_of_their_class_and_of_no_other() -> None:
    labels, after = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1])
    found = replaced(Outcome(np.array([True, False, False, True, False]), np.array([1])), labels, after, [0, 1])
    assert found.kept.tolist() == [False, False, False, True, False]
    assert found.new.tolist() == [0, 1]


def test_a_surplus_goes_by_content_and_not_by_place() -> None:
    labels = np.array([0, 0, 1])
    made, of = RNG.normal(size=(20, 3)), np.repeat([0, 1], 10)
    outcome = Outcome(np.ones(3, dtype=bool), np.arange(3, 23))
    wanted = {0: 6, 1: 11}
    found = trimmed(outcome, labels, made, of, wanted)
    assert Counter(of[found.new - 3].tolist()) == {0: 4, 1: 10} and found.kept.all()
    mixed = RNG.permutation(20)
    again = trimmed(outcome, labels, made[mixed], of[mixed], wanted)
    assert set(mixed[again.new - 3].tolist()) == set((found.new - 3).tolist())


def test_a_surplus_of_old_rows_is_trimmed_too() -> None:
    outcome = Outcome(np.ones(30, dtype=bool), np.empty(0, np.intp))
    found = trimmed(outcome, np.zeros(30, dtype=int), np.empty((0, 1)), np.empty(0, int), {0: 11})
    assert found.kept.sum() == 11


def test_equal_rows_have_different_places() -> None:
    assert len(set(order_of(np.zeros((50, 2))).tolist())) == 50


def test_numbers_far_from_zero_come_near_without_losing_a_digit() -> None:
    near = RNG.normal(size=(50, 3))
    values = near + np.array([2.0**40, -(2.0**40), 2.0**10])
    units = Units.of(values, None, near=True)
    moved = values - units.origin
    assert units.origin.tolist() == [values[:, 0].min(), values[:, 1].min(), 0.0]
    assert np.array_equal(moved + units.origin, values) and np.abs(moved[:, :2]).max() < 10
    assert not Units.of(values, [1.0, 2.0, 3.0], near=False).origin.any()


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_rows(n: int) -> None:
    x, y = np.zeros((n, 2)), np.zeros(n, dtype=int)
    assert by_content(x, y, x, y).kept.all()
    assert len(order_of(x)) == n
