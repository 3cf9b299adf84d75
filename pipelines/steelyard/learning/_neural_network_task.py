"""What each process of the training gets, and how `TorchDistributor` starts them."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from steelyard.errors import EngineError
from steelyard.frames.shared import Shared
from steelyard.frames.workers import elsewhere, in_worker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Task:
    """What a process needs to know to train.

    Parameters
    ----------
    shards : str
        Folder of the prepared rows.
    features : int
        Numbers in a row.
    starts : tuple of float
        Where the margins start: with two classes one, the log odds of the second, else one for each class.
    shift : tuple of float
        What class weights add to the margins.
    focal : mapping, optional
        The fields of a `Focal`; by default the loss is log loss.
    ldam : mapping, optional
        The fields of an `Ldam`. Outputs are then cosines, which start anywhere; with monotone features, numbers
        between the same bounds.
    start : bytes, optional
        Weights to continue from, as safetensors; the margins start at theirs, moved to the class shares.
    device : {"cpu", "cuda"}, default "cpu"
    monotone : tuple of int
        As in `TrainingData`, for two classes.
    seed : int
    width, blocks, dropout, epochs, early_stopping_epochs, batch_size, learning_rate, weight_decay
        See `NeuralNetworkParameters`.
    """

    shards: str
    features: int
    starts: tuple[float, ...]
    shift: tuple[float, ...]
    focal: Mapping[str, Any] | None
    seed: int
    width: int
    blocks: int
    dropout: float
    epochs: int
    early_stopping_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    ldam: Mapping[str, Any] | None = None
    start: bytes | None = None
    device: str = "cpu"
    monotone: tuple[int, ...] = ()

    @property
    def outputs(self) -> int:
        """The margins of a row."""
        return len(self.starts)

    def best_epoch(self, losses: Sequence[float]) -> int:
        """Return the epoch with the least validation loss; with deferred re-weighting, of those that are re-weighted.

        Before these it is the last one.
        """
        first = min(0 if self.ldam is None else int(self.ldam["drw_epoch"]), len(losses) - 1)
        return min(range(first, len(losses)), key=losses.__getitem__)


def distributed(spark: SparkSession, task: Task, processes: int) -> tuple[bytes, list[float]]:
    """Train in some processes; return weights and the validation loss after each epoch.

    A local session trains in processes of this machine, without a Spark job. A cluster trains in one barrier stage.
    """
    from pyspark.ml.torch.distributor import TorchDistributor

    cluster = elsewhere(spark)
    # On a cluster, Spark assigns GPUs to tasks, and hides them from others.
    on_gpus = cluster and task.device == "cuda"
    train = in_worker("steelyard.learning._neural_network_worker", "train")
    with _QUIET.entered() as printed:
        try:
            distributor = TorchDistributor(num_processes=processes, local_mode=not cluster, use_gpu=on_gpus)
            found: tuple[bytes, list[float]] = distributor.run(train, asdict(task))  # type: ignore[assignment]
        except RuntimeError as error:
            raise EngineError(
                f"torch could not train the network: {_cause(printed.getvalue() or str(error))}"
            ) from error
    return found


def _cause(text: str) -> str:
    """Return the first error that a process wrote, in place of the whole output."""
    found = re.findall(r"^(?:\[.*?\]:)?\s*((?:\w+\.)*\w*Error: .+)$", text, flags=re.MULTILINE)
    return str(found[0]) if found else text.strip().splitlines()[-1]


@contextmanager
def _quiet() -> Iterator[StringIO]:
    """Keep what the processes print, and the distributor's notes, out of the user's terminal.

    torch also logs into a folder for each training, which it never deletes: here it is a temporary one.
    """
    logger = logging.getLogger("TorchDistributor")
    level, logger.disabled = logger.level, True
    before = os.environ.get(_LOGS)
    try:
        with (
            TemporaryDirectory(prefix="steelyard-torch-") as logs,
            redirect_stdout(StringIO()) as printed,
            warnings.catch_warnings(),
        ):
            os.environ[_LOGS] = before or logs
            warnings.simplefilter("ignore")
            yield printed
    finally:
        os.environ.pop(_LOGS, None)
        if before is not None:
            os.environ[_LOGS] = before
        logger.setLevel(level)
        logger.disabled = False


_LOGS = "PET_LOG_DIR"  # read by torchrun
_QUIET = Shared(_quiet)  # models of folds are trained in threads
