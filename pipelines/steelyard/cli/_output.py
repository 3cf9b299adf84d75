"""Print results as JSON documents and tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steelyard.store import dumps


def print_json(document: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(dumps(document, indent=2) + "\n")


def answer(json: bool, document: Any, show: Callable[..., object], *shown: Any) -> None:
    """Print a result: one JSON document, or for people what `show(*shown)` prints."""
    if json:
        print_json(document)
    else:
        show(*shown)


def console(*, err: bool = False) -> Console:
    """Return a console; on a pipe it is wide enough that tables keep their columns."""
    made = Console(stderr=err, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=err, highlight=False, width=120, soft_wrap=True)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; all columns but the first are aligned right."""
    # Cells are Text objects, because labels may contain rich's markup.
    made = Table(title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    made.padding = (0, 2, 0, 0)
    for i, name in enumerate(header):
        made.add_column(Text(name), justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        made.add_row(*[Text(cell) for cell in row])
    console().print(made)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number rounded for reading."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}" if abs(value) >= 10 ** (1 - digits) or value == 0 else f"{value:.2g}"
