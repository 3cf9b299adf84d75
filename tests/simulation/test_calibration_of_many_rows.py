"""Calibrators on many rows and on many tables. No JVM."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import changed_scores

from steelyard.deciding import Beta, Isotonic, Temperature, choose_calibrator, fit_calibrator
from steelyard.metrics import ScoreTable


def test_auto_leaves_calibrated_scores_alone() -> None:
    """A candidate would replace nothing by chance in one table of forty, were the gain not cross-fitted."""
    chosen = [
        choose_calibrator(changed_scores(lambda z: z, 2000, seed), exact=True).calibrator.method for seed in range(30)
    ]
    assert chosen.count("none") >= 29


def test_isotonic_has_few_knots_however_many_blocks() -> None:
    rng = np.random.default_rng(0)
    score = np.linspace(0, 1, 60_000)
    label = rng.random(60_000) < score**2
    found = fit_calibrator("isotonic", ScoreTable.from_rows(score, label))
    assert isinstance(found, Isotonic)
    assert len(found.x) <= 256
    assert (np.diff(found.x) > 0).all()
    assert (np.diff(found.y) > 0).all()
    assert found.apply_numpy(score) == pytest.approx(score**2, abs=0.06)
    assert found.apply_numpy(score).mean() == pytest.approx(label.mean(), abs=1e-3)


def test_temperature_and_beta_recover_what_was_done() -> None:
    sharp = fit_calibrator("temperature", changed_scores(lambda z: 2 * z, 200_000))
    assert isinstance(sharp, Temperature) and sharp.slope == pytest.approx(0.5, rel=0.03)
    beta = fit_calibrator("beta", changed_scores(lambda z: z, 200_000))
    assert isinstance(beta, Beta)
    assert (beta.a, beta.b, beta.c) == pytest.approx((1, 1, 0), abs=0.15)


def test_bins_of_a_large_table_change_next_to_nothing() -> None:
    table = changed_scores(lambda z: 1.5 * z + 0.3, 60_000)
    found = {c.method: c.log_loss for c in choose_calibrator(table, exact=True).candidates}
    exact = fit_calibrator("platt", table).apply_numpy(table.score)
    size = table.pos.sum() + table.neg.sum()
    loss = -float(table.pos @ np.log(exact) + table.neg @ np.log1p(-exact)) / size
    assert found["platt"] == pytest.approx(loss, rel=0.002)
