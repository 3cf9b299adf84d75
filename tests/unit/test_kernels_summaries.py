"""Summaries of features: merged ones against those of all rows, and drawn rows."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.summaries import (
    HIGH,
    INFINITE,
    KNOWN,
    LOW,
    MEAN,
    SQUARES,
    drawn,
    merge,
    mixed,
    quantiles,
    summarize,
)


def table(features: int, rows: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.normal(1e6, 1.0, size=(features, rows))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[1] = np.nan
    values[2, ::50] = -np.inf
    return values


def test_merged_summaries_are_those_of_all_rows() -> None:
    values = table(5, 1000)
    starts = np.array([0, 1, 400])
    parts = summarize(values, starts)
    found = parts[0]
    for part in parts[1:]:
        found = merge(found, part)
    (whole,) = summarize(values, np.array([0]))
    known = ~np.isnan(values)
    assert found[KNOWN].tolist() == whole[KNOWN].tolist() == known.sum(axis=1).tolist()
    assert found[INFINITE].tolist() == [0, 0, np.isneginf(values[2]).sum(), 0, 0]
    for i in (0, 3, 4):
        of = values[i][known[i]]
        assert found[[LOW, HIGH], i].tolist() == [of.min(), of.max()]
        assert found[MEAN, i] == pytest.approx(of.mean(), rel=1e-14)
        assert found[SQUARES, i] == pytest.approx(((of - of.mean()) ** 2).sum(), rel=1e-9), "beside means of a million"
    assert found[KNOWN, 1] == 0 and found[LOW, 1] == np.inf
    assert not np.isfinite(found[MEAN, 2]) and found[LOW, 2] == -np.inf


def test_quantiles_are_values_that_occur() -> None:
    values = np.array([[3.0, 1.0, np.nan, 2.0, 4.0], [np.nan] * 5])
    assert quantiles(values, (0.05, 0.25, 0.5, 0.75, 0.95))[:, 0].tolist() == [1, 1, 2, 3, 4]
    assert np.isnan(quantiles(values, (0.5,))[0, 1])
    assert np.isnan(quantiles(np.empty((2, 0)), (0.5,))).all()


def test_rows_are_drawn_by_content_and_equal_rows_each_by_itself() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(size=(3, 50_000)), np.zeros((3, 50_000))], axis=1)
    hashes = mixed(np.zeros(100_000, dtype=np.uint64), values)
    chosen = drawn(hashes, np.full(100_000, 0.1))
    for half in (chosen[:50_000], chosen[50_000:]):
        assert half.sum() == pytest.approx(5000, abs=4 * np.sqrt(4500))
    order = rng.permutation(50_000)
    assert (drawn(hashes[:50_000][order], np.full(50_000, 0.1)) == chosen[:50_000][order]).all()
    assert drawn(hashes, np.ones(100_000)).all()
    assert mixed(hashes[:1] * 0, np.array([[-0.0]])) == mixed(hashes[:1] * 0, np.array([[0.0]]))
