"""Leaving out groups of rows: never one that holds a neighbour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated import around_centres, by_feature

from steelyard.kernels import _groups
from steelyard.kernels._groups import Groups
from steelyard.kernels.knn import nearest

KINDS = {
    "around centres": lambda rng, n: around_centres(rng, n, 4),
    "far": lambda rng, n: rng.normal(1e6, 1e-3, (n, 4)),
    "grid": lambda rng, n: rng.integers(0, 6, (n, 3)).astype(float),
    "heavy tails": lambda rng, n: rng.standard_cauchy((n, 4)),
    "no structure": lambda rng, n: rng.normal(size=(n, 30)),
    "one feature rules": lambda rng, n: np.column_stack([rng.integers(0, 10**6, n) * 1.0, rng.normal(0, 1e-3, n)]),
    "mostly the same": lambda rng, n: np.where(rng.random((n, 1)) < 0.8, 2.0, rng.normal(size=(n, 3))),
    "one row and a crowd": lambda rng, n: np.vstack([np.full((1, 3), 1e9), rng.normal(size=(n - 1, 3))]),
}


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_neighbours_as_by_comparing_all(kind: str, distinct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    rows = KINDS[kind](rng, 1200)
    rows[900:1050] = rows[:150]
    ids = rng.permutation(len(rows))
    all_pairs = nearest(rows[:700], ids[:700], rows, ids, 5, distinct=distinct)
    monkeypatch.setattr(_groups, "_SIZE", 50)
    monkeypatch.setattr(_groups, "_GROWTH", 0)
    monkeypatch.setattr(_groups, "_AT_ONCE", 64)
    monkeypatch.setattr(_groups, "_WIDEST", 80)
    assert Groups.pay(700, 1200)
    for engine in ("faiss", "numpy"):
        found = nearest(rows[:700], ids[:700], rows, ids, 5, distinct=distinct, engine=engine)  # type: ignore[arg-type]
        assert np.array_equal(found.ids, all_pairs.ids) and np.array_equal(found.totals, all_pairs.totals)


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=15, deadline=None)
def test_no_row_is_nearer_than_its_group(kind: str, seed: int, precision: type[Any]) -> None:
    rng = np.random.default_rng(seed)
    rows = KINDS[kind](rng, 600)
    rows = (rows / np.abs(rows).max()).astype(precision)
    groups, queries = Groups(by_feature(rows), 600, 30), rows[::7]
    own = np.unique(_groups._nearest(queries, groups._centroids.astype(precision)))
    exact = rows.astype(float)[groups._order]
    squared = np.square(queries.astype(float)[:, None] - exact[None]).sum(axis=2)
    for group in own.tolist():
        least = groups._least(queries, group)
        for other in range(len(groups._sizes)):
            assert (least[:, other] <= squared[:, groups._group(other)].min(axis=1)).all()


def test_few_rows_or_queries_are_compared_with_all() -> None:
    assert Groups.pay(50_000, 50_000) and Groups.pay(64, 100_000)
    assert not Groups.pay(4000, 4000) and not Groups.pay(10, 10**6)
