"""The rows of several small trainings: one read for each table, whose rows go to the tasks that need them."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import combined
from steelyard.learning._preparing import content_place
from steelyard.learning.tasks import PLACE, TASK
from steelyard.learning.training_data import Part, TrainingData


def rows_of_tasks(data: Sequence[TrainingData]) -> DataFrame:
    """Return the training and validation rows of several trainings.

    Returns
    -------
    DataFrame
        `TASK`, the place of the training in `data`; `PLACE`, the hash of the row's content; the columns of
        `TrainingData.rows`; and `validation`.
    """
    tables: dict[int, tuple[DataFrame, list[Column]]] = {}
    for task, of in enumerate(data):
        for i, part in enumerate(of.parts):
            _, rows = tables.setdefault(id(part.of.table), (part.of.table, []))
            rows.append(_row(task, part, validation=i > 0))
    each = combined(DataFrame.unionByName, [_rows(*of) for of in tables.values()])
    content = each.drop(TASK)
    return each.select(TASK, content_place(content).alias(PLACE), *content.columns)


def _row(task: int, part: Part, *, validation: bool) -> Column:
    """Return a row of a training as a struct, null where the training has not this row of the table."""
    columns = {TASK: F.lit(task), **part.columns, "validation": F.lit(validation)}
    row = F.struct(*[value.alias(name) for name, value in columns.items()])
    known = part.columns["label"].isNotNull()
    return F.when(part.of.condition & known, row)


def _rows(table: DataFrame, rows: Sequence[Column]) -> DataFrame:
    each = table.select(F.explode(F.array_compact(F.array(*rows))).alias("row"))
    return each.select("row.*")
