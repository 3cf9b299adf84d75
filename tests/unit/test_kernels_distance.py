"""Distances against their definitions, and neighbours by them against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from imblearn.metrics.pairwise import ValueDifferenceMetric
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from steelyard.kernels.distance import Distance
from steelyard.kernels.knn import NOBODY, nearest


def mixed(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.column_stack([rng.normal(size=(n, 2)), rng.integers(0, 3, (n, 2)), rng.integers(0, 40, n)])


def definition(distance: Distance, a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """All totals, one expression each."""
    if distance.name == "manhattan":
        return np.asarray(cdist(a, b, "cityblock"))
    if distance.name == "vdm":
        parts = np.abs(a[:, None] - b[None]).reshape(len(a), len(b), -1, distance.classes)
        return np.asarray(np.square(parts.sum(axis=3)).sum(axis=2))
    numbers = a.shape[1] - distance.nominal
    differ = (a[:, None, numbers:] != b[None, :, numbers:]).sum(axis=2)
    return np.asarray(cdist(a[:, :numbers], b[:, :numbers], "sqeuclidean") + distance.penalty * differ)


DISTANCES = [
    Distance(),
    Distance(nominal=3, penalty=0.37),
    Distance("manhattan"),
    Distance("vdm", classes=5),
]


@pytest.mark.parametrize("engine", ["faiss", "numpy"])
@pytest.mark.parametrize("distance", DISTANCES, ids=lambda d: f"{d.name}{d.nominal}")
def test_neighbours_by_any_distance_are_those_of_the_definition(distance: Distance, engine: Any) -> None:
    rng = np.random.default_rng(0)
    rows = mixed(rng, 300)
    ids = rng.permutation(10_000)[:300]
    totals = definition(distance, rows, rows)
    np.testing.assert_allclose(distance.totals(rows, rows.T.copy(), np.arange(300)[None]), totals, atol=1e-12)
    found = nearest(rows, ids, rows, ids, 6, distance=distance, engine=engine)
    np.fill_diagonal(totals, np.inf)
    for i in range(len(rows)):
        order = np.lexsort((ids, np.round(totals[i], 12)))[:6]
        np.testing.assert_allclose(found.totals[i], totals[i][order], atol=1e-12)
        clear = np.diff(np.sort(totals[i])[:7]) > 1e-9
        if clear.all():
            assert found.ids[i].tolist() == ids[order].tolist()


def test_many_categories_are_compared_pair_by_pair() -> None:
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.normal(size=1200), np.arange(1200.0)])
    distance, ids = Distance(nominal=1, penalty=2.0), np.arange(1200)
    assert distance.embed(rows, rows) is None
    found = nearest(rows, ids, rows, ids, 3, distance=distance)
    alone = nearest(rows[:, :1], ids, rows[:, :1], ids, 3)
    assert np.array_equal(found.ids, alone.ids)
    np.testing.assert_allclose(found.totals, alone.totals + 2.0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_shares_give_imbalanced_learns_value_difference_metric(n_classes: int) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 4, (80, 3)), rng.integers(0, n_classes, 80)
    peer = ValueDifferenceMetric().fit(x, y).pairwise(x)
    shares = np.array([[[np.mean(y[x[:, f] == v] == c) for c in range(n_classes)] for v in range(4)] for f in range(3)])
    rows = np.concatenate([shares[f][x[:, f]] for f in range(3)], axis=1)
    distance = Distance("vdm", classes=n_classes)
    totals = distance.totals(rows, rows.T.copy(), np.arange(80)[None])
    # imbalanced-learn gives the sum of squares without its root.
    np.testing.assert_allclose(totals, peer, atol=1e-12)
    if n_classes == 2:
        half = np.ascontiguousarray(2 * rows[:, ::2])
        np.testing.assert_allclose(Distance().totals(half, half.T.copy(), np.arange(80)[None]), totals, atol=1e-12)


def test_distinct_neighbours_differ_in_number_or_category() -> None:
    rows = np.array([[0.0, 1], [0, 1], [0, 2], [0, 2], [1, 1]])
    ids = np.arange(5)
    found = nearest(rows, ids, rows, ids, 3, distinct=True, distance=Distance(nominal=1, penalty=4.0))
    assert found.ids[0].tolist() == [4, 2, NOBODY]
