"""Spark ML's trees as models of plain arrays: a pandas UDF adds up the values of leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.errors import InputError
from steelyard.frames.workers import in_worker
from steelyard.kernels.trees import Trees, read_trees
from steelyard.learning._preparing import repartition_by_content
from steelyard.learning._tree_parameters import MOST_NODES
from steelyard.learning.model import MarginModel, Model, shared_fields
from steelyard.learning.training_data import TrainingData
from steelyard.metrics.expressions import let

if TYPE_CHECKING:
    from steelyard.store import Folder

_SHOWN = 30


@dataclass(frozen=True)
class TreesModel(Model):
    """Trees as arrays.

    Parameters
    ----------
    trees : bytes
        Of `Trees.to_bytes`.
    """

    trees: bytes = b""

    def sums(self, df: DataFrame, *, several: bool) -> Column:
        """Return the sum of the trees' values for raw rows, an array of one per output if there are `several`."""
        features = F.struct(*[c.alias(str(i)) for i, c in enumerate(self.preprocessing.columns(df))])
        found: Column = trees_udf(self.trees, several=several)(features)
        return found

    def save(self, run_dir: Folder, path: str) -> None:
        run_dir.write_bytes(f"{path}/trees.npz", self.trees)
        super().save(run_dir, path)

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        return cls(**shared_fields(document), trees=run_dir.read_bytes(f"{path}/trees.npz"))


@dataclass(frozen=True)
class RandomForestModel(TreesModel):
    """One forest for two classes, else one for each: the mean of the trees' shares of a class."""

    def raw_prediction(self, df: DataFrame) -> Column:
        """Return the sum of the shares of the second class; with more than two classes, an array of each one's."""
        return self.sums(df, several=len(self.trained_classes) > 2)

    def to_probabilities(self, raw: Column) -> Column:
        """Return shares of a class as probabilities; equal ones where no forest knows the row."""
        if len(self.trained_classes) == 2:
            share = raw / F.lit(float(self.summary["trees"]))
            return F.array(F.lit(1.0) - share, share)
        equal = F.lit(1.0 / len(self.trained_classes))
        total = F.aggregate(raw, F.lit(0.0), lambda a, b: a + b)
        return let(total, lambda whole: F.transform(raw, lambda x: F.when(whole > 0, x / whole).otherwise(equal)))


@dataclass(frozen=True)
class GradientBoostedTreesModel(TreesModel, MarginModel):
    """Boosted trees of two classes: the log odds are twice their sum."""

    def margins(self, df: DataFrame) -> Column:
        return self.sums(df, several=False) * F.lit(2.0)


def trees_udf(trees: bytes, *, several: bool) -> Any:
    """Return a pandas UDF from a struct of doubles to the trees' sum, or to one sum for each output."""
    score = in_worker("steelyard.learning._trees_model", "score", trees=trees)

    def predict(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        """Return the sums of each batch."""
        yield from score(batches)

    wrapped: Any = pandas_udf("array<double>" if several else "double")(predict)  # type: ignore[call-overload]
    return wrapped


def score(batches: Iterator[pd.DataFrame], trees: bytes) -> Iterator[pd.Series]:
    """Yield the sums of the trees for each batch of rows; the trees are unpacked once."""
    forest = Trees.from_bytes(trees)
    for batch in batches:
        sums = forest.sums(batch.to_numpy(dtype=np.float64))
        yield pd.Series(list(sums), dtype=object) if forest.outputs > 1 else pd.Series(sums[:, 0])


def as_vectors(rows: DataFrame, partitions: int) -> DataFrame:
    """Return rows of a positive weight as Spark ML takes them, in an order that depends on their content only."""
    ordered = repartition_by_content(rows.where(F.col("weight") > 0), partitions)
    return ordered.withColumn("features", array_to_vector(F.col("features")))


def tree_fields(fitted: Sequence[Any], data: TrainingData) -> dict[str, Any]:
    """Return the trees of Spark ML's models, and the summary.

    Raises
    ------
    InputError
        If they have too many nodes to be sent to the executors.
    """
    nodes = sum(int(m.totalNumNodes) for m in fitted)
    if nodes > MOST_NODES:
        raise InputError(
            f"the trees have {nodes:,} nodes, more than the {MOST_NODES:,} that a model may have: lower "
            "train.params.maxDepth or the number of trees, or raise minInstancesPerNode"
        )
    shares = np.mean([m.featureImportances.toArray() for m in fitted], axis=0)
    names = data.preprocessing.names
    order = [j for j in np.argsort(-shares, kind="stable")[:_SHOWN] if shares[j] > 0]
    return {
        "trees": read_trees(m.toDebugString for m in fitted).to_bytes(),
        "summary": {
            "trees": len(fitted[0].treeWeights),
            "nodes": nodes,
            "importances": [{"feature": names[j], "gain": float(shares[j])} for j in order],
        },
    }
