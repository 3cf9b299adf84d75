"""Calibrators against scikit-learn and known posteriors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from simulated import changed_scores
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from steelyard.deciding import (
    Beta,
    Calibrator,
    ClassCalibrators,
    Identity,
    Isotonic,
    Platt,
    Prior,
    Quadratic,
    Steps,
    Temperature,
    calibrator_from_json,
    check_calibration,
    choose_calibrator,
    fit_array_policy,
    fit_calibrator,
    fit_class_calibrators,
)
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.calibration import smoothed_targets
from steelyard.metrics import ScoreTable


def rows(seed: int = 0, n: int = 5000, digits: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that are too high, labels, weights."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 6, n)
    label = rng.random(n) < p
    return np.round(np.sqrt(p), digits), label, rng.choice([0.5, 1.0, 2.0], n)


@pytest.mark.parametrize("digits", [2, 12])
def test_isotonic_is_scikit_learns_on_smoothed_targets(digits: int) -> None:
    score, label, weight = rows(digits=digits)
    weight /= min(weight[label].mean(), weight[~label].mean())
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


def test_platt_is_logistic_regression_on_smoothed_targets() -> None:
    score, label, weight = rows()
    weight /= min(weight[label].mean(), weight[~label].mean())
    low, high = smoothed_targets(float(weight[label].sum()), float(weight[~label].sum()))
    target = np.where(label, high, low)
    z = np.log(score / (1 - score))[:, None]
    oracle = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(
        np.vstack([z, z]), np.repeat([1, 0], len(z)), np.concatenate([weight * target, weight * (1 - target)])
    )
    found = fit_calibrator("platt", ScoreTable.from_rows(score, label, weight))
    assert found.apply_numpy(score) == pytest.approx(oracle.predict_proba(z)[:, 1], abs=1e-6)
    assert found.apply_numpy(score).mean() == pytest.approx(label.mean(), rel=0.05)


@pytest.mark.parametrize("method", ["temperature", "platt", "beta", "isotonic"])
def test_the_scale_of_weights_does_not_matter(method: str) -> None:
    score, label, weight = rows()
    found = [
        fit_calibrator(method, ScoreTable.from_rows(score, label, weight * scale)).apply_numpy(score)
        for scale in (1.0, 1e-6, 1e6)
    ]
    assert found[1] == pytest.approx(found[0], rel=1e-6) and found[2] == pytest.approx(found[0], rel=1e-6)
    if method != "temperature":
        assert np.average(found[1], weights=weight) == pytest.approx(np.average(label, weights=weight), rel=0.1)


def test_platt_and_beta_keep_the_order_of_scores_that_are_worse_than_chance() -> None:
    rng = np.random.default_rng(0)
    label = rng.random(500) < 0.2
    score = np.sort(np.clip(0.5 - 0.2 * label + rng.normal(0, 0.1, 500), 0.01, 0.99))[::-1]
    table = ScoreTable.from_rows(score, np.sort(label))  # the positives have the lowest scores
    for method in ("platt", "beta", "isotonic"):
        found = fit_calibrator(method, table).apply_numpy(np.unique(score))
        assert (np.diff(found) > 0).all() and found == pytest.approx(label.mean(), abs=0.01)
    with pytest.raises(InputError, match="temperature calibration would not keep the order"):
        fit_calibrator("temperature", table)


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
    found = Prior(rates["1"], rates["0"])
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
    [
        Identity(),
        Prior(1.0, 0.02),
        Temperature(0.7),
        Platt(1.3, -0.4),
        Beta(0.9, 1.1, -0.2),
        Quadratic(0.01, 1.0, -0.3, -8.0, 2.0),
        Isotonic((0.0, 0.5, 1.0), (0.001, 0.2, 0.9)),
        Steps((Prior(1.0, 0.02), Temperature(0.7))),
    ],
    ids=lambda c: c.method,
)
def test_json_round_trip(calibrator: Calibrator) -> None:
    assert calibrator_from_json(json.loads(json.dumps(calibrator.to_json()))) == calibrator


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda z: z, "none"),
        (lambda z: 2 * z, "temperature"),
        (lambda z: z + 1, "platt"),
        (lambda z: np.where(z < -3, -3 + 3 * (z + 3), z), "quadratic, beta or isotonic"),
    ],
    ids=["calibrated", "sharpened", "shifted", "bent"],
)
def test_auto_takes_the_simplest_that_the_rows_speak_for(
    change: Callable[[np.ndarray], np.ndarray], expected: str
) -> None:
    choice = choose_calibrator(changed_scores(change), exact=True)
    assert choice.calibrator.method in expected
    assert choice.note is None
    assert [c.method for c in choice.candidates][:2] == ["none", "temperature"]
    losses = {c.method: c.log_loss for c in choice.candidates}
    assert losses[choice.calibrator.method] < min(losses.values()) + 0.001


def test_scores_that_training_changed_are_calibrated_whatever_the_evidence() -> None:
    choice = choose_calibrator(changed_scores(lambda z: z), exact=False)
    assert choice.calibrator.method != "none"
    assert choice.note is not None and "not better than that of the raw scores" in choice.note
    sure = choose_calibrator(changed_scores(lambda z: z + 1), exact=False)
    assert sure.note is None and sure.calibrator.method in ("platt", "beta", "quadratic")


@pytest.mark.parametrize("exact", [True, False])
def test_few_rows_leave_no_choice(exact: bool) -> None:
    choice = choose_calibrator(changed_scores(lambda z: z + 1, 200), exact=exact)
    assert (choice.calibrator.method, choice.candidates) == ("none" if exact else "platt", ())


def test_evidence_is_that_of_rows() -> None:
    """Against scikit-learn's log loss, of the rows that were not fitted on, by hand."""
    score = np.repeat([0.1, 0.4, 0.8], [600, 300, 100])
    label = np.random.default_rng(1).random(1000) < score
    table = ScoreTable.from_rows(score, label)
    plain = choose_calibrator(table, exact=True).candidates[0]
    assert plain.log_loss == pytest.approx(log_loss(label, score))
    assert (plain.gain, plain.ci95) == (0.0, (0.0, 0.0))
    doubled = ScoreTable.from_rows(score, label, np.full(1000, 2.0))
    assert choose_calibrator(doubled, exact=True).candidates[0].log_loss == pytest.approx(plain.log_loss)


def test_beta_does_not_fall() -> None:
    p = np.linspace(0.001, 0.6, 4000)
    label = np.random.default_rng(0).random(4000) < np.where(p < 0.3, 0.5, p)
    found = fit_calibrator("beta", ScoreTable.from_rows(p, label))
    assert isinstance(found, Beta) and found.a >= 0 and found.b >= 0
    assert (np.diff(found.apply_numpy(p)) >= 0).all()


def test_quadratic_rises_beyond_its_scores_and_is_refused_where_it_falls() -> None:
    score = np.linspace(0.001, 0.6, 100_000)
    z = logit(score)
    label = np.random.default_rng(0).random(len(z)) < expit(0.05 * z**2 + 1.2 * z)
    found = fit_calibrator("quadratic", ScoreTable.from_rows(score, label))
    assert isinstance(found, Quadratic)
    assert (found.a, found.b, found.c) == pytest.approx((0.05, 1.2, 0), abs=0.1)
    assert (np.diff(found.apply_numpy(np.linspace(0, 1, 10_001))) >= 0).all()
    p = np.linspace(0.001, 0.999, 4000)
    label = np.random.default_rng(0).random(4000) < 2 * np.abs(p - 0.5)
    with pytest.raises(InputError, match="would not keep the order"):
        fit_calibrator("quadratic", ScoreTable.from_rows(p, label))


def test_the_prior_correction_of_a_recipe_without_one() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(400)
    table = ScoreTable.from_rows(score, rng.random(400) < score)
    kept: dict[str, Any] = {"classes": ("0", "1"), "positive": "1", "distortion": Distortion()}
    assert fit_array_policy(table, calibrate="prior", **kept) == fit_array_policy(table, calibrate="none", **kept)
    drawn = {**kept, "distortion": Distortion({"0": 0.1})}
    assert fit_array_policy(table, calibrate="prior", **drawn).calibrator.apply_numpy(np.array([0.5])) < 0.1


def test_what_cannot_be_calibrated() -> None:
    one_class = ScoreTable.from_rows(np.array([0.1, 0.2]), np.array([False, False]))
    for method in ("temperature", "platt", "beta", "quadratic", "isotonic"):
        with pytest.raises(InputError, match="both classes"):
            fit_calibrator(method, one_class)
    with pytest.raises(InputError, match="both classes"):
        choose_calibrator(one_class, exact=False)
    assert choose_calibrator(one_class, exact=True).calibrator == Identity()
    with pytest.raises(ConfigError, match="there were none"):
        check_calibration("prior", Distortion())
    with pytest.raises(ConfigError, match="Did you mean 'platt'"):
        check_calibration("plat")
