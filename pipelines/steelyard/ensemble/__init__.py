"""Ensembles of many small models: each is trained by one Spark task, on a bag in which no class is rare.

A bag holds some rows of each class, drawn by hash, so that models do not depend on partitions. The trainers are found
by their names: `steelyard.learning.get_trainer("balanced_bagging")`. Importing this package needs no Spark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.ensemble.base import BaggingParameters, BaggingTrainer, EnsembleTrainer
from steelyard.lazy import lazy

if TYPE_CHECKING:
    from steelyard.ensemble._model import EnsembleModel

__all__ = ["BaggingParameters", "BaggingTrainer", "EnsembleModel", "EnsembleTrainer"]

__getattr__ = lazy(__name__, "_model")
