"""Count rows by label, split and so on, and measure features and scores in each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, dtype
from steelyard.errors import InputError
from steelyard.guards._cell_task import MAX_CELLS
from steelyard.guards._measures import DECIMALS, flag, text, values_of
from steelyard.guards._seen import Cells, Group

# What is computed of a value; of all others, the rows in which they are true.
_AGGREGATES = {
    "time": {"first": "min", "last": "max"},
    "number": {"low": "min", "high": "max"},
    "low": {"low": "min"},
    "high": {"high": "max"},
    "total": {"total": "sum"},
}
_IN_SPARK: dict[str, Callable[[Column], Column]] = {"min": F.min, "max": F.max, "sum": F.sum, "count": F.count_if}


class CellQuery:
    """The columns that define the cells, and the aggregates of each.

    Parameters
    ----------
    df : DataFrame
    by : sequence of (role, column)
        Roles are `label`, `split`, `synthetic` and `slice`.
    measures : sequence
        See `steelyard.guards._needs.cells`.

    Raises
    ------
    InputError
        If a column is missing or of a wrong type.
    """

    def __init__(self, df: DataFrame, by: Sequence[Sequence[str]], measures: Sequence[Any]) -> None:
        self.df, self.by, self.measures = df, by, measures
        self.dimensions = [f"d{i}" for i in range(len(by))]
        made = (_dimension(df, role, name) for role, name in by)
        columns = dict(zip(self.dimensions, made, strict=True))
        self.aggregates: dict[str, tuple[str, str]] = {}
        for i, measure in enumerate(measures):
            for name, value in values_of(df, measure).items():
                columns[f"m{i}_{name}"] = value
                for aggregate, function in _AGGREGATES.get(name, {name: "count"}).items():
                    self.aggregates[f"m{i}_{aggregate}"] = function, f"m{i}_{name}"
        self.columns = [column.alias(name) for name, column in columns.items()]

    @property
    def in_workers(self) -> bool:
        """Whether Python workers aggregate as Spark does: Arrow orders neither texts nor NaN in that way."""
        times = [dtype(self.df, name, "time") for kind, name, *_ in self.measures if kind == "time"]
        return not any(isinstance(t, T.StringType | T.FloatType | T.DoubleType) for t in times)

    def with_texts(self, cells: DataFrame) -> DataFrame:
        """Add the ends of a range of time as text: to compare texts would cost Spark a sort."""
        return cells.select("*", *(c for i, m in enumerate(self.measures) for c in _texts(self.df, m, i)))

    def result(self, rows: Sequence[Mapping[str, Any]]) -> Cells:
        """Return the cells that were collected.

        Raises
        ------
        InputError
            If there are too many for the driver.
        """
        if len(rows) > MAX_CELLS:
            raise _too_many([name for _, name in self.by])
        at = [tuple(r[name] for name in self.dimensions) for r in rows]
        measured = [tuple(_values(r, i) for i in range(len(self.measures))) for r in rows]
        groups = [Group(*g) for g in zip(at, (r["rows"] for r in rows), measured, strict=True)]
        groups.sort(key=lambda g: [(value is None, str(value)) for value in g.at])  # the same in any partitioning
        return Cells(tuple((role, name) for role, name in self.by), tuple(self.measures), tuple(groups))


def count_cells(query: CellQuery) -> Cells:
    """Count and measure by an aggregation in Spark. One scan, one action."""
    made = [_IN_SPARK[f](F.col(value)).alias(name) for name, (f, value) in query.aggregates.items()]
    cells = query.df.select(*query.columns).groupBy(*query.dimensions).agg(F.count(F.lit(1)).alias("rows"), *made)
    return query.result([r.asDict() for r in query.with_texts(cells).limit(MAX_CELLS + 1).collect()])


def _too_many(names: Sequence[str]) -> InputError:
    if len(names) == 1:
        return InputError(
            f"column {names[0]!r} holds more than {MAX_CELLS:,} different values: it is not a class label"
        )
    columns = ", ".join(map(repr, names))
    return InputError(
        f"columns {columns} hold more than {MAX_CELLS:,} different combinations of values: one of them is not a "
        "class, split or slice"
    )


def _dimension(df: DataFrame, role: str, name: str) -> Column:
    dtype(df, name, role)
    if role == "label":
        return class_text(df, name)
    return flag(df, name) if role == "synthetic" else text(df, name)


def _texts(df: DataFrame, measure: Sequence[Any], place: int) -> list[Column]:
    if measure[0] != "time":
        return []
    kind = dtype(df, measure[1])
    return [_as_text(F.col(f"m{place}_{end}"), kind).alias(f"m{place}_{end}_text") for end in ("first", "last")]


def _as_text(value: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.DateType):
        return F.timestamp_micros(value).cast("date").cast("string")
    if isinstance(kind, T.TimestampNTZType):
        return F.to_utc_timestamp(F.timestamp_micros(value), F.current_timezone()).cast("string")
    moment = F.timestamp_micros(value) if isinstance(kind, T.TimestampType) else value
    return moment.cast("string")


def _values(row: Mapping[str, Any], place: int) -> dict[str, Any]:
    prefix = f"m{place}_"
    found = {n.removeprefix(prefix): v for n, v in row.items() if n.startswith(prefix)}
    if "total" in found:
        found["total"] = (found["total"] or 0) / DECIMALS
    for end in ("first", "last"):
        if f"{end}_text" in found:
            text = found.pop(f"{end}_text")
            found[end] = None if found[end] is None else (found[end], text)
    return found
