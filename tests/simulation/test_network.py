"""The network's outputs in NumPy are torch's, a row's depend on no other row, and its tensors meet on a device."""

from __future__ import annotations

from dataclasses import asdict, replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from docstrings import CHECKS
from modules import torch_modules

from steelyard.kernels.losses import Focal, Ldam
from steelyard.kernels.network import forward

TASK: dict[str, Any] = {
    **{"shards": "", "features": 5, "focal": None, "seed": 0, "epochs": 1, "early_stopping_epochs": 1},
    **{"batch_size": 64, "learning_rate": 0.01, "weight_decay": 0.0},
}


def random_weights(features: int, width: int, outputs: int, blocks: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"input": (width, features), "output": (outputs, width), "norm": (width,)}
    for i in range(blocks):
        shapes |= {f"blocks.{i}.norm": (width,), f"blocks.{i}.first": (width, width)}
        shapes |= {f"blocks.{i}.second": (width, width)}
    made = {}
    for name, shape in shapes.items():
        made[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32) / np.float32(shape[-1] ** 0.5)
        made[f"{name}.bias"] = rng.normal(size=shape[0]).astype(np.float32)
    return made


@pytest.mark.parametrize(("outputs", "blocks"), [(1, 2), (3, 0)])
def test_outputs_are_those_of_torch(outputs: int, blocks: int) -> None:
    torch = pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    from steelyard.learning._neural_network_modules import Network
    from steelyard.learning._neural_network_task import Task

    weights = random_weights(5, 32, outputs, blocks)
    task = Task(**TASK, starts=(0.0,) * outputs, shift=(0.0,) * outputs, width=32, blocks=blocks, dropout=0.5)
    network = Network(task)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    rows = np.random.default_rng(1).normal(size=(1000, 5)).astype(np.float32)
    with torch.no_grad():
        theirs = network.eval()(torch.from_numpy(rows)).numpy()
    assert theirs.shape == (1000, outputs)
    assert np.allclose(forward(weights, rows), theirs, atol=1e-5)


@pytest.mark.parametrize("width", [1, 7, 128])
def test_a_row_has_the_same_outputs_alone_and_among_others(width: int) -> None:
    weights = random_weights(11, width, 2, 2)
    rows = np.random.default_rng(2).normal(size=(1001, 11))
    together = forward(weights, rows)
    for at in (0, 3, 255, 256, 777, 1000):
        assert np.array_equal(forward(weights, rows[at : at + 1])[0], together[at])
    assert np.array_equal(forward(weights, rows[::-1])[::-1], together)
    assert forward(weights, rows[:0]).shape == (0, 2)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_loss_with_margins_trains_cosines(classes: int) -> None:
    """The saved outputs are torch's, its loss is the kernel's, and deferred weights change only later epochs."""
    torch = pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    from safetensors.numpy import load

    from steelyard.learning._neural_network_losses import validation_losses
    from steelyard.learning._neural_network_modules import Network
    from steelyard.learning._neural_network_task import Task
    from steelyard.learning._neural_network_worker import Rows, train_network

    outputs = 1 if classes == 2 else classes
    shape: dict[str, Any] = {"starts": (0.0,) * outputs, "shift": (0.0,) * outputs, "width": 16, "blocks": 1}
    loss = Ldam(10.0, (0.1, 0.5, 0.2)[:classes], (0.5, 4.0, 1.0)[:classes], drw_epoch=2)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    label = (x[:, 0] > 1).astype(int) + (x[:, 1] > 1) * (classes > 2)
    rows = Rows(x, label, np.ones(300), np.zeros(300))

    def trained(**how: Any) -> tuple[bytes, list[float]]:
        task = Task(**{**TASK, **shape, "dropout": 0.0, **how})
        return train_network(task, rows, rows, 0)

    weights, losses = trained(epochs=6, ldam=asdict(loss))
    assert losses[-1] < losses[2] and "output.bias" not in load(weights)
    found = forward(load(weights), x)
    assert found.shape == (300, outputs) and np.abs(found).max() <= 20 + 1e-6
    cosines = found if classes > 2 else np.stack([0 * found[:, 0], found[:, 0]], axis=1)
    by_row, sizes = loss.values(cosines, label), np.array(loss.weights)[label]
    assert min(losses[2:]) == pytest.approx(sizes @ by_row / sizes.sum(), rel=1e-4)
    later = trained(epochs=2, ldam=asdict(loss))[0]
    assert later == trained(epochs=2, ldam={**asdict(loss), "weights": (1.0,) * classes})[0]
    assert later != trained(epochs=2, ldam={**asdict(loss), "drw_epoch": 0})[0]
    task = Task(**{**TASK, **shape, "dropout": 0.0, "ldam": asdict(loss)})
    network = Network(task).eval()
    with torch.no_grad():
        theirs = network(rows.features)
        ours = forward(load(network.saved()), x)
        judged = validation_losses(theirs.double(), rows.label, task).numpy()
    assert np.allclose(ours, theirs.numpy(), atol=1e-5)
    again = Network(replace(task, seed=1)).eval()
    again.start_at(weights)
    with torch.no_grad():
        assert np.allclose(again(rows.features), found, atol=1e-4)
    cosines = ours if classes > 2 else np.stack([0 * ours[:, 0], ours[:, 0]], axis=1)
    assert np.allclose(judged, loss.values(cosines, label), atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_training_continues_from_weights_at_the_new_shares_of_classes(classes: int) -> None:
    pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    from safetensors.numpy import load, save

    from steelyard.learning._neural_network_task import Task
    from steelyard.learning._neural_network_worker import Rows, train_network

    outputs = 1 if classes == 2 else classes
    start = random_weights(5, 16, outputs, 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 5)).astype(np.float32)
    weight, label = np.where(np.arange(500) % 10 == 0, 3.0, 1.0), np.where(np.arange(500) % 10 == 0, classes - 1, 0)
    label[1:20:5] = 1
    rows = Rows(x, label, weight, np.zeros(500))
    shape = {"starts": (0.0,) * outputs, "shift": (0.0,) * outputs, "width": 16, "blocks": 1, "dropout": 0.0}
    task = Task(**{**TASK, **shape, "learning_rate": 1e-9, "start": save(start)})
    found = load(train_network(task, rows, rows, 0)[0])
    for name, values in start.items():
        assert name == "output.bias" or np.allclose(values, found[name], atol=1e-6)
    margins = forward(found, x)
    margins = margins if classes > 2 else np.stack([0 * margins[:, 0], margins[:, 0]], axis=1)
    p = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    assert np.allclose(weight @ p, np.bincount(label, weight), rtol=1e-3)


@pytest.mark.parametrize(
    ("outputs", "loss"),
    [(1, {}), (3, {}), (1, {"focal": asdict(Focal(2.0))})]
    + [(n, {"ldam": asdict(Ldam(30.0, (0.1, 0.5, 0.2)[:k], (1.0, 4.0, 2.0)[:k]))}) for n, k in ((1, 2), (3, 3))]
    + [
        (1, {"monotone": (1, 0, -1, 0, 0)}),
        (1, {"monotone": (1,) * 5, "ldam": asdict(Ldam(30.0, (0.1, 0.5), (1.0, 4.0)))}),
    ],
)
def test_all_tensors_of_a_step_are_on_the_device(outputs: int, loss: dict[str, Any]) -> None:
    """On torch's device "meta", which computes no numbers, but refuses operands of other devices as a GPU does."""
    torch = pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    from steelyard.learning import _neural_network_losses as losses
    from steelyard.learning import _neural_network_worker as worker
    from steelyard.learning._neural_network_modules import Network
    from steelyard.learning._neural_network_task import Task

    with pytest.raises(RuntimeError):
        torch.ones(3, device="meta") + torch.ones(3)
    how: dict[str, Any] = {"shards": "", "features": 5, "focal": None, "seed": 0, "width": 8, "blocks": 1, **loss}
    how |= {"dropout": 0.1, "epochs": 3, "early_stopping_epochs": 1, "batch_size": 8, "learning_rate": 0.1}
    zeros = (0.0,) * outputs
    task = Task(**how, weight_decay=0.0, starts=zeros, shift=zeros, device="meta")
    network = Network(task).to("meta")
    x, label = np.zeros((20, 5), np.float32), np.arange(20) % max(outputs, 2)
    rows = worker.Rows(x, label, np.ones(20), np.zeros(20)).to("meta")
    weight = rows.weight * worker._class_weights(task, rows, 2)
    batch = torch.randperm(20)[:8]
    margins = network(rows.features[batch]) + rows.offset[batch]
    (losses.training_losses(task)(margins, rows.label[batch]) * weight[batch]).sum().backward()
    assert {p.grad.device.type for p in network.parameters()} == {"meta"}
    if not loss.get("focal"):
        assert losses.validation_losses(margins.double(), rows.label[batch], task).device.type == "meta"


def test_docstrings_name_what_exists() -> None:
    pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    modules = [import_module(name) for name in torch_modules()]
    assert len(modules) >= 3
    named = [of for check in CHECKS.values() for of in check(modules)]
    assert [name for name, exists in named if not exists] == []
