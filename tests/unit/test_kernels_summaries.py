"""Summaries of features and samples of rows: parts that are merged against all rows at once."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.exact import mean_and_deviation
from steelyard.kernels.summaries import Sample, finished, mixed, quantiles, smallest, summarize


def test_merged_summaries_are_those_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(1e6, 1.0, size=1000)
    values[rng.random(1000) < 0.1] = np.nan
    for column in (values, np.full(1000, np.nan), np.where(np.arange(1000) % 50, values, -np.inf)):
        known, finite = column[~np.isnan(column)], column[np.isfinite(column)]
        (whole,) = summarize(column, np.array([0]))
        found, *parts = summarize(rng.permutation(column), np.array([0, 1, 400]))
        for part in parts:
            found.add(part)
        assert found == whole or np.isnan(whole.low)
        assert (found.known, found.infinite) == (len(known), len(known) - len(finite))
        assert (found.total, found.squares) == (whole.total, whole.squares)
        if len(known):
            assert (found.low, found.high) == (known.min(), known.max())
            assert mean_and_deviation(len(finite), found.total, found.squares) == pytest.approx(
                [finite.mean(), finite.std(ddof=1)], rel=1e-12
            )


def test_the_sign_of_zero_depends_on_no_order() -> None:
    for values in ([0.0, -0.0], [-0.0, 0.0], [-0.0]):
        (found,) = summarize(np.array(values), np.array([0]))
        assert str(found.low) == str(found.high) == "0.0"


def test_quantiles_are_values_that_occur() -> None:
    values = np.array([[3.0, np.nan], [1.0, np.nan], [np.nan, np.nan], [2.0, np.nan], [4.0, np.nan]])
    ones = np.ones(5, dtype=np.int64)
    assert quantiles(values, ones, (0.05, 0.25, 0.5, 0.75, 0.95))[:, 0].tolist() == [1, 1, 2, 3, 4]
    assert np.isnan(quantiles(values, ones, (0.5,))[0, 1])
    assert np.isnan(quantiles(np.empty((0, 2)), ones[:0], (0.5,))).all()
    assert quantiles(values, np.array([1, 9, 1, 1, 1]), (0.5, 0.75, 0.8))[:, 0].tolist() == [1, 1, 2]


def sample(values: np.ndarray) -> Sample:
    hashes = np.zeros(len(values), dtype=np.uint64)
    for column in values.T:
        hashes = mixed(hashes, column)
    return Sample(finished(hashes), np.ones(len(values), dtype=np.int64), values)


def test_a_sample_is_drawn_by_content_in_any_order_and_grouping() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(size=(20_000, 3)), np.repeat(rng.normal(size=(500, 3)), 7, axis=0)])
    whole = smallest([sample(values)], 2000)
    shuffled = rng.permutation(values)
    parts = [smallest([sample(part)], 2000) for part in np.array_split(shuffled, 7)]
    found = smallest([smallest(parts[:3], 2000), *parts[3:]], 2000)
    for name in ("hashes", "copies", "values"):
        assert (getattr(found, name) == getattr(whole, name)).all(), name
    assert len(whole.hashes) == 2000 and set(whole.copies.tolist()) == {1, 7}
    assert whole.copies.sum() == pytest.approx(2000 * len(values) / 20_500, rel=0.15)
    assert np.abs(quantiles(whole.values, whole.copies, (0.5,))).max() < 0.15
    everything = smallest([sample(values)], 1 << 40)
    assert everything.copies.sum() == len(values) and len(everything.hashes) == 20_500
    assert (sample(np.array([[-0.0]])).hashes == sample(np.array([[0.0]])).hashes).all()
