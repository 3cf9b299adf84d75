"""Parameters of samplers: names, meaning and what values they may have."""

from __future__ import annotations

from numbers import Integral

from pyspark.ml.param import Params

from steelyard.errors import InputError
from steelyard.params import NEIGHBORS, column, columns, flag, one_of, param, share, whole, wrong
from steelyard.sampling._strategy import Strategy, check_strategy


def _seed(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not -(2**63) <= int(value) < 2**63:
        raise wrong(name, "a whole number of at most 64 bits (a generator can't be shared by executors)", value)
    return int(value)


def _strategy(name: str, value: object) -> Strategy:
    return check_strategy(value)


def _names(name: str, value: object) -> list[str]:
    return columns(name, value) if value != [] and value != () else []


class HasColumns(Params):
    """Which column plays which part."""

    label_col = param("label_col", "the label column", column)
    features_col = param(
        "features_col",
        "the features: one vector or array column, or a list of columns; "
        "by default all columns but label, key, group, time and weight",
        columns,
    )
    key_col = param(
        "key_col",
        "column or columns that identify a row; by default its content does: all columns but the label",
        columns,
    )
    group_col = param(
        "group_col", "column that says which rows belong together; a new row keeps it where both parents agree", column
    )
    time_col = param("time_col", "column that says when a row arose; a new row gets its later parent's", column)
    weight_col = param("weight_col", "column of row weights; interpolated in new rows", column)
    cost_cols = param("cost_cols", "columns of what mistakes on a row cost; interpolated in new rows", columns)


class HasStrategy(Params):
    """How many rows each class is to have."""

    sampling_strategy = param(
        "sampling_strategy",
        "a ratio of the rarest class to the other (two classes); 'auto', 'minority', 'not minority', "
        "'not majority', 'all' or 'majority'; a map of class to count; or a function of the class counts",
        _strategy,
    )


class HasRandomState(Params):
    """The seed of all that is random."""

    random_state = param("random_state", "seed; the same seed gives the same rows, however they are partitioned", _seed)


class HasMaxNewRows(Params):
    """How many new rows are too many."""

    max_new_rows = param("max_new_rows", "more new rows than this are refused before anything runs", whole(0))


class HasCategories(Params):
    """What features are, and what stands for those that are missing."""

    categorical_features = param(
        "categorical_features", "features that are categories; strings and booleans by default", _names
    )
    missing = param(
        "missing",
        "what null and NaN features get: 'error', or 'impute', the median or mode of their class while distances are "
        "taken and rows are made",
        one_of("error", "impute"),
    )


class HasFeatures(HasCategories):
    """What features are while distances are taken."""

    scale = param(
        "scale",
        "how numbers are scaled while distances are taken, and only then: 'none', 'standard' (by the standard "
        "deviation) or 'robust' (by the interquartile range), of a sample of all rows",
        one_of("none", "standard", "robust"),
    )


class HasSearch(HasFeatures):
    """How neighbours are looked for."""

    distinct_neighbors = param(
        "distinct_neighbors",
        "whether neighbours differ from the row and from one another, where rows are equal; by default those of "
        "over-sampling do, unless there are categories",
        flag,
    )
    search = param(
        "search",
        "how neighbours are looked for: 'exact', in 'cells', or 'auto', which takes cells where they save much work",
        one_of("auto", "exact", "cells"),
    )
    recall = param(
        "recall", "share of the exact neighbours that is to be found where rows are searched in cells", share
    )
    block_mb = param("block_mb", "MiB of features that one block of the neighbour search may have", whole(1))


class HasNeighbors(HasSearch):
    """Which neighbours a row is paired with."""

    k_neighbors = param("k_neighbors", "how many nearest neighbours in its class a row is paired with", NEIGHBORS)


class HasProvenance(Params):
    """What is told about new rows."""

    provenance = param(
        "provenance",
        "whether to add row_id, and for new rows seed_id, neighbor_id and gap; shuffles the table once",
        flag,
    )


def _without_parents(name: str, value: object) -> bool:
    if value is not False:
        raise InputError(
            f"{name} must be false: imbalanced-learn doesn't tell which rows it makes new ones of. "
            f"Got {value!r} instead."
        )
    return False


class HasEngine(HasFeatures):
    """How a table is brought to a sampler that knows arrays alone."""

    scope = param(
        "scope",
        "what one task gets: the whole table ('one_task'), one class and the rarest other ('class'), or rows that are "
        "similar ('cell')",
        one_of("one_task", "class", "cell"),
    )
    max_rows = param("max_rows", "rows that one task may get; more are refused before anything runs", whole(2))
    provenance = param("provenance", "only false is supported: new rows have no known parents", _without_parents)
