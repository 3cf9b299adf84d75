"""Write the prepared rows to Parquet, from which each process of a distributed training reads its share."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.workers import elsewhere
from steelyard.learning._preparing import repartition_by_content
from steelyard.learning.training_data import TrainingData
from steelyard.store import Store


@contextmanager
def written_shards(data: TrainingData, folder: str | None) -> Iterator[str]:
    """Write training and validation rows below a folder, one file for each process, and delete them at the end.

    One shuffle of the prepared rows. Yields where they are.

    Raises
    ------
    InputError
        If there is no folder, and Spark runs on other machines than this one.
    """
    if folder is None and elsewhere(data.rows.sparkSession):
        raise InputError(
            "neural_network needs train.params.shards on a cluster and on Spark Connect: a folder that all machines "
            "share, this one included"
        )
    with tempfile.TemporaryDirectory(prefix="steelyard-shards-") as here:
        root = Store(folder or here).here()
        name = f"shards-{uuid.uuid4().hex}"
        together = data.rows.withColumn("validation", F.lit(False))
        if data.validation is not None:
            together = together.unionByName(data.validation.withColumn("validation", F.lit(True)))
        try:
            repartition_by_content(together, data.workers).write.parquet(root.uri(name))
            yield root.uri(name)
        finally:
            root.delete(name)
