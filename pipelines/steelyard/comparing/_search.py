"""Successive halving: searched candidates are judged on few rows, and the better half again on twice as many.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (AISTATS, 2016). A rung
keeps all rows of the rarest class; only the rows of the other classes double. Importing it needs no Spark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steelyard.comparing._candidates import Candidate
from steelyard.comparing._choice import Contender
from steelyard.comparing._estimates import METRICS, Draws
from steelyard.comparing._fold_scores import FoldScores

LAST = 2
"""Searched candidates that the ordinary comparison judges at most."""

Found = Mapping[str, Sequence[FoldScores]]
Judge = Callable[[Sequence[Candidate], Mapping[str, int]], Found]
"""Returns the scores of candidates on so many rows of each class, by name; those that fail are left out."""


def rung_sizes(candidates: int, taken: Mapping[str, int]) -> list[dict[str, int]]:
    """Return the rows of each class in each rung before the ordinary comparison, which has all of them.

    Examples
    --------
    >>> rung_sizes(8, {"0": 4000, "1": 50})
    [{'0': 1000, '1': 50}, {'0': 2000, '1': 50}]
    >>> rung_sizes(8, {"0": 150, "1": 50})
    [{'0': 50, '1': 50}, {'0': 75, '1': 50}]
    >>> rung_sizes(4, {"a": 4000, "b": 300, "c": 200})
    [{'a': 2000, 'b': 200, 'c': 200}]
    """
    rungs = 0
    while candidates > LAST:
        candidates, rungs = half(candidates), rungs + 1
    rare = min(taken.values())
    return [{c: max(math.ceil(n / 2 ** (rungs - i)), rare) for c, n in taken.items()} for i in range(rungs)]


def half(candidates: int) -> int:
    """Return how many of so many candidates are kept."""
    return (candidates + 1) // 2


def better_half(contenders: Sequence[Contender], metric: str) -> list[str]:
    """Return the names of those that are kept, the best first; of equal values, the simpler and cheaper.

    Parameters
    ----------
    contenders : sequence of Contender
    metric : str
        A key of `METRICS`.
    """
    sign = -1.0 if METRICS[metric] else 1.0

    def order(c: Contender) -> tuple[Any, ...]:
        value = c.values[metric].value
        return (math.inf if math.isnan(value) else sign * value, c.simplicity, c.rows, c.name)

    return [c.name for c in sorted(contenders, key=order)[: max(half(len(contenders)), LAST)]]


def halved(
    candidates: Sequence[Candidate], taken: Mapping[str, int], metric: str, judge: Judge
) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """Return the candidates of the ordinary comparison, and what each rung has found, as JSON types.

    Parameters
    ----------
    candidates : sequence of Candidate
        Those that are not searched take part in no rung.
    taken : mapping of str to int
        Rows of each class in the ordinary comparison.
    metric : str
    judge : callable
    """
    going, rungs = [c for c in candidates if c.searched], list[dict[str, Any]]()
    for rows in rung_sizes(len(going), taken):
        found = judge(going, rows)
        going = [c for c in going if c.name in found]
        if not going:
            break
        draws = Draws.of(found[going[0].name])
        contenders = [Contender.of(c, found[c.name], draws) for c in going]
        kept = better_half(contenders, metric)
        going = [c for c in going if c.name in kept]
        rungs.append({"rows": rows, "candidates": [_row(c, metric, kept) for c in contenders]})
    names = {c.name for c in going}
    return [c for c in candidates if not c.searched or c.name in names], rungs


def _row(one: Contender, metric: str, kept: Sequence[str]) -> dict[str, Any]:
    value = one.values[metric].value
    return {
        "name": one.name,
        metric: None if math.isnan(value) else value,
        "rows": one.rows,
        "kept": one.name in kept,
    }
