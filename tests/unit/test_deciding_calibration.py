"""Calibrators against scikit-learn and known posteriors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from steelyard.deciding import (
    Calibrator,
    ClassCalibrators,
    Identity,
    Isotonic,
    Platt,
    Prior,
    calibrator_from_json,
    choose_calibration,
    fit_calibrator,
    fit_class_calibrators,
)
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.calibration import smoothed_targets
from steelyard.metrics import ScoreTable
from steelyard.weighting import weight_distortion


def rows(seed: int = 0, n: int = 5000, digits: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that are too high, labels, weights."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 6, n)
    label = rng.random(n) < p
    return np.round(np.sqrt(p), digits), label, rng.choice([0.5, 1.0, 2.0], n)


@pytest.mark.parametrize("digits", [2, 12])
def test_isotonic_is_scikit_learns_on_smoothed_targets(digits: int) -> None:
    score, label, weight = rows(digits=digits)
    low, high = smoothed_targets(float(weight[label].sum()), float(weight[~label].sum()))
    oracle = IsotonicRegression(out_of_bounds="clip").fit(score, np.where(label, high, low), sample_weight=weight)
    found = fit_calibrator("isotonic", ScoreTable.from_rows(score, label, weight))
    grid = np.linspace(score.min(), score.max(), 1000)
    assert found.apply_numpy(score) == pytest.approx(oracle.predict(score), abs=2e-6)
    assert found.apply_numpy(grid) == pytest.approx(oracle.predict(grid), abs=2e-6)


def test_isotonic_keeps_the_ranking() -> None:
    score, label, _ = rows(n=20_000)
    found = fit_calibrator("isotonic", ScoreTable.from_rows(score, label))
    distinct = np.unique(np.concatenate([score, np.linspace(0, 1, 5001)]))
    calibrated = found.apply_numpy(distinct)
    assert (np.diff(calibrated) >= 0).all()
    assert len(np.unique(calibrated)) > 0.999 * len(distinct)
    assert calibrated.min() > 0
    assert calibrated.max() < 1
    plain = IsotonicRegression().fit_transform(score, label)
    assert len(np.unique(plain)) < 200  # what the tilt is for


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


def test_platt_is_logistic_regression_on_smoothed_targets() -> None:
    score, label, weight = rows()
    low, high = smoothed_targets(float(weight[label].sum()), float(weight[~label].sum()))
    target = np.where(label, high, low)
    z = np.log(score / (1 - score))[:, None]
    oracle = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(
        np.vstack([z, z]), np.repeat([1, 0], len(z)), np.concatenate([weight * target, weight * (1 - target)])
    )
    found = fit_calibrator("platt", ScoreTable.from_rows(score, label, weight))
    assert found.apply_numpy(score) == pytest.approx(oracle.predict_proba(z)[:, 1], abs=1e-6)
    assert found.apply_numpy(score).mean() == pytest.approx(label.mean(), rel=0.05)


def test_platt_on_separable_scores_is_finite() -> None:
    score, label = np.array([0.0, 0.1, 0.9, 1.0]), np.array([False, False, True, True])
    found = fit_calibrator("platt", ScoreTable.from_rows(score, label))
    p = found.apply_numpy(score)
    assert np.isfinite(p).all()
    assert p[0] < 0.5 < p[-1]


def test_prior_gives_exact_posteriors() -> None:
    p = np.linspace(0.01, 0.99, 50)
    rates = {"0": 0.02, "1": 1.0}
    bent = p / (p + (1 - p) * 0.02)
    found = fit_calibrator("prior", ScoreTable.from_rows(p, p > 0.5), rates=rates, positive="1")
    assert found.apply_numpy(bent) == pytest.approx(p)
    dal_pozzolo = 0.02 * bent / (0.02 * bent - bent + 1)
    assert found.apply_numpy(bent) == pytest.approx(dal_pozzolo)


def test_prior_of_several_classes_gives_exact_posteriors() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([5, 1, 0.2], 100)
    rates = {"a": 0.1, "b": 1.0, "c": 4.0}
    bent = p * list(rates.values())
    bent /= bent.sum(axis=1, keepdims=True)
    found = fit_class_calibrators("prior", tuple(rates), [], rates=rates)
    assert found.apply_numpy(bent) == pytest.approx(p)


def test_several_classes_add_up_to_one_and_an_absent_class_keeps_its_scores() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([5, 2, 1], 3000)
    label = np.array([rng.choice(2, p=row[:2] / row[:2].sum()) for row in p])
    tables = [ScoreTable.from_rows(p[:, i], label == i) for i in range(3)]
    found = fit_class_calibrators("platt", ("a", "b", "c"), tables)
    assert [c.method for c in found.calibrators] == ["platt", "platt", "none"]
    calibrated = found.apply_numpy(p)
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(3000))
    assert ClassCalibrators.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    "calibrator",
    [Identity(), Prior(1.0, 0.02), Platt(1.3, -0.4), Isotonic((0.0, 0.5, 1.0), (0.001, 0.2, 0.9))],
)
def test_json_round_trip(calibrator: Calibrator) -> None:
    assert calibrator_from_json(json.loads(json.dumps(calibrator.to_json()))) == calibrator


@pytest.mark.parametrize(
    ("distortion", "positives", "expected"),
    [
        (Distortion(), 10, "none"),
        (Distortion({"0": 0.1, "1": 1.0}), 10_000, "prior"),
        (Distortion({"0": 0.1}).then(weight_distortion({"0": 0.5, "1": 5.0})), 10_000, "isotonic"),
        (Distortion({"0": 0.1}).then(weight_distortion({"0": 1.0, "1": 1.0})), 10_000, "prior"),
        (weight_distortion({"0": 0.5, "1": 5.0}), 499, "platt"),
        (Distortion({"1": 9.0}, exact=False), 500, "isotonic"),
    ],
)
def test_auto(distortion: Distortion, positives: int, expected: str) -> None:
    assert choose_calibration("auto", distortion, validation_positives=positives) == expected


def test_what_cannot_be_calibrated() -> None:
    one_class = ScoreTable.from_rows(np.array([0.1, 0.2]), np.array([False, False]))
    for method in ("platt", "isotonic"):
        with pytest.raises(InputError, match="both classes"):
            fit_calibrator(method, one_class)
    with pytest.raises(ConfigError, match="there were none"):
        choose_calibration("prior", Distortion(), validation_positives=9)
    with pytest.raises(ConfigError, match="Did you mean 'platt'"):
        choose_calibration("plat", Distortion(), validation_positives=9)
    with pytest.raises(ConfigError, match="two classes"):
        fit_calibrator("prior", one_class, rates={"0": 0.5}, positive="1")
