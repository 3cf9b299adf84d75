"""A network as a model: a pandas UDF computes margins with NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.errors import EngineError
from steelyard.frames.workers import in_worker
from steelyard.learning.model import MarginModel, focal_of, shared_fields

if TYPE_CHECKING:
    from steelyard.store import Folder

_FILE = "network.safetensors"


@dataclass(frozen=True)
class NeuralNetworkModel(MarginModel):
    """A residual multilayer perceptron, with monotone layers where features are declared monotone.

    Parameters
    ----------
    weights : bytes
        The layers' weights as safetensors.
    """

    weights: bytes = b""

    @property
    def monotone(self) -> tuple[int, ...]:
        return tuple(int(sign) for sign in self._arrays().get("monotone.signs", ()))

    def _arrays(self) -> dict[str, Any]:
        try:
            from safetensors.numpy import load
        except ModuleNotFoundError:
            raise EngineError("a neural network needs safetensors to be loaded: install steelyard[deep]") from None
        arrays: dict[str, Any] = load(self.weights)
        return arrays

    def margins(self, df: DataFrame) -> Column:
        several = len(self.trained_classes) > 2
        features = self.preprocessing.floats(df)
        call = in_worker(__name__, "margins_of", weights=self._arrays(), several=several)

        def margins(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
            yield from call(batches)

        wrapped: Any = pandas_udf("array<double>" if several else "double")(margins)  # type: ignore[call-overload]
        found: Column = wrapped(features)
        return found

    def save(self, run_dir: Folder, path: str) -> None:
        run_dir.write_bytes(f"{path}/{_FILE}", self.weights)
        super().save(run_dir, path)

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        return cls(**shared_fields(document), focal=focal_of(document), weights=run_dir.read_bytes(f"{path}/{_FILE}"))


def margins_of(
    batches: Iterator[pd.DataFrame | pd.Series], *, weights: Mapping[str, Any], several: bool
) -> Iterator[pd.Series]:
    """Return the margins of each batch of `Preprocessing.floats`, in one thread."""
    from steelyard.frames.workers import one_thread
    from steelyard.kernels.network import forward
    from steelyard.learning.packed import floats_of

    with one_thread():
        for batch in batches:
            found = forward(weights, floats_of(batch))
            yield pd.Series(list(found) if several else found[:, 0])
