"""The rows that the parts of the diagnosis query: with their hashes, and of many columns with one array of numbers."""

from __future__ import annotations

from itertools import groupby

from pyspark.sql import Column, DataFrame

from steelyard.columns import col, doubles, dtype, internal
from steelyard.dataset import Dataset
from steelyard.frames.caching import checkpointed
from steelyard.hashing import row_hash
from steelyard.sampling.features import Features, is_number

WHO = "diagnose"

SAMPLE = internal("class_sample")
"""Place of a row in the samples of its class."""

IDENTITY = internal("row")
"""Id of a row in the search. Rows that are equal in everything share it."""

CONTENT = internal("content")
"""Hash of the features."""

MANY = 200
"""Features from which rows are stored as arrays. Spark plans, compiles and reads each column for each query."""


def hashed(df: DataFrame, dataset: Dataset, features: Features) -> DataFrame:
    """Add the columns `SAMPLE`, `IDENTITY` and `CONTENT`; a query evaluates only those that it reads."""
    row = {*dataset.identity, *features.names}
    return df.withColumns(
        {
            SAMPLE: row_hash(df, row, 0, "class sample"),
            IDENTITY: row_hash(df, {*row, dataset.label}, 0, WHO),
            CONTENT: row_hash(df, features.names, 0, "contradictions"),
        }
    )


def stored(df: DataFrame, dataset: Dataset, features: Features) -> tuple[DataFrame, Features]:
    """Read the table once, and keep label, hashes and features: neighbouring columns of numbers as one array.

    The executors keep them, 8 bytes for each number, in memory or on disk.

    Returns
    -------
    DataFrame
    Features
        Of that table. It has the same numbers in the same order, and the same categories.
    """
    runs = [(plain, list(run)) for plain, run in groupby(features.numbers, lambda f: is_number(dtype(df, f)))]
    numbers: dict[str, Column] = {}
    for plain, names in runs:
        if plain:
            numbers[internal(f"numbers_{len(numbers)}")] = doubles(names)
        else:
            numbers.update({f: col(f) for f in names})
    kept = hashed(df, dataset, features)
    others = [col(n) for n in (dataset.label, SAMPLE, IDENTITY, CONTENT, *features.categories)]
    rows = kept.select(*others, *(value.alias(name) for name, value in numbers.items()))
    return checkpointed(rows), Features(tuple(numbers), features.categories)
