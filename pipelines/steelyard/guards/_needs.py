"""What expectations need to know of a table, and the union for a whole suite. JSON types, no pyspark.

Great Expectations computes a metric once for all expectations that ask for it with the same arguments. There are
two: the *cells* (rows counted by label, split and so on, with measures of each) and the *overlaps* (values that occur
in several parts of the table). Within `shared`, each expectation asks for what all of them need, so a suite of any
length costs one scan.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

CELLS = "steelyard.cells"
OVERLAPS = "steelyard.overlaps"

Needs = dict[str, dict[str, list[Any]]]
"""Metric → argument → values."""

_SUITE: ContextVar[Needs | None] = ContextVar("needs of the suite that is running", default=None)


def cells(*measures: list[Any], **roles: str | None) -> Needs:
    """Return the need for counts by some columns, and for measures in each cell.

    Parameters
    ----------
    *measures : list
        `["time", column]`, `["range", column]`, `["domain", column, fields]` or `["score", column, classes,
        tolerance]`.
    **roles : str, optional
        `label`, `split`, `synthetic` or `slice`, with the column that plays it.
    """
    by = [[role, column] for role, column in roles.items() if column is not None]
    return {CELLS: {"by": by, "measures": list(measures)}}


def parts_by_split(split: str, names: Sequence[str]) -> list[Any]:
    """Return the parts of a table that its splits are: the named ones, and `another split`."""
    return ["split", split, list(names)]


def parts_by_origin(synthetic: str) -> list[Any]:
    """Return the parts `original` and `synthetic`."""
    return ["synthetic", synthetic]


def same_rows(
    columns: Sequence[str],
    parts: list[Any],
    *,
    digits: int | None = None,
    label: str | None = None,
    beyond: float | None = None,
) -> Any:
    """Return the need for values that occur in several parts.

    Parameters
    ----------
    columns : sequence of str
        Rows with equal values in all of them are the same.
    parts : list
    digits : int, optional
        Significant digits to which numbers are compared.
    label : str, optional
        Rows of different classes are never the same.
    beyond : float, optional
        The share of the second part's rows that may be the same as a row of the first. If it is exceeded, the share
        that chance gives is estimated. With `digits`.
    """
    return [list(columns), parts, digits, label, beyond]


def together(needs: Iterable[Needs]) -> Needs:
    """Return the union of needs, independent of their order."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for need in needs:
        for metric, arguments in need.items():
            for name, asked in arguments.items():
                found.setdefault(metric, {}).setdefault(name, {}).update({json.dumps(a): a for a in asked})
    return {m: {name: [of[k] for k in sorted(of)] for name, of in args.items()} for m, args in found.items()}


def asked(own: Needs) -> Mapping[str, Mapping[str, list[Any]]]:
    """Return the arguments of each metric that an expectation needs: what it or the whole suite needs of all metrics.

    So all metrics are computed in the same scan.
    """
    needs = _SUITE.get()
    if needs is None or not needs.keys() >= own.keys():
        needs = own
    arguments = {name: value for metric in sorted(needs) for name, value in needs[metric].items()}
    return dict.fromkeys(own, arguments)


@contextmanager
def shared(needs: Iterable[Needs]) -> Iterator[None]:
    """Give all expectations that run in the block the same needs."""
    token = _SUITE.set(together(needs))
    try:
        yield
    finally:
        _SUITE.reset(token)
