"""Parameters of samplers: names, meaning and what values they may have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

from pyspark.ml.param import Param, Params

from steelyard.errors import InputError, closest
from steelyard.sampling._strategy import Strategy, check_strategy


def _wrong(name: str, wanted: str, value: object, hint: str = "") -> InputError:
    return InputError(f"{name} must be {wanted}. Got {value!r} instead.{hint}")


def param(name: str, doc: str, check: Callable[[str, Any], Any]) -> Param[Any]:
    """Declare a parameter: `check` gets its name and a value that isn't None, and returns the value to keep."""
    return Param(Params._dummy(), name, doc, typeConverter=lambda value: check(name, value))


def column(name: str, value: object) -> str:
    """Accept the name of one column."""
    if not isinstance(value, str) or not value:
        raise _wrong(name, "the name of a column", value)
    return value


def columns(name: str, value: object) -> list[str]:
    """Accept the name of one column, or a list of names."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names or not all(isinstance(n, str) and n for n in names):
        raise _wrong(name, "the name of a column or a list of names", value)
    if len(set(names)) < len(names):
        raise _wrong(name, "without repetition", value)
    return list(names)


def whole(at_least: int) -> Callable[[str, object], int]:
    """Accept whole numbers from `at_least` on."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < at_least:
            raise _wrong(name, f"a whole number, {at_least} or more", value)
        return int(value)

    return check


def share(name: str, value: object) -> float:
    """Accept numbers above 0 and up to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) <= 1:
        raise _wrong(name, "a number above 0, and 1 at most", value)
    return float(value)


def at_least_zero(name: str, value: object) -> float:
    """Accept finite numbers from 0 on."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < float("inf"):
        raise _wrong(name, "a number, 0 or more", value)
    return float(value)


def flag(name: str, value: object) -> bool:
    """Accept True and False."""
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def one_of(*options: str) -> Callable[[str, object], str]:
    """Accept some words."""

    def check(name: str, value: object) -> str:
        if value not in options:
            hint = closest(value, options) if isinstance(value, str) else ""
            raise _wrong(name, " or ".join(map(repr, options)), value, hint)
        return str(value)

    return check


def _seed(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not -(2**63) <= int(value) < 2**63:
        raise _wrong(name, "a whole number of at most 64 bits (a generator can't be shared by executors)", value)
    return int(value)


def _strategy(name: str, value: object) -> Strategy:
    return check_strategy(value)


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


class HasSearch(Params):
    """How neighbours are looked for."""

    distinct_neighbors = param(
        "distinct_neighbors", "whether neighbours differ from the row and from one another, where rows are equal", flag
    )
    scale = param(
        "scale",
        "how features are scaled while distances are taken, and only then: 'none', 'standard' (by the standard "
        "deviation) or 'robust' (by the interquartile range), of a sample of all rows",
        one_of("none", "standard", "robust"),
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

    k_neighbors = param("k_neighbors", "how many nearest neighbours in its class a row is paired with", whole(1))


class HasProvenance(Params):
    """What is told about new rows."""

    provenance = param(
        "provenance",
        "whether to add row_id, and for new rows seed_id, neighbor_id and gap; shuffles the table once",
        flag,
    )
