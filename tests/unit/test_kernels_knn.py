"""Nearest neighbours against brute force and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from steelyard.kernels import _engines
from steelyard.kernels.knn import NOBODY, first_of_equal, nearest

ENGINES = ["faiss", "numpy"]


def brute_force(
    queries: NDArray[Any], query_ids: NDArray[Any], index: NDArray[Any], ids: NDArray[Any], k: int, distinct: bool
) -> tuple[list[list[int]], list[list[float]]]:
    """The definition, one pair after the other."""
    found_ids, found = [], []
    for q, me in zip(queries, query_ids, strict=True):
        order = sorted((float(sum((a - b) ** 2 for a, b in zip(q, x, strict=True))), int(i), tuple(x)) for x, i in
                       zip(index, ids, strict=True) if i != me)  # fmt: skip
        seen: set[tuple[float, ...]] = {tuple(q)}
        kept = []
        for squared, i, x in order:
            if distinct and (x in seen or squared == 0):
                continue
            seen.add(x)
            kept.append((squared, i))
        kept = (kept + [(np.inf, NOBODY)] * k)[:k]
        found_ids.append([i for _, i in kept])
        found.append([d for d, _ in kept])
    return found_ids, found


def table(rng: np.random.Generator, n: int, kind: str) -> NDArray[np.float64]:
    if kind == "grid":
        return rng.integers(0, 3, (n, 3)).astype(float)
    if kind == "far":
        return rng.normal(1e6, 1e-3, (n, 4))
    if kind == "one feature rules":
        return np.column_stack([rng.integers(0, 10**6, n) * 1.0, rng.normal(0, 1e-3, (n, 2))])
    if kind == "heavy tails":
        return rng.standard_cauchy((n, 4))
    return rng.normal(size=(n, 4))


KINDS = ["normal", "grid", "far", "one feature rules", "heavy tails"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_definition(kind: str, distinct: bool, engine: Any) -> None:
    rng = np.random.default_rng(7)
    rows = table(rng, 90, kind)
    rows[60:] = rows[:30]
    ids = rng.permutation(10_000)[:90]
    found = nearest(rows, ids, rows, ids, 5, distinct=distinct, engine=engine)
    expected_ids, expected = brute_force(rows, ids, rows, ids, 5, distinct)
    assert found.ids.tolist() == expected_ids
    assert found.totals.tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_faiss_and_numpy_give_the_same_bits_where_certification_has_to_work(kind: str) -> None:
    rng = np.random.default_rng(3)
    rows = table(rng, 1200, kind)
    ids = rng.permutation(len(rows))
    one, other = (nearest(rows, ids, rows, ids, 5, distinct=True, engine=e) for e in ENGINES)  # type: ignore[arg-type]
    assert np.array_equal(one.ids, other.ids)
    assert np.array_equal(one.totals, other.totals)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["normal", "far", "one feature rules", "heavy tails"])
def test_equals_scikit_learn_where_nothing_ties(kind: str, engine: Any) -> None:
    rng = np.random.default_rng(5)
    rows = table(rng, 1500, kind)
    ids = np.arange(len(rows))
    found = nearest(rows, ids, rows, ids, 5, engine=engine)
    distances, neighbors = NearestNeighbors(n_neighbors=6, algorithm="kd_tree").fit(rows).kneighbors(rows)
    untied = (np.diff(distances, axis=1) > 1e-9 * distances[:, 1:]).all(axis=1) & (distances[:, 1] > 0)
    assert untied.mean() > 0.95
    assert np.array_equal(found.ids[untied], neighbors[untied, 1:])
    np.testing.assert_allclose(np.sqrt(found.totals), distances[:, 1:], rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_block_by_block_is_the_same_as_at_once(engine: Any) -> None:
    rng = np.random.default_rng(11)
    rows = table(rng, 600, "far")
    ids = rng.permutation(len(rows))
    whole = nearest(rows, ids, rows, ids, 4, engine=engine)
    blocks = [nearest(rows, ids, rows[b], ids[b], 4, engine=engine) for b in np.array_split(np.arange(600), 7)]
    squared = np.concatenate([b.totals for b in blocks], axis=1)
    found = np.concatenate([b.ids for b in blocks], axis=1)
    order = np.lexsort((found, squared), axis=1)[:, :4]
    assert np.array_equal(np.take_along_axis(found, order, axis=1), whole.ids)
    assert np.array_equal(np.take_along_axis(squared, order, axis=1), whole.totals)


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(13)
    rows = table(rng, 500, "grid")
    ids = rng.permutation(len(rows))
    shuffled = rng.permutation(len(rows))
    one = nearest(rows, ids, rows, ids, 5)
    other = nearest(rows[shuffled], ids[shuffled], rows[shuffled], ids[shuffled], 5)
    assert np.array_equal(one.ids[shuffled], other.ids)


def test_many_ties_are_broken_by_id_and_not_by_who_was_proposed() -> None:
    rows = np.vstack([np.zeros((1, 30)), np.eye(30), np.eye(30) * 2, np.full((2000, 30), 3.0)])
    ids = np.arange(len(rows))[::-1].copy()
    found = nearest(rows[:1], ids[:1], rows, ids, 5, engine="numpy")
    assert found.ids[0].tolist() == sorted(ids[1:31])[:5]
    assert found.totals[0].tolist() == [1.0] * 5


@pytest.mark.parametrize("engine", ENGINES)
def test_float32_alone_would_be_wrong_here(engine: Any) -> None:
    """Guards the test data: without certification these neighbours differ."""
    rng = np.random.default_rng(17)
    rows = table(rng, 3500, "one feature rules")
    ids = np.arange(len(rows))
    right = nearest(rows, ids, rows, ids, 3, engine=engine).ids
    single = (rows - rows.mean(axis=0)).astype(np.float32)
    positions, _ = _engines.by_numpy(single, single, 4)
    wrong = sum(set(p) - {i} != set(r) for i, (p, r) in enumerate(zip(positions, right, strict=True)))
    assert wrong > 30


@pytest.mark.parametrize("engine", ENGINES)
def test_too_few_rows_leave_the_end_of_a_list_empty(engine: Any) -> None:
    rows, ids = np.array([[0.0], [0.0], [1.0]]), np.array([3, 1, 2])
    plain = nearest(rows, ids, rows, ids, 4, engine=engine)
    assert plain.ids.tolist() == [[1, 2, -1, -1], [3, 2, -1, -1], [1, 3, -1, -1]]
    distinct = nearest(rows, ids, rows, ids, 4, distinct=True, engine=engine)
    assert distinct.ids.tolist() == [[2, -1, -1, -1], [2, -1, -1, -1], [1, -1, -1, -1]]
    assert np.isinf(distinct.totals[:, 1:]).all()


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_search_gives_nothing(n: int, m: int) -> None:
    found = nearest(np.zeros((n, 2)), np.arange(n), np.zeros((m, 2)), np.arange(m), 2)
    assert found.ids.shape == (n, 2) and (found.ids == NOBODY).all()


def test_works_without_faiss(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("steelyard.kernels._engines.importlib.import_module", absent)
    rows, ids = np.random.default_rng(1).normal(size=(50, 3)), np.arange(50)
    assert np.array_equal(nearest(rows, ids, rows, ids, 3).ids, nearest(rows, ids, rows, ids, 3, engine="numpy").ids)
    with pytest.raises(ModuleNotFoundError):
        nearest(rows, ids, rows, ids, 3, engine="faiss")


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 8), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_small_tables_equal_the_definition(n: int, d: int, k: int, seed: int, distinct: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.choice([-1.0, -0.0, 0.0, 0.5, 1e6], (n, d))
    ids = rng.permutation(n) * 7
    found = nearest(rows, ids, rows, ids, k, distinct=distinct)
    assert found.ids.tolist() == brute_force(rows, ids, rows, ids, k, distinct)[0]


def test_the_first_of_equal_rows_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([[0.0, 1], [2, 2], [-0.0, 1], [2, 2], [3, 3]])
    assert first_of_equal(rows).tolist() == [0, 1, 4]
    assert first_of_equal(np.repeat(rows, 2, axis=0), 3).tolist() == [0, 1, 2, 3, 4, 6, 8, 9]
    monkeypatch.setattr("steelyard.kernels.knn.splitmix64", np.zeros_like)
    assert first_of_equal(rows).tolist() == [0, 1, 4], "also where hashes collide"
    assert first_of_equal(np.repeat(rows, 2, axis=0), 3).tolist() == [0, 1, 2, 3, 4, 6, 8, 9]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_proposals_by_groups_hold_the_smallest(kind: type[Any]) -> None:
    rng = np.random.default_rng(23)
    index, queries = (rng.normal(size=(n, 3)).astype(kind) for n in (5001, 40))
    positions, looked = _engines.by_numpy(queries, index, 9)
    squared = np.square(queries[:, None].astype(float) - index[None]).sum(axis=2)
    assert [sorted(p) for p in positions] == [sorted(np.argsort(row)[:9]) for row in squared]
    np.testing.assert_allclose(looked.max(axis=1), np.sort(squared, axis=1)[:, 8], rtol=1e-3)
