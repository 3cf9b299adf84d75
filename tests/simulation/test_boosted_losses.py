"""What XGBoost makes of losses: trees, probabilities and where it stops. No JVM."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from steelyard.config import parse_loss
from steelyard.learning._losses import objective_of
from steelyard.learning._xgboost_worker import Rows, Task, train_booster


def rows(n: int, seed: int, rate: float = 3.0) -> tuple[Rows, Any]:
    """Return rows, and the true probability of each."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, size=(n, 3)).astype(np.float32)
    p = 1 / (1 + np.exp(-(x @ [0.8, -0.5, 0.3] - rate)))
    return Rows(x, (rng.random(n) < p).astype(np.float32), np.ones(n, np.float32)), p


def trained(loss: Any, train: Rows, validation: Rows, **more: Any) -> tuple[Any, Any, list[float]]:
    sizes = tuple(np.bincount(train.label.astype(int), minlength=2).astype(float))
    objective = objective_of(parse_loss(loss), sizes, sizes, offsets=train.offset is not None)
    how = {"max_depth": 3, "max_bin": 256, "nthread": 1, "verbosity": 0, "seed": 0, **objective.booster()}
    task = Task(
        {**how, **more},
        rounds=60,
        features=3,
        patience=10 if len(validation.label) else None,
        starts=objective.starts,
        focal=asdict(objective.focal) if objective.focal else None,
    )
    booster, losses = train_booster(train, validation, task)
    model = xgb.Booster()
    model.load_model(bytearray(booster))
    return model, objective, losses


def test_without_gamma_the_trees_are_those_of_log_loss() -> None:
    train, none = rows(4000, 0)[0], rows(0, 1)[0]
    ours, objective, _ = trained({"focal": {"gamma": 0}}, train, none)
    share = 1 / (1 + np.exp(-objective.starts[0]))
    assert share == pytest.approx(train.label.mean(), rel=1e-6)
    how = {"objective": "binary:logistic", "base_score": share, "max_depth": 3, "nthread": 1}
    theirs = xgb.train(how, xgb.QuantileDMatrix(train.features, train.label), 60)
    one, two = (m.trees_to_dataframe() for m in (ours, theirs))
    assert (one.Feature == two.Feature).all() and np.array_equal(one.Split, two.Split, equal_nan=True)
    leaves = one.Feature == "Leaf"
    assert np.allclose(one.Gain[leaves], two.Gain[leaves], atol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        {"focal": {}},
        {"focal": {"gamma": 1, "alpha": 0.8}},
        {"class_balanced_focal": {}},
        {"logit_adjusted": {}},
        {"logit_adjusted": {"tau": 2}},
    ],
    ids=str,
)
def test_known_probabilities_come_back_and_stop_training(loss: Any) -> None:
    (train, p), (validation, _) = rows(40_000, 0), rows(8000, 1)
    model, objective, losses = trained(loss, train, validation, learning_rate=0.3)
    margin = model.inplace_predict(train.features, predict_type="margin").astype(float)
    odds = margin if objective.focal is None else objective.focal.log_odds(margin)
    score = 1 / (1 + np.exp(-odds))
    assert np.abs(score - p).mean() < 0.012 and score.mean() == pytest.approx(train.label.mean(), rel=0.02)
    other = model.inplace_predict(validation.features, predict_type="margin").astype(float)
    signed = np.where(validation.label > 0, -1, 1) * (
        other if objective.focal is None else objective.focal.log_odds(other)
    )
    assert losses[model.num_boosted_rounds() - 1] == pytest.approx(np.logaddexp(0, signed).mean(), rel=1e-6)
    assert min(losses) == losses[model.num_boosted_rounds() - 1] and len(losses) <= 60


def test_offsets_are_part_of_the_margin_in_training_alone() -> None:
    """Negatives kept with a probability that depends on a feature: the model is that of all rows."""
    all_rows, p = rows(60_000, 0)
    rng = np.random.default_rng(1)
    keep = np.where(all_rows.features[:, 1] > 1, 0.05, 0.5)
    chosen = (all_rows.label > 0) | (rng.random(len(p)) < keep)
    kept = all_rows.where(chosen)
    train = Rows(kept.features, kept.label, kept.weight, -np.log(keep[chosen]))
    validation = Rows(*(getattr(rows(8000, 2)[0], n) for n in ("features", "label", "weight")), np.zeros(8000))
    sizes = tuple(np.bincount(all_rows.label.astype(int)).astype(float))
    objective = objective_of("log_loss", sizes, sizes, offsets=True)
    how = {"max_depth": 3, "max_bin": 256, "nthread": 1, "verbosity": 0, "learning_rate": 0.3, **objective.booster()}
    booster, losses = train_booster(train, validation, Task(how, 60, 3, 10, starts=objective.starts))
    model = xgb.Booster()
    model.load_model(bytearray(booster))
    score = model.inplace_predict(all_rows.features)
    assert np.abs(score - p).mean() < 0.012 and score.mean() == pytest.approx(p.mean(), rel=0.03)
    best = model.inplace_predict(validation.features)
    assert min(losses) == pytest.approx(-np.log(np.where(validation.label > 0, best, 1 - best)).mean(), rel=1e-5)
