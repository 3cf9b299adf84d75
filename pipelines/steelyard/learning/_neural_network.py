"""The neural network trainer: torch trains it in processes that Spark's `TorchDistributor` starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from steelyard.config import LOG_LOSS, loss_name
from steelyard.distortion import Distortion
from steelyard.errors import ConfigError, InputError
from steelyard.kernels.arrays import Floats
from steelyard.learning._focal import FOCAL, focal_distortion
from steelyard.learning.base import Trainer
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import TrainingData

LDAM = "ldam"

if TYPE_CHECKING:
    from steelyard.learning._neural_network_model import NeuralNetworkModel
    from steelyard.learning.model import Model


class NeuralNetworkParameters(Parameters):
    """Parameters of the neural network."""

    width: int = Field(128, ge=1, le=8192, description="Numbers that a layer passes on.")
    blocks: int = Field(2, ge=0, le=100, description="Residual blocks of two layers each.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of a block's inner numbers that a step leaves out.")
    epochs: int = Field(100, ge=1, le=100_000, description="Passes over the training rows at most.")
    early_stopping_epochs: int = Field(
        10, ge=1, le=100_000, description="Stop after so many passes without a better validation log loss."
    )
    batch_size: int = Field(1024, ge=1, le=10_000_000, description="Rows of a step, of each process.")
    learning_rate: float = Field(1e-3, gt=0, description="Step size of AdamW.")
    weight_decay: float = Field(1e-4, ge=0, description="Decay of the weights by AdamW.")
    shards: str | None = Field(
        None,
        description="Folder for the prepared rows, which all machines share: a cluster and Spark Connect need it. The "
        "rows are deleted after training. Null is a temporary folder of this machine.",
    )

    elsewhere: ClassVar[Mapping[str, str]] = {
        "hidden_layer_sizes": "write width and blocks",
        "max_iter": "write epochs",
        "lr": "write learning_rate",
        "seed": "write train.seed",
        "random_state": "write train.seed",
        "class_weight": "write train.class_weight",
        "num_workers": "write train.num_workers",
    }


class NeuralNetworkTrainer(Trainer):
    """A residual multilayer perceptron on standardised numbers and categories.

    Training writes the prepared rows to Parquet once (one shuffle), from which each of `num_workers` processes reads
    its share into memory (4 bytes a value). The processes average their gradients after each step. Scoring needs NumPy
    alone, not torch. Another machine or number of processes gives the same model to a tolerance only.

    Features that `Dataset.domain` declares monotone get layers of their own, whose outputs rise with their inputs.
    """

    name = "neural_network"
    parameters = NeuralNetworkParameters
    dtype = "float32"
    impute = True
    standardise = True
    needs_validation = True
    losses = (LOG_LOSS, "logit_adjusted", *FOCAL, LDAM)
    losses_of_two = FOCAL
    continues = True
    fine_tunes = True
    takes_monotone = True
    device_library = "torch"
    libraries = ("torch", "safetensors")
    extra = "deep"
    failures = (("No module named 'torch'", "the executors lack torch: install steelyard[deep] there"),)

    @property
    def takes_offsets(self) -> bool:  # type: ignore[override]
        """Whether an offset of the log odds is one of the margin."""
        return loss_name(self.loss) not in (*FOCAL, LDAM)

    @classmethod
    def check_loss(cls, loss: str | Mapping[str, Any], params: Mapping[str, Any]) -> str | dict[str, dict[str, Any]]:
        found = super().check_loss(loss, params)
        if not isinstance(found, str) and LDAM in found and found[LDAM]["drw_epoch"] >= params["epochs"]:
            raise ConfigError(
                f"train.loss: ldam re-weights classes from epoch {found[LDAM]['drw_epoch']} on, but "
                f"train.params.epochs is {params['epochs']}: lower drw_epoch, or raise epochs"
            )
        return found

    def loss_distortion(self, trained_classes: tuple[str, ...]) -> Distortion:
        return Distortion(exact=False) if loss_name(self.loss) == LDAM else focal_distortion(self.loss)

    def check_start_model(self, start: Model) -> None:
        super().check_start_model(start)
        for name in ("width", "blocks"):
            known, wanted = start.settings["params"][name], self.params[name]
            if known != wanted:
                raise InputError(f"start was trained with {name} {known}, but train.params.{name} is {wanted}")

    @classmethod
    def model_class(cls) -> type[Model]:
        from steelyard.learning._neural_network_model import NeuralNetworkModel

        return NeuralNetworkModel

    def _fit(self, data: TrainingData, start: Model | None) -> NeuralNetworkModel:
        from steelyard.learning._losses import ldam_of, objective_of
        from steelyard.learning._neural_network_model import NeuralNetworkModel
        from steelyard.learning._neural_network_shards import written_shards
        from steelyard.learning._neural_network_task import Task, distributed

        ldam = ldam_of(self.loss, data.sizes)
        # Each row may have an offset: then the starts are known, as for XGBoost.
        objective = objective_of(LOG_LOSS if ldam else self.loss, data.sizes, data.masses, offsets=True)
        how = {name: value for name, value in self.params.items() if name != "shards"}
        with written_shards(data, self.params.get("shards")) as shards:
            task = Task(
                shards=shards,
                features=len(data.preprocessing.names),
                starts=objective.starts,
                shift=_by_output(np.log(np.divide(data.masses, data.sizes))),
                focal=None if objective.focal is None else asdict(objective.focal),
                ldam=None if ldam is None else asdict(ldam),
                start=start.weights if isinstance(start, NeuralNetworkModel) else None,
                device=data.device,
                monotone=data.monotone,
                seed=self.seed,
                **how,
            )
            weights, losses = distributed(data.rows.sparkSession, task, data.workers)
        best = task.best_epoch(losses)
        judged = "validation_log_loss" if ldam is None else "validation_loss"
        found = {"epochs": len(losses), "best_epoch": best, judged: losses[best]}
        return NeuralNetworkModel(**self.model_fields(data), summary=found, weights=weights, focal=objective.focal)


def _by_output(values: Floats) -> tuple[float, ...]:
    """Return a value of each class for each margin: with two classes, the difference."""
    return (float(values[1] - values[0]),) if len(values) == 2 else tuple(map(float, values))
