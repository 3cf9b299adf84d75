"""What each sampler makes of the checks' table on a classic session, written to a file for another process to compare.

python rows_of_all_samplers.py OUT
"""

from __future__ import annotations

import pickle
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noise_parameters import ON_NOISE, TWO_CLASSES
from session_settings import SETTINGS

from steelyard.sampling import sampler_class, sampler_names
from steelyard.testing._making import sampler_of
from steelyard.testing._tables import ROLES, multiset, sample_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def rows_of(name: str, spark: SparkSession) -> Counter[tuple[Any, ...]]:
    """Rows with their multiplicity, numbers to the last bit."""
    if name in TWO_CLASSES:
        two = sample_table(spark).where("label <> 'c'")
        return multiset(sampler_class(name)(sampling_strategy={"a": 23}, min_rows=0, **ROLES).fit_resample(two))
    sampler = sampler_of(sampler_class(name), **ROLES, **ON_NOISE.get(name, {}))
    return multiset(sampler.fit_resample(sample_table(spark)))


def main(out: str) -> None:
    """Write the rows of all samplers."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config(map=SETTINGS).getOrCreate()
    spark.conf.set("spark.sql.shuffle.partitions", 3)
    Path(out).write_bytes(pickle.dumps({name: rows_of(name, spark) for name in sampler_names()}))
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
