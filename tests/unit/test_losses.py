"""Losses: the setting, the kernel against finite differences, and what XGBoost makes of them; no JVM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steelyard.config import TrainConfig, parse_loss
from steelyard.errors import ConfigError
from steelyard.kernels.losses import Focal, Ldam, ldam_margins
from steelyard.learning import check_trainer, get_trainer
from steelyard.learning._losses import ldam_of, objective_of

Z = np.linspace(-20, 20, 81)
LABELS = np.array([0.0, 1.0])
FOCAL = [Focal(), Focal(0.5), Focal(1, (0.4, 1.6)), Focal(2), Focal(5, (3.0, 0.2))]


@pytest.mark.parametrize("focal", FOCAL, ids=str)
def test_gradient_and_hessian_are_finite_differences(focal: Focal) -> None:
    step = 1e-4
    for label in LABELS:
        y = np.full(len(Z), label)
        gradient, hessian = focal.derivatives(Z, y)
        low, middle, high = (focal.values(Z + d, y) for d in (-step, 0, step))
        assert np.allclose(gradient, (high - low) / (2 * step), atol=1e-5)
        curvature = (focal.derivatives(Z + step, y)[0] - focal.derivatives(Z - step, y)[0]) / (2 * step)
        p = 1 / (1 + np.exp(-np.where(y > 0, Z, -Z)))
        floor = focal.weights[int(label)] * (1 - p) ** focal.gamma * p * (1 - p)
        exact = curvature >= floor - 1e-7
        assert np.allclose(hessian[exact], curvature[exact], atol=1e-5)
        assert np.allclose(hessian[~exact], floor[~exact], rtol=1e-6)
        assert (hessian >= 0).all() and np.isfinite(gradient).all() and exact.sum() > 30
        assert (focal.gamma > 0) == (~exact).any()
        assert (high + low - 2 * middle)[p > 0.2].min() > -1e-12, "convex where it is not badly wrong"


def test_without_gamma_and_with_equal_weights_it_is_log_loss() -> None:
    p = 1 / (1 + np.exp(-Z))
    gradient, hessian = Focal().derivatives(Z, np.ones(len(Z)))
    assert np.allclose(gradient, p - 1, atol=1e-15) and np.allclose(hessian, p * (1 - p), atol=1e-15)
    assert np.allclose(Focal().values(Z, np.zeros(len(Z))), np.logaddexp(0, Z), atol=1e-15)
    assert np.allclose(Focal().log_odds(Z), Z)


def test_extreme_margins_stay_finite() -> None:
    z = np.array([-1e30, -600, -300, 300, 600, 1e30])
    for focal in FOCAL:
        for label in LABELS:
            assert all(np.isfinite(x).all() for x in focal.derivatives(z, np.full(6, label)))
        assert (np.diff(focal.log_odds(np.linspace(-499, 499, 2001))) > 0).all()


@pytest.mark.parametrize("focal", FOCAL, ids=str)
def test_log_odds_are_those_that_a_margin_is_best_for(focal: Focal) -> None:
    for truth in (-9.0, -3.0, -0.5, 0.0, 2.0):
        p = 1 / (1 + np.exp(-truth))
        z = focal.margin(truth)
        around = z + np.linspace(-0.5, 0.5, 1001)
        expected = p * focal.values(around, np.ones(1001)) + (1 - p) * focal.values(around, np.zeros(1001))
        assert abs(around[expected.argmin()] - z) < 2e-3
        assert focal.log_odds(np.array([z]))[0] == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("log_loss", "log_loss"),
        ({"focal": {}}, {"focal": {"gamma": 2.0, "alpha": 0.5}}),
        ({"focal": None}, {"focal": {"gamma": 2.0, "alpha": 0.5}}),
        ({"class_balanced_focal": {"gamma": 0}}, {"class_balanced_focal": {"beta": "auto", "gamma": 0.0}}),
        ({"class_balanced_focal": {"beta": 0.99}}, {"class_balanced_focal": {"beta": 0.99, "gamma": 2.0}}),
        ({"logit_adjusted": {"tau": 0.5}}, {"logit_adjusted": {"tau": 0.5}}),
        ({"ldam": {"drw_epoch": 5}}, {"ldam": {"max_margin": 0.5, "scale": 30.0, "drw_epoch": 5}}),
    ],
)
def test_a_loss_is_read_with_its_defaults(value: Any, parsed: Any) -> None:
    assert parse_loss(value) == parsed == TrainConfig(loss=value).loss == parse_loss(parsed)


@pytest.mark.parametrize(
    ("name", "loss", "params", "message"),
    [
        ("xgboost", "focl", {}, "must be log_loss, {focal: {gamma: 2.0, alpha: 0.5}}"),
        ("xgboost", "focal", {}, "focal is written as a map, such as {focal: {gamma: 2.0, alpha: 0.5}}"),
        ("xgboost", {"log_loss": {}}, {}, "log_loss has no parameters: write log_loss"),
        ("xgboost", {"focl": {}}, {}, "there is no loss 'focl'. Did you mean 'focal'?"),
        ("xgboost", {"focal": {}, "logit_adjusted": {}}, {}, "must be log_loss"),
        ("xgboost", {"focal": {"gama": 1}}, {}, "focal has no parameter 'gama'. Did you mean 'gamma'?"),
        ("xgboost", {"focal": {"gamma": -1}}, {}, "focal.gamma must be a number from 0 to 10. Got -1 instead"),
        ("xgboost", {"focal": {"alpha": 1}}, {}, "focal.alpha must be a number between 0 and 1. Got 1 instead"),
        ("xgboost", {"focal": {"gamma": float("nan")}}, {}, "Got nan instead"),
        ("xgboost", {"focal": {"gamma": True}}, {}, "Got True instead"),
        ("xgboost", {"focal": 2}, {}, "focal must be a map of gamma, alpha. Got 2 instead"),
        ("xgboost", {"class_balanced_focal": {"beta": "x"}}, {}, "beta must be auto or a number between 0 and 1"),
        ("xgboost", {"logit_adjusted": {"tau": 11}}, {}, "tau must be a number from 0 to 10"),
        ("xgboost", {"ldam": {"drw_epoch": 1.5}}, {}, "ldam.drw_epoch must be a whole number of 0 or more. Got 1.5"),
        ("xgboost", {"ldam": {"drw_epoch": float("inf")}}, {}, "Got inf instead"),
        ("xgboost", {"ldam": {"max_margin": 0}}, {}, "ldam.max_margin must be a number above 0 and up to 2"),
        ("xgboost", {"ldam": {}}, {}, "not ldam; the other losses need train.model neural_network"),
        ("neural_network", {"ldam": {"drw_epoch": 20}}, {"epochs": 20}, "re-weights classes from epoch 20 on, but"),
        ("xgboost", {"focal": {}}, {"scale_pos_weight": 3}, "train.params.scale_pos_weight has no effect on a focal"),
        ("logistic_regression", {"logit_adjusted": {}}, {}, "logistic_regression minimises log_loss, not logit_adj"),
    ],
)
def test_losses_that_are_refused_before_a_session(name: str, loss: Any, params: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_trainer(name, params, loss)
    assert message in str(caught.value)


def test_focal_losses_are_for_two_classes() -> None:
    of = type(get_trainer("xgboost"))
    for loss in ("log_loss", {"logit_adjusted": {}}):
        of.check_classes(["a", "b", "c"], loss)
    with pytest.raises(
        ConfigError, match=r"focal is for two classes, and the label has 3: use log_loss or logit_adjusted"
    ):
        of.check_classes(["a", "b", "c"], {"focal": {}})
    of.check_classes(["a", "b"], {"focal": {}})


def test_starts_of_extreme_classes_and_of_several() -> None:
    for sizes in ((1e9, 1.0), (1.0, 1e9)):
        objective = objective_of({"logit_adjusted": {"tau": 3.0}}, sizes, sizes, offsets=False)
        assert 0 < objective.base_score < 1 and np.isfinite(objective.starts).all()  # type: ignore[operator]
    several = objective_of({"logit_adjusted": {"tau": 1.0}}, (80, 15, 5), (80, 15, 5), offsets=False)
    assert np.allclose(np.exp(several.starts), [0.8, 0.15, 0.05]) and several.base_score == list(several.starts)
    weighted = objective_of({"focal": {"gamma": 0.0, "alpha": 0.75}}, (90, 10), (90, 10), offsets=False)
    assert weighted.starts[0] == pytest.approx(np.log(3 * 10 / 90), abs=1e-6)


def test_a_balanced_focal_loss_weighs_classes_by_their_effective_number() -> None:
    objective = objective_of(parse_loss({"class_balanced_focal": {}}), (9000, 1000), (9000, 1000), offsets=False)
    assert objective.focal is not None
    assert [round(w, 3) for w in objective.focal.weights] == [0.945, 1.494]


def test_the_loss_with_margins() -> None:
    """The formula of the paper, margins in proportion to rows to the power of -1/4, and its case without margins."""
    assert ldam_margins([10_000, 16, 81], 0.5) == pytest.approx((0.5 * 0.2, 0.5, 0.5 * 2 / 3))
    found = ldam_of(parse_loss({"ldam": {"scale": 20}}), [9000.0, 10.0])
    assert found is not None and found.scale == 20 and max(found.margins) == found.margins[1] == 0.5
    assert found.drw_epoch == 20 and found.weights[0] * 9000 + found.weights[1] * 10 == pytest.approx(9010)
    assert ldam_of("log_loss", [1.0, 2.0]) is None
    rng = np.random.default_rng(0)
    cosines, label = rng.uniform(-1, 1, (50, 3)), rng.integers(0, 3, 50)
    loss = Ldam(7.0, (0.1, 0.5, 0.3), (1.0, 1.0, 1.0))
    for z, y, value in zip(cosines, label, loss.values(7 * cosines, label), strict=True):
        shifted = np.exp(7 * (z - np.array(loss.margins) * (np.arange(3) == y)))
        assert value == pytest.approx(-np.log(shifted[y] / shifted.sum()), abs=1e-12)
    plain = Ldam(7.0, (0.0, 0.0), (1.0, 1.0))
    two = 7 * cosines[:, :2]
    label = label % 2
    assert np.allclose(plain.values(two, label), Focal().values(two[:, 1] - two[:, 0], label.astype(float)))
