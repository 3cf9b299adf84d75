"""Verdicts of expectations and their texts, without Spark or Great Expectations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

TABLE_ROWS = 20  # at most, in a message or on a page of Data Docs


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation was met, with the observed and the expected value.

    Parameters
    ----------
    success : bool
    message : str
        One sentence, naming the column, what was observed and what was expected.
    observed, expected
        Both as JSON types.
    table : list of dict
        Rows that explain a failure, for Data Docs.
    """

    success: bool
    message: str
    observed: Any
    expected: Any
    table: list[dict[str, Any]] = field(default_factory=list)


def inside(value: float, low: float | None, high: float | None) -> bool:
    """Whether `value` is within the closed range; None leaves an end open."""
    return (low is None or value >= low) and (high is None or value <= high)


def between(low: float | None, high: float | None) -> dict[str, float | None]:
    """Return a range as JSON types."""
    return {"min": low, "max": high}


def number(value: float) -> str:
    """Return a count with thousands separators."""
    return f"{value:,}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def percent(share: float) -> str:
    """Return a share as per cent with four significant digits."""
    return f"{100 * share:.4g} %"


def span(low: object | None, high: object | None) -> str:
    """Return a range as text."""
    if low is not None and high is not None:
        return f"between {low} and {high}"
    if low is not None:
        return f"at least {low}"
    return "any number" if high is None else f"at most {high}"


def named(names: Iterable[str], limit: int = TABLE_ROWS) -> str:
    """Return names in quotes, the first `limit` of them."""
    all_names = list(names)
    return ", ".join(repr(n) for n in all_names[:limit]) + more(all_names, limit)


def listed(counts: Mapping[str, int], *, limit: int = 10, quote: bool = True) -> str:
    """Return counts as text, the first `limit` of them."""
    shown = [f"{name!r} ({number(n)})" if quote else f"{number(n)} {name}" for name, n in counts.items()]
    return ", ".join(shown[:limit]) + more(shown, limit)


def more(items: Sequence[object], limit: int) -> str:
    return f" and {len(items) - limit} more" if len(items) > limit else ""


def ends(low: float | None, high: float | None) -> str:
    return "no number" if low is None or high is None else f"[{low:.12g}, {high:.12g}]"
