"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

NONE = "–"
_ROUNDING = 1e-12  # smaller metrics are what is left of 0 by rounding
_LEAST_SHARE = 1e-6
_SPACE = "\u202f"  # narrow, and no line breaks there


def count(value: float | None) -> str:
    """Return a whole number with thousands separators."""
    return NONE if value is None else f"{value:,.0f}"


def number(value: float | None) -> str:
    """Return a number to three significant digits, whole ones and large ones in full.

    Examples
    --------
    >>> number(1234567.8), number(0.0456789), number(12.0)
    ('1,234,568', '0.0457', '12')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if float(value).is_integer() and abs(value) < 1e15:
        return _minus(f"{value:,.0f}")
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        digits, exponent = f"{value:.2e}".split("e")
        return _minus(f"{digits}{_SPACE}×{_SPACE}10{_superscript(int(exponent))}")
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return _minus(f"{value:,.{places}f}")


def metric(value: float | None) -> str:
    """Return a metric to three decimal places, or as many as distinguish it from 0 and 1, six at most.

    Examples
    --------
    >>> metric(0.5), metric(0.00123), metric(0.99987), metric(1.0), metric(1 - 1e-12), metric(2.78e-17)
    ('0.500', '0.00123', '0.9999', '1.000', '1.000', '0.000')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < _ROUNDING:
        return "0.000"
    if 1e-6 < 1.0 - value < 0.0005:
        return f"{value:.{min(9, -math.floor(math.log10(1.0 - value) + 1e-6))}f}"
    return _minus(f"{value:.3f}") if 0.01 <= abs(value) <= 1 or value == 0 else number(value)


def tick(value: float) -> str:
    """Return a number for an axis: no digit more than it needs.

    Examples
    --------
    >>> tick(0.2), tick(2500.0), tick(0.00001)
    ('0.2', '2,500', '10⁻⁵')
    """
    if 0 < abs(value) < 0.001:
        digits, exponent = f"{value:.0e}".split("e")
        return ("" if digits == "1" else f"{digits}·") + f"10{_superscript(int(exponent))}"
    return _minus(f"{value:,.10g}")


def percent(share: float | None) -> str:
    r"""Return a share in per cent: as many digits as distinguish it from 0 and 100 %, four at most.

    Examples
    --------
    >>> percent(0.5), percent(0.00172), percent(0.99983), percent(1.0)
    ('50.0\u202f%', '0.17\u202f%', '99.983\u202f%', '100\u202f%')
    >>> percent(1e-7), percent(1 - 1e-9), percent(1 - 1e-13)
    ('<\u202f0.0001\u202f%', '>\u202f99.9999\u202f%', '100\u202f%')
    """
    if share is None or not math.isfinite(share):
        return NONE
    if abs(share) < _ROUNDING or abs(1 - share) < _ROUNDING:
        return f"{100 * round(share):.0f}{_SPACE}%"
    edge = min(abs(share), abs(1 - share))
    if edge < _LEAST_SHARE and 0 < share < 1:
        return f"<{_SPACE}0.0001{_SPACE}%" if share < 0.5 else f">{_SPACE}99.9999{_SPACE}%"
    places = 1 if edge >= 0.01 else 2 if edge >= 0.001 else min(4, 1 - math.floor(math.log10(100 * edge) + 1e-6))
    digits = f"{100 * share:.{places}f}"
    return _minus(f"{digits[:-1] if places > 1 and digits.endswith('0') else digits}{_SPACE}%")


def interval(figure: Mapping[str, Any] | None, shown: Any = metric) -> str:
    """Return the 95 % interval of a number of `metrics.json`, or a dash."""
    bounds = (figure or {}).get("ci95")
    if not bounds:
        return NONE
    note = f"{figure['note']} " if figure and figure.get("note") else ""
    return f"{note}{shown(bounds[0])} – {shown(bounds[1])}"


def value(figure: Mapping[str, Any] | None) -> float | None:
    """Return the value of a number of `metrics.json`."""
    return None if figure is None else figure.get("value")


def duration(seconds: float) -> str:
    """Return a length of time.

    Examples
    --------
    >>> duration(0.42), duration(75), duration(4020)
    ('0.4 s', '1 min 15 s', '1 h 7 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60} s"
    return f"{minutes // 60} h {minutes % 60} min"


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one ISO 8601 time to another."""
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def moment(iso: str | None) -> str:
    """Return an ISO 8601 time in UTC to the second."""
    return NONE if not iso else iso.replace("T", " ").split(".")[0].removesuffix("Z") + " UTC"


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _superscript(n: int) -> str:
    return str(n).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
