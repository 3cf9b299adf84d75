"""Rows with the same features and different labels, which no model can separate."""

from __future__ import annotations

from pyspark.sql import functions as F

from steelyard.columns import class_text, col
from steelyard.diagnosis._rows import CONTENT
from steelyard.diagnosis._table import Table

BROADCAST = 1_000_000
"""Rows of all classes but the largest, up to which their hashes are sent to all tasks: 8 to 16 MB."""


def contradictions(table: Table) -> dict[str, int]:
    """Count the rows with the same features as a row of another class.

    Costs two scans of the features and a broadcast of hashes where the classes but the largest have few rows
    (`BROADCAST`); else one scan and one shuffle of a hash and a class for each row. Hashes have 63 bits: among a
    hundred million rows, a pair that only looks equal turns up once in two thousand tables.

    Parameters
    ----------
    table : Table

    Returns
    -------
    dict
        ``rows`` of any class, ``of_class`` those of the rarest, ``patterns`` how many different features they have.
    """
    label = class_text(table.df, table.dataset.label)
    rows = table.df.where(label.isNotNull()).select(
        col(CONTENT).alias("features"),
        # As a number: the least of texts would have to be found by sorting.
        F.xxhash64(label).alias("class"),
        table.own.cast("bigint").alias("own"),
    )
    classes = F.min("class").alias("first"), F.max("class").alias("last")
    largest = max(table.counts, key=table.counts.__getitem__)
    if table.total - table.counts[largest] <= BROADCAST:
        # Rows that differ in the label include one of another class than the largest.
        others = rows.where(F.col("class") != F.xxhash64(F.lit(largest))).select("features")
        rows = rows.join(F.broadcast(others), "features", "left_semi")
    equal = rows.groupBy("features").agg(F.count(F.lit(1)).alias("n"), F.sum("own").alias("own"), *classes)
    torn = equal.where(F.col("first") != F.col("last"))
    found = torn.agg(F.sum("n").alias("rows"), F.sum("own").alias("own"), F.count(F.lit(1)).alias("patterns")).collect()
    return {"rows": found[0]["rows"] or 0, "of_class": found[0]["own"] or 0, "patterns": found[0]["patterns"]}
