"""The margin only rises, or only falls, with monotone features: for any weights, after any loss, and in NumPy."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from steelyard.kernels.losses import Focal, Ldam
from steelyard.kernels.network import forward

pytest.importorskip("torch", reason="steelyard[deep] is not installed")
import torch
from safetensors.numpy import load

from steelyard.learning._neural_network_modules import Network
from steelyard.learning._neural_network_task import Task
from steelyard.learning._neural_network_worker import Rows, train_network

SIGNS = (1, -1, 0, 0)
LDAM = asdict(Ldam(10.0, (0.1, 0.5), (0.5, 4.0)))
GRID = np.linspace(-4, 4, 81)
ROUNDING = 1e-5


def task(**how: Any) -> Task:
    return Task(
        **{
            **{"shards": "", "features": 4, "focal": None, "seed": 0, "starts": (0.0,), "shift": (0.0,)},
            **{"width": 16, "blocks": 1, "dropout": 0.1, "epochs": 20, "early_stopping_epochs": 20},
            **{"batch_size": 250, "learning_rate": 0.02, "weight_decay": 0.0, "monotone": SIGNS, **how},
        }
    )


def trained(how: Task, x: np.ndarray, label: np.ndarray) -> tuple[bytes, list[float]]:
    torch.set_num_threads(1)
    rows = Rows(x, label, np.ones(len(x)), np.zeros(len(x)))
    return train_network(how, rows, rows, 0)


def steps(weights: bytes, feature: int, rows: np.ndarray) -> np.ndarray:
    """Return how the margins change along the grid of one feature, for each row."""
    many = np.repeat(rows, len(GRID), axis=0)
    many[:, feature] = np.tile(GRID, len(rows))
    return np.diff(forward(load(weights), many)[:, 0].reshape(len(rows), -1), axis=1)


def check(weights: bytes, signs: tuple[int, ...]) -> None:
    rows = np.random.default_rng(9).normal(size=(50, len(signs)))
    for feature, sign in enumerate(signs):
        if sign:
            assert (sign * steps(weights, feature, rows)).min() >= -ROUNDING


@pytest.mark.parametrize("signs", [SIGNS, (-1, 1, 1, -1), (0, 0, 1, 0)])
@pytest.mark.parametrize("how", [{"blocks": 0}, {"blocks": 2, "ldam": LDAM}])
def test_margins_of_any_weights_are_monotone_and_those_of_torch(signs: tuple[int, ...], how: dict[str, Any]) -> None:
    torch.manual_seed(1)
    network = Network(task(**how, monotone=signs)).eval()
    with torch.no_grad():
        for values in network.parameters():
            values.add_(torch.randn_like(values) * 0.5)
    weights, rows = network.saved(), np.random.default_rng(0).normal(size=(300, 4))
    check(weights, signs)
    with torch.no_grad():
        theirs = network(torch.from_numpy(rows.astype(np.float32))).numpy()
    found = forward(load(weights), rows)
    assert np.allclose(found, theirs, rtol=1e-4, atol=1e-3)
    assert np.array_equal(forward(load(weights), rows[7:8])[0], found[7])
    for feature, sign in enumerate(signs):
        change = steps(weights, feature, rows)
        assert np.abs(change).max() > 0.01
        assert sign or "ldam" in how or (change.min() < -0.01 and change.max() > 0.01)


@pytest.mark.parametrize(
    "loss", [{}, {"focal": asdict(Focal(2.0))}, {"ldam": LDAM}, {"starts": (-2.0,)}]
)  # the last as logit_adjusted
def test_training_keeps_directions_and_fits_the_free_features(loss: dict[str, Any]) -> None:
    """The label rises with both monotone features, of which the second is declared to fall; it has a valley in x2."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 4)).astype(np.float32)
    log_odds = 2 * x[:, 0] + x[:, 1] + 3 * x[:, 2] ** 2 - 5
    label = (rng.uniform(size=len(x)) < 1 / (1 + np.exp(-log_odds))).astype(int)
    weights, _ = trained(task(**loss), x, label)
    check(weights, SIGNS)
    known = x * np.array([1, 0, 1, 1])
    assert roc_auc_score(label, forward(load(weights), known)[:, 0]) > 0.9
    assert np.abs(forward(load(weights), x)).max() <= 20 or "ldam" not in loss
    valley = forward(load(weights), np.array([[0, 0, -2, 0], [0, 0, 0, 0], [0, 0, 2, 0]]))[:, 0]
    assert valley[1] < min(valley[0], valley[2])
    again, _ = trained(task(**loss, start=weights, epochs=1, learning_rate=1e-9), x, label)
    assert np.ptp(forward(load(again), x) - forward(load(weights), x)) < 1e-3


def test_a_rising_function_of_two_monotone_features_is_fitted() -> None:
    """One that is neither convex, nor concave, nor a sum of functions of each."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 2)).astype(np.float32)
    label = ((np.minimum(x[:, 0], -x[:, 1]) > 0.2) | (x[:, 0] > 1.5)).astype(int)
    weights, losses = trained(task(features=2, monotone=(1, -1), epochs=40), x, label)
    check(weights, (1, -1))
    assert min(losses) < 0.15


def test_without_monotone_features_the_network_is_the_same() -> None:
    def first_weights(signs: tuple[int, ...]) -> bytes:
        torch.manual_seed(0)
        return Network(task(monotone=signs)).saved()

    assert first_weights(()) == first_weights((0, 0, 0, 0))
    without, known = load(first_weights(())), load(first_weights(SIGNS))
    assert all(name.startswith("monotone.") for name in {*known} - {*without})
    for name, values in without.items():
        assert np.array_equal(values, known[name])
