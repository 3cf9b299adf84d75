"""How heavy groups of equal rows are divided: pure arithmetic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.hashing._groups import divide, is_heavy

SIZES = st.lists(st.integers(11, 5000), min_size=1, max_size=30)


@given(SIZES, st.integers(0, 50_000), st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_sides_are_exact_ascending_and_in_proportion(sizes: list[int], rest: int, shares: list[float]) -> None:
    heavy, total = dict(enumerate(sizes)), rest + sum(sizes)
    quotas = [round(share * total) for share in sorted(shares)]
    below = [0] * len(sizes)
    for quota, (rank, groups) in zip(quotas, divide(quotas, total, heavy), strict=True):
        takes = [groups[p][0] for p in heavy]
        assert rank + sum(takes) == quota and 0 <= rank <= rest
        assert all(low <= take <= size for low, take, size in zip(below, takes, sizes, strict=True))
        # Each side rounds by less than one row.
        assert all(abs(take - size * quota / total) < len(shares) for take, size in zip(takes, sizes, strict=True))
        below = takes


def test_a_quota_beyond_the_rows_takes_all() -> None:
    assert list(divide([5, 200], 100, {1: 40})) == [(3, {1: (2, 40)}), (60, {1: (40, 40)})]


def test_what_is_heavy() -> None:
    assert not is_heavy(10, 11) and is_heavy(11, 11)
    assert not is_heavy(1000, 1_000_000) and is_heavy(1001, 1_000_000)
