"""The form of a text: a whole number, a number, a date …. Runs in Python workers, on columns of Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

MARKER = "marker:"
"""Form of a marker of a missing value: this and the marker as it is written."""

_END = r"(?:\r\n|[\n\r])?\z"  # a line break that Spark's casts strip
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_ZONE = r"(?: ?(?:Z|[+-](?:(?:0[0-9]|1[0-7]):?[0-5][0-9]|18:?00)))"
_FORMS = (
    ("number", r"[+-]?(?:0|[1-9][0-9]*)?\.[0-9]+\z"),
    ("int", r"[+-]?(?:0|[1-9][0-9]{0,14})\z"),
    ("long", r"[+-]?[1-9][0-9]{15,17}\z"),
    ("big", r"[+-]?[1-9][0-9]{18,}\z"),
    # No number: leading zeros; many digits before an exponent without a sign, which is how identifiers look.
    ("code", rf"(?:[+-]?0[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|[0-9]{{2,}}[eE][0-9]+){_END}"),
    ("boolean", r"(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])\z"),
    ("grouped", rf"[+-]?[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+{_END}"),
    ("date", rf"{_DAY}{_END}"),
    (
        "timestamp",
        rf"{_DAY}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,9}})?{_ZONE}?)?{_END}",
    ),
    ("comma", rf"[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?{_END}"),
    ("number", rf"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?|nan)){_END}"),
)
"""Forms and what their texts look like. No text fits two of them, except the last `_AFTER`: they count after the rest.
`long` is a whole number of 16 to 18 digits, `big` of more; `comma` has a decimal comma; `grouped`, such as 1,234, may
be a thousand or a decimal. Other values are `missing` or `text`."""

_AFTER = 2

_ANY = "^(?:" + "|".join(pattern for _, pattern in _FORMS) + ")"
_SAMPLE = 64  # values that show which form to try first


def by_form(values: pa.Array, missing: Sequence[str]) -> Iterator[tuple[str, pa.Array]]:
    """Yield each form that occurs in a column of texts, and the values that have it.

    The form of a marker of a missing value contains the marker as it is written: `marker:NA`.

    Examples
    --------
    >>> [(form, found.to_pylist()) for form, found in by_form(pa.array(["7", "x", "NA", "07"]), ["NA"])]
    [('marker:NA', ['NA']), ('int', ['7']), ('code', ['07']), ('text', ['x'])]
    """
    text = pc.utf8_trim(values, " ")
    empty = pc.fill_null(pc.equal(text, ""), fill_value=True)
    found, values, text = _divided(empty, values, text)
    if len(found):
        yield "missing" if "" in missing else "text", found
    marked, values, text = _divided(_is_marker(text, missing), values, text)
    yield from _by_marker(marked)
    order = _likeliest_first(text)
    if not order:
        found, values, text = _divided(pc.invert(pc.match_substring_regex(text, _ANY)), values, text)
        if len(found):
            yield "text", found
    for form, pattern in order or _FORMS:
        if not len(values):
            return
        found, values, text = _divided(pc.match_substring_regex(text, "^" + pattern), values, text)
        if len(found):
            yield form, found
    if len(values):
        yield "text", values


def _likeliest_first(text: pa.Array) -> list[tuple[str, str]]:
    """Return the forms in the order in which to try them; none if the first texts have none."""
    hits = [pc.match_substring_regex(text[:_SAMPLE], "^" + pattern).true_count for _, pattern in _FORMS]
    order = sorted(range(len(_FORMS) - _AFTER), key=lambda i: -hits[i])
    return [*(_FORMS[i] for i in order), *_FORMS[-_AFTER:]] if any(hits) else []


def _divided(chosen: pa.Array, values: pa.Array, text: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the values that are chosen, and the others with their trimmed text."""
    n = chosen.true_count
    if n == 0:
        return values[:0], values, text
    if n == len(values):
        return values, values[:0], text[:0]
    others = pc.invert(chosen)
    return values.filter(chosen), values.filter(others), text.filter(others)


def _is_marker(text: pa.Array, missing: Sequence[str]) -> pa.Array:
    markers = [m.lower() for m in missing if m]
    plain = all(map(str.isascii, markers))  # Arrow knows no lower case of several characters
    lower = pc.utf8_lower(text) if plain else pa.array([t.lower() for t in text.to_pylist()], pa.string())
    return pc.is_in(lower, pa.array(markers, pa.string()))


def _by_marker(values: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    text = pc.utf8_trim(values, " ")
    for marker in text.unique().to_pylist():
        yield MARKER + marker, values.filter(pc.equal(text, marker))
