"""Verdicts of expectations on counts, without Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from steelyard.guards._needs import CELLS, OVERLAPS
from steelyard.guards._seen import Cells, Group, Overlap, Overlaps
from steelyard.guards._verdict import Verdict

if TYPE_CHECKING:
    from steelyard.guards.expectations import JudgedExpectation

Rows = tuple[Mapping[str, Any], int]
"""Role -> value, and the number of rows with these values."""


class _Expectations:
    """The package `steelyard.guards.expectations`, imported when a test uses it: Great Expectations takes seconds."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith(("Expect", "_splits")):  # such as pytest asks of each object in a file of tests
            raise AttributeError(name)
        return getattr(import_module("steelyard.guards.expectations"), name)


gx = _Expectations()


def judged(expectation: JudgedExpectation, given: Sequence[Rows], *measured: Mapping[str, Any]) -> Verdict:
    """Return the verdict on cells, with the value of the expectation's measure in each."""
    asked_for = expectation.needs()[CELLS]
    by = tuple((role, column) for role, column in asked_for["by"])
    values = [(m,) for m in measured] or [()] * len(given)
    groups = (Group(tuple(at.get(r) for r, _ in by), n, m) for (at, n), m in zip(given, values, strict=True))
    return expectation._judge({CELLS: Cells(by, tuple(asked_for["measures"]), tuple(groups))})


def compared(expectation: JudgedExpectation, *found: Sequence[Overlap], chance: float | None = None) -> Verdict:
    """Return the verdict on overlaps, one for each kind that the expectation needs."""
    kinds = tuple(expectation.needs()[OVERLAPS]["kinds"])
    return expectation._judge({OVERLAPS: Overlaps(kinds, tuple(map(tuple, found)), (chance,))})
