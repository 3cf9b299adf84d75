"""Parts of a page. All text that is not markup is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from steelyard.report._svg import group, tag


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading; `name` is its anchor."""

    name: str
    title: str
    body: Markup


def table(head: Sequence[object], rows: Iterable[Sequence[object]], align: str) -> Markup:
    """Return a table whose first column names its rows.

    `align` has a letter for each column: `l` (left), `r` (right, for numbers) or `w` (left, and may be wide).
    """

    def line(row: Sequence[object]) -> Markup:
        cells = [tag("td", cell, class_=a) for cell, a in zip(row[1:], align[1:], strict=True)]
        return tag("tr", group(tag("th", row[0], scope="row", class_=align[0]), *cells))

    top = tag("tr", group(*(tag("th", h, scope="col", class_=a) for h, a in zip(head, align, strict=True))))
    parts = group(tag("thead", top), tag("tbody", group(*map(line, rows))))
    return tag("div", tag("table", parts), class_="scroll")


def figure(title: str, *parts: object, note: str | None = None) -> Markup:
    """Return a figure with a heading, and a note below it if there is one."""
    return tag("figure", group(tag("h3", title), *parts, tag("p", note, class_="note") if note else ""))


def legend(*entries: tuple[str, str]) -> Markup:
    """Return a legend: names next to their line styles; entries are (style, name)."""
    items = [
        tag("span", group(tag("svg", _sample(style), viewBox="0 0 26 10", aria_hidden="true"), name))
        for style, name in entries
    ]
    return tag("p", group(*items), class_="legend")


def _sample(style: str) -> Markup:
    if style == "point" or style.startswith("dot"):
        return tag("circle", cx=13, cy=5, r=3.7, class_=style)
    if style.startswith(("bar", "fill")):
        return tag("rect", x=6, y=0, width=14, height=10, class_=style)
    return tag("path", d="M1 5H25", class_=f"line {style}")


def pair(*figures: Markup) -> Markup:
    """Return figures side by side if the page is wide enough."""
    return tag("div", group(*figures), class_="pair")


def note(text: object) -> Markup:
    """Return a remark."""
    return tag("p", text, class_="note")


def folded(summary: str, body: object, *, unfolded: bool = False) -> Markup:
    """Return a folded block that opens on a click."""
    return tag("details", group(tag("summary", summary), body), open="open" if unfolded else None)


def pill(text: str, tone: str) -> Markup:
    """Return a highlighted word: `good`, `bad` or `plain`."""
    return tag("span", text, class_=f"pill {tone}")
