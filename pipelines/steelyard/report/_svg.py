"""Parts of charts: elements, scales, axes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

from steelyard.report._numbers import tick

Kind = Literal["linear", "log", "logit"]


def tag(name: str, content: object = "", **attributes: object) -> Markup:
    """Return an element; content that isn't markup is escaped, and so are attributes.

    Examples
    --------
    >>> tag("text", "a < b", x=1.5, class_="tick")
    Markup('<text x="1.5" class="tick">a &lt; b</text>')
    """
    # Not by Markup.format, which takes ten times as long: a page has thousands of elements.
    given = [(k.rstrip("_").replace("_", "-"), v) for k, v in attributes.items() if v is not None]
    shown = "".join(f' {k}="{escape(_plain(v))}"' for k, v in given)
    return Markup(f"<{name}{shown}>{escape(content)}</{name}>")


def group(*parts: object) -> Markup:
    """Return the parts, one after another."""
    return Markup("").join(escape(p) for p in parts)


def _plain(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Scale:
    """Map values from `low` to `high`, and all beyond, to places from `start` to `end`.

    A logit scale spreads values near 0 and 1, where most scores of a rare class are.
    """

    low: float
    high: float
    start: float
    end: float
    kind: Kind = "linear"

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        low, high = self._bend(self.low), self._bend(self.high)
        share = (self._bend(min(max(value, self.low), self.high)) - low) / (high - low or 1.0)
        return self.start + share * (self.end - self.start)

    def _bend(self, value: float) -> float:
        if self.kind == "linear":
            return value
        return math.log(value) if self.kind == "log" else math.log(value / (1 - value))

    def ticks(self) -> list[float]:
        """Return the values that are labelled on the axis."""
        if self.kind == "linear":
            return _even_ticks(self.low, self.high)
        powers = range(math.floor(math.log10(self.low)), 12)
        if self.kind == "log":
            return [10.0**p for p in powers if self.low <= 10.0**p <= self.high * 1.0001]
        tails = [10.0**p for p in range(math.floor(math.log10(min(self.low, 1 - self.high))), 0)]
        marks = [*tails, 0.5, *(1 - t for t in reversed(tails))]
        return [t for t in marks if self.low <= t <= self.high]


def _even_ticks(low: float, high: float) -> list[float]:
    span = high - low or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step = next(step * m for m in (1, 2, 2.5, 5, 10) if span / (step * m) <= 5)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def logit_scale(values: Iterable[float], start: float, end: float, floor: float = 1e-6) -> Scale:
    """Return a scale for probabilities that contains all of them except 0 and 1."""
    inner = [v for v in values if floor < v < 1 - floor] or [0.5]
    low, high = min(*inner, 0.1), max(*inner, 0.9)
    return Scale(10.0 ** math.floor(math.log10(low)), 1 - 10.0 ** math.floor(math.log10(1 - high)), start, end, "logit")


@dataclass(frozen=True)
class Plot:
    """A rectangle with two scales, in a drawing of `width` by `height`."""

    x: Scale
    y: Scale
    width: float
    height: float

    def axes(self, x_name: str | None, y_name: str) -> Markup:
        """Return grid, ticks and names; without `x_name` the horizontal axis has no numbers."""
        left, right, top, bottom = self.x.start, self.x.end, self.y.end, self.y.start
        parts = []
        for at in self.y.ticks():
            y = self.y(at)
            parts.append(tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
            parts.append(tag("text", tick(at), x=left - 6, y=y + 4, text_anchor="end", class_="tick"))
        for at in self.x.ticks():
            x = self.x(at)
            parts.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"))
            if x_name is not None:
                parts.append(tag("text", tick(at), x=x, y=bottom + 16, text_anchor="middle", class_="tick"))
        parts.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        if x_name is not None:
            parts.append(tag("text", x_name, x=(left + right) / 2, y=bottom + 34, text_anchor="middle", class_="name"))
        parts.append(tag("text", y_name, x=left - 34, y=top - 10, class_="name"))
        return group(*parts)

    def line(self, xs: Sequence[float], ys: Sequence[float], style: str, *, steps: bool = False) -> Markup:
        """Return a line through the points; `steps` keeps each height until the next point, as exact curves do."""
        places = [(self.x(x), self.y(y)) for x, y in zip(xs, ys, strict=True)]
        d: list[str] = []
        for i, (x, y) in enumerate(places):
            if steps and i:
                d.append(f"V{y:.1f}H{x:.1f}")
            else:
                d.append(f"{'L' if i else 'M'}{x:.1f} {y:.1f}")
        return tag("path", d="".join(d), class_=f"line {style}")

    def dot(self, x: float, y: float, style: str, radius: float = 4.5, title: str = "") -> Markup:
        """Return a point, with words that appear under the mouse."""
        return tag("circle", tag("title", title) if title else "", cx=self.x(x), cy=self.y(y), r=radius, class_=style)

    def upright(self, x: float, label: str) -> Markup:
        """Return a vertical line over the whole height, with a label above it."""
        at, middle = self.x(x), (self.x.start + self.x.end) / 2
        # Above the plot, and clear of the name of the vertical axis on the left.
        anchor, place = ("end", at + 4) if at > middle else ("start", max(at - 4, self.x.start + 110))
        return group(
            tag("line", x1=at, x2=at, y1=self.y.end - (6 if label else 0), y2=self.y.start, class_="mark"),
            tag("text", label, x=place, y=self.y.end - 10, text_anchor=anchor, class_="marked") if label else "",
        )


def drawing(name: str, width: float, height: float, title: str, description: str, *parts: object) -> Markup:
    """Return an SVG image with a description; `name` is unique in the page."""
    return tag(
        "svg",
        group(tag("title", title, id=f"{name}-title"), tag("desc", description, id=f"{name}-desc"), *parts),
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        class_="chart",
        style=f"max-width:{width:g}px",
    )
