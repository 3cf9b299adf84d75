"""Whole numbers divided in proportion."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from steelyard.kernels.allocate import largest_remainder


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
