"""Parameters that several samplers have."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from steelyard.params import (
    NEIGHBORS,
    Check,
    HasParameters,
    Parameter,
    column,
    columns,
    flag,
    one_of,
    only_false,
    param,
    share,
    whole,
    wrong,
)


def _seed(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not -(2**63) <= int(value) < 2**63:
        raise wrong(name, "a whole number of at most 64 bits (a generator can't be shared by executors)", value)
    return int(value)


seed = Check(_seed, {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1})


def _none_or_more(name: str, value: object) -> Any:
    return columns(name, value) if value != [] and value != () else []


_names = Check(_none_or_more, {"anyOf": [column.schema, {"type": "array", "items": column.schema}]})


class HasColumns(HasParameters):
    """The columns of the table, by role."""

    label_col: Parameter[str] = param("the label column", column, default="label")
    features_col: Parameter[str | Sequence[str] | None] = param(
        "the features: one vector or array column, or a list of columns; "
        "by default all columns but label, key, group, time and weight",
        columns,
        default=None,
    )
    key_col: Parameter[str | Sequence[str] | None] = param(
        "column or columns that identify a row; by default all columns but the label",
        columns,
        default=None,
    )
    group_col: Parameter[str | None] = param(
        "column of groups; a new row keeps its parents' group if they agree",
        column,
        default=None,
    )
    time_col: Parameter[str | None] = param("column of times; a new row gets its later parent's", column, default=None)
    weight_col: Parameter[str | None] = param("column of row weights; interpolated in new rows", column, default=None)
    cost_cols: Parameter[str | Sequence[str] | None] = param(
        "cost columns; interpolated in new rows", columns, default=None
    )


class HasMaxNewRows(HasParameters):
    """An upper limit on new rows."""

    max_new_rows: Parameter[int | None] = param(
        "maximum number of new rows; more are refused before anything runs", whole(0), default=None
    )


class HasCategories(HasParameters):
    """Categories and missing values."""

    categorical_features: Parameter[Sequence[str] | None] = param(
        "features that are categories; strings and booleans by default. In a distance, two different categories add "
        "Med² to the square (as in SMOTE-NC: the squared median of the numbers' standard deviations)",
        _names,
        default=None,
    )
    missing: Parameter[str] = param(
        "null and NaN features: 'error' refuses them; 'impute' replaces them by the median or mode of their class "
        "in distances and new rows, and rows of the table keep them",
        one_of("error", "impute"),
        default="error",
    )


class HasFeatures(HasCategories):
    """Scales of numbers."""

    scale: Parameter[str] = param(
        "scaling of numeric features in distances, and only there: 'none', 'standard' (by the standard deviation) "
        "or 'robust' (by the interquartile range), on a sample of all rows; new rows are in the original units",
        one_of("none", "standard", "robust"),
        default="none",
    )


class HasSearch(HasFeatures):
    """How neighbours are searched."""

    distinct_neighbors: Parameter[bool | None] = param(
        "whether equal rows are not neighbours of each other and count once; by default true for over-sampling "
        "without categories, because a new row between equal rows is a copy. If false, equal rows are neighbours "
        "at distance 0, as in imbalanced-learn",
        flag,
        default=None,
    )
    search: Parameter[str] = param(
        "how neighbours are searched: 'exact', in 'cells', or 'auto', which takes cells where they save much work: "
        "beyond a million rows or so where rows form groups, as in most tables, else beyond 250,000 rows of 30 "
        "features",
        one_of("auto", "exact", "cells"),
        default="auto",
    )
    recall: Parameter[float] = param(
        "in cells, the share of the exact neighbours that must be found; measured on a sample before rows are made",
        share,
        default=0.95,
    )
    block_mb: Parameter[int] = param("MiB of features in one block of the neighbour search", whole(1), default=192)


COUNTED = HasSearch.distinct_neighbors.but(
    doc="whether equal rows count as one neighbour, and not at all for themselves; by default they count, as in "
    "imbalanced-learn",
    default=False,
)
"""`distinct_neighbors` of the methods that drop rows."""


class HasNeighbors(HasSearch):
    """Neighbours within a class."""

    k_neighbors: Parameter[int] = param(
        "number of nearest neighbours of its class with which a row is paired; an over-sampled class needs more "
        "different rows than this",
        NEIGHBORS,
        default=5,
    )


EQUAL_ROWS_COUNT = HasNeighbors.k_neighbors.but(
    doc="number of nearest neighbours of its class with which a row is paired; an over-sampled class needs more "
    "rows than this, equal ones included"
)
"""`k_neighbors` of the methods for categories."""


class HasProvenance(HasParameters):
    """Parents of new rows."""

    provenance: Parameter[bool] = param(
        "whether to add row_id, and for new rows seed_id, neighbor_id and gap; shuffles the table once",
        flag,
        default=False,
    )


OBJECT = {"type": "null"}
"""The JSON Schema of a Python object: no value of a file is one."""


def scikit_learn_object(attribute: str) -> Check[Any]:
    """Accept objects with ``fit`` and another attribute."""

    def check(name: str, value: object) -> Any:
        if isinstance(value, type) or not hasattr(value, "fit") or not hasattr(value, attribute):
            raise wrong(name, f"an object with fit and {attribute}" if attribute != "fit" else "an estimator", value)
        return value

    return Check(check, OBJECT)


class HasEngine(HasFeatures):
    """How rows reach a sampler that takes arrays in one process."""

    categorical_features: Parameter[Sequence[str] | None] = HasCategories.categorical_features.but(
        doc="categorical features, strings and booleans by default; the method accepts only numeric features, and an "
        "error names the others"
    )
    scope: Parameter[str] = param(
        "what one task gets. 'one_task': the whole table, and the result is that of imbalanced-learn in one process "
        "on the rows in the order of their ids. 'class': a class that is resampled and the rarest other one, a task "
        "for each with its own random draws. 'cell': similar rows, around centres that k-means finds in a sample: an "
        "approximation for tables that no task can hold, with the counts that were asked for. Rows are added in cells "
        "with more rows of the class than neighbours are asked for, in proportion to those rows; where "
        "imbalanced-learn fails in a cell, the others make its rows. Where rows are dropped, every cell sees all rows "
        "of the rarest class, if they fill at most half of it, and keeps its share of the count; a cell with one "
        "class is not cleaned",
        one_of("one_task", "class", "cell"),
        default="one_task",
    )
    max_rows: Parameter[int] = param(
        "rows that one task may get; more are refused before anything runs, and cells have fewer. 50,000 rows of 30 "
        "features are 12 MB; work that is rows × rows takes long: imbalanced-learn condenses 10,000 rows in minutes",
        whole(2),
        default=50_000,
    )
    provenance: Parameter[bool] = param(
        "only false is supported: new rows have no known parents",
        only_false("imbalanced-learn doesn't tell which rows it makes new ones of"),
        default=False,
    )
