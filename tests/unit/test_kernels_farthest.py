"""Farthest rows against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steelyard.kernels import farthest as kernel
from steelyard.kernels.distance import Distance
from steelyard.kernels.farthest import NOTHING, farthest


def table(rng: np.random.Generator, n: int, kind: str) -> NDArray[np.float64]:
    if kind == "grid":
        return rng.integers(0, 3, (n, 3)).astype(float)
    if kind == "far":
        return rng.normal(1e6, 1e-3, (n, 4))
    if kind == "heavy tails":
        return rng.standard_cauchy((n, 4))
    return rng.normal(size=(n, 4))


def brute_force(queries: NDArray[Any], index: NDArray[Any], k: int) -> list[list[float]]:
    found = []
    for q in queries:
        totals = sorted((float(sum((a - b) * (a - b) for a, b in zip(q, x, strict=True))) for x in index), reverse=True)
        found.append((totals + [NOTHING] * k)[:k])
    return found


@pytest.mark.parametrize("kind", ["normal", "grid", "far", "heavy tails"])
def test_equals_the_definition_to_the_last_bit(kind: str) -> None:
    rng = np.random.default_rng(1)
    queries, index = table(rng, 40, kind), table(rng, 120, kind)
    for k in (1, 3, 120, 130):
        assert farthest(queries, index, k).tolist() == brute_force(queries, index, k), k


def test_nearly_all_lists_are_certified_and_the_others_are_redone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    queries, index = table(rng, 300, "normal"), table(rng, 2000, "normal")
    expected = farthest(queries, index, 3)
    _, most = kernel._proposed(queries, index, 14)
    assert (most <= expected[:, -1]).mean() > 0.99
    # A product that sees nothing: everything is computed anew.
    monkeypatch.setattr(kernel, "_proposed", lambda x, y, count: (np.zeros((300, 14), np.intp), np.full(300, np.inf)))
    assert np.array_equal(farthest(queries, index, 3), expected)


def test_equal_rows_count_once_when_distinct() -> None:
    index = np.array([[0.0], [9.0], [9.0], [5.0]])
    assert farthest(np.array([[0.0]]), index, 3, distinct=True).tolist() == [[81.0, 25.0, 0.0]]
    assert farthest(np.array([[0.0]]), index, 3).tolist() == [[81.0, 81.0, 25.0]]
    assert farthest(np.array([[0.0]]), index[:0], 2).tolist() == [[NOTHING, NOTHING]]


def test_categories_and_other_distances() -> None:
    rng = np.random.default_rng(3)
    rows = np.column_stack([rng.normal(size=(200, 2)), rng.integers(0, 4, 200)])
    everyone = np.arange(200)[None, :]
    for distance in (Distance(nominal=1, penalty=2.5), Distance("manhattan")):
        totals = distance.totals(rows[:50], np.ascontiguousarray(rows.T), everyone)
        assert np.array_equal(farthest(rows[:50], rows, 4, distance=distance), np.sort(totals, axis=1)[:, :-5:-1])
