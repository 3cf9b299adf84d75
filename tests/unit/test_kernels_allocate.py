"""Whole numbers divided in proportion."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from steelyard.kernels.allocate import largest_remainder, place_groups


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30), st.integers(0, 10**15))
def test_parts_add_up_and_are_shares_rounded(weights: list[int], total: int) -> None:
    parts = largest_remainder(weights, total)
    whole = sum(weights)
    if whole == 0:
        assert parts == [0] * len(weights)
        return
    assert sum(parts) == total
    shares = [Fraction(w * total, whole) for w in weights]
    assert all(abs(p - s) < 1 for p, s in zip(parts, shares, strict=True))
    up = [s - p for p, s in zip(parts, shares, strict=True) if p > s]
    down = [s - p for p, s in zip(parts, shares, strict=True) if p < s]
    assert not up or not down or min(u + 1 for u in up) >= max(down)


def test_equal_fractions_go_to_the_first() -> None:
    assert largest_remainder([1, 1, 1], 2) == [1, 1, 0]
    assert largest_remainder([], 0) == []


def test_placed_groups_are_as_even_as_stratified_group_k_fold() -> None:
    rng = np.random.default_rng(0)
    groups = np.minimum(rng.pareto(1.0, (300, 3)) * [20, 5, 1], 500).astype(np.int64)
    totals = groups.sum(axis=0)
    wanted = np.array([largest_remainder([1] * 5, int(t)) for t in totals]).T
    sides = place_groups(groups, wanted, np.zeros_like(wanted))
    held = np.array([groups[sides == s].sum(axis=0) for s in range(5)])
    y = np.repeat(np.tile(np.arange(3), 300), groups.ravel())
    g = np.repeat(np.repeat(np.arange(300), 3), groups.ravel())
    theirs = np.array([np.bincount(y[test], minlength=3) for _, test in StratifiedGroupKFold(5).split(y, y, g)])
    assert np.abs(held - wanted).max() <= np.abs(theirs - wanted).max()


def test_placed_groups_make_up_for_what_is_there() -> None:
    wanted = np.array([[20, 2], [10, 1], [70, 7]])
    base = np.array([[2, 2], [10, 0], [30, 3]])
    groups = np.array([[0, 1]] * 5 + [[1, 0]] * 58)
    sides = place_groups(groups, wanted, base)
    held = base.copy()
    np.add.at(held, sides, groups)
    assert (held == wanted).all()
    giant = place_groups(np.array([[80, 8], *[[1, 0]] * 20, *[[0, 1]] * 2]), wanted, np.zeros_like(wanted))
    assert giant[0] == 2 and (giant[1:] != 2).all()
    assert place_groups(np.zeros((0, 2), np.int64), wanted, base).shape == (0,)
