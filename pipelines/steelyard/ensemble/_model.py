"""An ensemble as a model: one pandas UDF computes the predictions of all members."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.ensemble.base import EnsembleTrainer
from steelyard.frames.workers import in_worker
from steelyard.learning import get_trainer
from steelyard.learning.model import Model, shared_fields

if TYPE_CHECKING:
    from steelyard.store import Folder


@dataclass(frozen=True)
class EnsembleModel(Model):
    """Members whose predictions are combined.

    Parameters
    ----------
    members : tuple of bytes
        Each in its library's format.
    votes : tuple of float
        The weight of each member; empty for equal weights.
    """

    members: tuple[bytes, ...] = ()
    votes: tuple[float, ...] = ()

    def raw_prediction(self, df: DataFrame) -> Column:
        """Return the probability of the second class, or of each class if there are more than two."""
        features = self.preprocessing.floats(df)
        learner, two = self._trainer.learner, len(self.trained_classes) == 2
        predict = in_worker(
            "steelyard.ensemble._worker",
            "predict",
            estimator=learner.estimator,
            params=json.dumps(learner.to_json()["params"]),
            members=self.members,
            votes=self.votes or (1.0,) * len(self.members),
            aggregation=self._trainer.aggregation,
            two=two,
        )
        found: Column = _udf(predict, "double" if two else "array<double>")(features)
        return found

    def to_probabilities(self, raw: Column) -> Column:
        return F.array(F.lit(1.0) - raw, raw) if len(self.trained_classes) == 2 else raw

    @property
    def _trainer(self) -> EnsembleTrainer:
        found = get_trainer(self.trainer, self.settings["params"])
        assert isinstance(found, EnsembleTrainer)
        return found

    def save(self, run_dir: Folder, path: str) -> None:
        for name, member in zip(_files(len(self.members), self._trainer.learner.suffix), self.members, strict=True):
            run_dir.write_bytes(f"{path}/{name}", member)
        super().save(run_dir, path)

    def to_json(self) -> dict[str, Any]:
        names = _files(len(self.members), self._trainer.learner.suffix)
        return {**super().to_json(), "members": names, "votes": list(self.votes)}

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        members = tuple(run_dir.read_bytes(f"{path}/{name}") for name in document["members"])
        return cls(**shared_fields(document), members=members, votes=tuple(document["votes"]))


def _files(members: int, suffix: str) -> list[str]:
    return [f"member-{i:03d}.{suffix}" for i in range(members)]


def _udf(predict: Any, kind: str) -> Any:
    """Return a pandas UDF from a struct of floats, whose type hints tell Spark its kind."""

    def call(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        yield from predict(batches)

    return pandas_udf(kind)(call)  # type: ignore[call-overload]
