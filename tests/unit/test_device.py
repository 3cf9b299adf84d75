"""The device that trains: which trainers take one, and what is missing; no JVM, no GPU."""

from __future__ import annotations

import pytest

from steelyard.config import Recipe
from steelyard.errors import ConfigError
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
