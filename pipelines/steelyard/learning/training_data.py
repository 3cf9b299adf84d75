"""What training starts from, what a trainer gets, and what a report shows of its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from steelyard.distortion import Distortion
from steelyard.learning._device import CPU
from steelyard.learning._workers import WORKERS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from steelyard.learning._preprocessing import Preprocessing
    from steelyard.learning.model import Model


class Chosen(NamedTuple):
    """Rows of a table that several trainings may share.

    Parameters
    ----------
    table : DataFrame
    condition : Column
        Which of its rows are meant.
    """

    table: DataFrame
    condition: Column

    def where(self, condition: Column) -> Chosen:
        """Return those of the rows for which a condition holds too."""
        return Chosen(self.table, self.condition & condition)


class Part(NamedTuple):
    """How a part of the rows of a training is made.

    Parameters
    ----------
    of : Chosen
    columns : mapping of str to Column
        Those of `TrainingData.rows`, made of the columns of the table. Rows without a label are left out.
    """

    of: Chosen
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class TrainingData:
    """The training data of a trainer.

    Parameters
    ----------
    rows : DataFrame
        `features` (array of the trainer's `dtype`, in the order of `preprocessing.names`), `label` (double: position
        in `trained_classes`) and `weight` (double); with offsets also `offset` (double), see `Trainer.fit`.
    validation : DataFrame, optional
        Rows of the same columns, for trainers with `needs_validation`.
    preprocessing : Preprocessing
    classes : tuple of str
        All classes of the table.
    trained_classes : tuple of str
        Those of them that `rows` has.
    workers : int
        Partitions of the training rows, and tasks that train: the trainer's `num_workers`, or what fits the rows.
    sizes : tuple of float
        Rows of each trained class, or their total weight, before class weights; with offsets, before sampling.
    masses : tuple of float
        The same times the class's weight: the share of each class in the loss.
    device : {"cpu", "cuda"}, default "cpu"
        What trains.
    monotone : tuple of int
        For each of `preprocessing.names`, whether the score of the second class may only rise (1), only fall (-1) or
        both (0) with it. Empty: no feature is constrained.
    parts : tuple of Part
        How `rows` and `validation`, if any, are made.
    """

    rows: DataFrame
    validation: DataFrame | None
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    trained_classes: tuple[str, ...]
    workers: int = WORKERS
    sizes: tuple[float, ...] = ()
    masses: tuple[float, ...] = ()
    device: str = CPU
    monotone: tuple[int, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class TrainingRows:
    """What a model is trained on: training rows after resampling, and a model to continue from.

    Parameters
    ----------
    rows : DataFrame
    counts : mapping of str to int
        Rows of each class; empty where they are not known.
    weight, offset : str, optional
        Columns that a sampler has added, see `Trainer.fit`.
    distortion : Distortion
    start : Model, optional
        A model to continue from.
    chosen : Chosen, optional
        The same rows, as those of a table with all their columns, which other trainings read too.
    """

    rows: DataFrame
    counts: Mapping[str, int] = field(default_factory=dict)
    weight: str | None = None
    offset: str | None = None
    distortion: Distortion = field(default_factory=Distortion)
    start: Model | None = None
    chosen: Chosen | None = None


class Importance(NamedTuple):
    """The importance of each feature for a model, for the report.

    Parameters
    ----------
    title, note : str
    features : list of (str, float)
        The most important first.
    shares : bool
        Whether the values are shares of a whole.
    """

    title: str
    note: str
    features: list[tuple[str, float]]
    shares: bool
