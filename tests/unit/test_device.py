"""The device that trains: which trainers take one, what is missing, and tensors that meet on it; no JVM, no GPU."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from steelyard.config import Recipe
from steelyard.errors import ConfigError
from steelyard.kernels.losses import Focal, Ldam
from steelyard.learning import check_trainer, get_trainer
from steelyard.learning._device import gpus, missing


@pytest.mark.parametrize(
    ("name", "device", "workers", "message"),
    [
        ("random_forest", "cuda", None, "train.device: random_forest trains on CPUs only; leave it out"),
        ("xgboost", "gpu", None, "train.device must be cpu, cuda, auto"),
        ("xgboost", "cuda", 2, "cuda trains with one worker; leave train.num_workers out"),
    ],
)
def test_devices_that_a_trainer_does_not_take(name: str, device: str, workers: int | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_trainer(name, device=device, num_workers=workers)
    with pytest.raises(ConfigError, match=r"train\.device"):
        Recipe.of({"train": {"device": "tpu"}})


def test_auto_is_the_cpu_for_trainers_without_a_choice() -> None:
    assert get_trainer("logistic_regression", device="auto").device == "cpu"
    trainer = get_trainer("xgboost", device="auto")
    assert trainer.device == trainer.settings["device"] == "auto"
    assert get_trainer("xgboost").settings["device"] == "cpu"


def test_what_is_missing_is_named() -> None:
    assert missing("no_such_library") == "no_such_library is not installed"
    if not gpus():
        assert missing("xgboost") in ("there is no NVIDIA GPU", "this build of xgboost has no CUDA")


@pytest.mark.parametrize(
    ("outputs", "loss"),
    [(1, {}), (3, {}), (1, {"focal": asdict(Focal(2.0))})]
    + [(n, {"ldam": asdict(Ldam(30.0, (0.1, 0.5, 0.2)[:k], (1.0, 4.0, 2.0)[:k]))}) for n, k in ((1, 2), (3, 3))],
)
def test_all_tensors_of_a_step_are_on_the_device(outputs: int, loss: dict[str, Any]) -> None:
    """On torch's device "meta", which computes no numbers, but refuses operands of other devices as a GPU does."""
    torch = pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    from steelyard.learning import _neural_network_worker as worker
    from steelyard.learning._neural_network_task import Task

    with pytest.raises(RuntimeError):
        torch.ones(3, device="meta") + torch.ones(3)
    how: dict[str, Any] = {"shards": "", "features": 5, "focal": None, "seed": 0, "width": 8, "blocks": 1, **loss}
    how |= {"dropout": 0.1, "epochs": 3, "early_stopping_epochs": 1, "batch_size": 8, "learning_rate": 0.1}
    zeros = (0.0,) * outputs
    task = Task(**how, weight_decay=0.0, starts=zeros, shift=zeros, device="meta")
    network = worker.Network(task).to("meta")
    x, label = np.zeros((20, 5), np.float32), np.arange(20) % max(outputs, 2)
    rows = worker.Rows(x, label, np.ones(20), np.zeros(20)).to("meta")
    weight = rows.weight * worker._class_weights(task, rows, 2)
    batch = torch.randperm(20)[:8]
    margins = network(rows.features[batch]) + rows.offset[batch]
    (worker._losses(task)(margins, rows.label[batch]) * weight[batch]).sum().backward()
    assert {p.grad.device.type for p in network.parameters()} == {"meta"}
    if not loss.get("focal"):
        assert worker._judged(margins.double(), rows.label[batch], task).device.type == "meta"
