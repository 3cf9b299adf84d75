"""The type of a text column, decided from counts of its values' forms. No Spark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.frames._text_forms import MARKER

Kind = Literal["text", "long", "double", "comma", "boolean", "date", "timestamp", "empty"]
_NUMBERS = ("int", "long", "big", "number", "comma", "grouped")
_NEARLY = 0.9
_FOR_PEOPLE = re.compile(
    r"""['"]?[-+−(]? ?[$€£¥]? ?[-+−]?(?:[1-9][0-9]{0,2}(?:[ '’.,\u00a0\u202f][0-9]{3})+|0|[1-9][0-9]*)?"""
    r"""(?:[.,][0-9]+)?(?:[eE][-+]?[0-9]+)?\)?[ \u00a0]?[$€£¥%]?['"]?"""
)
_TIMES: dict[frozenset[str], Kind] = {
    frozenset({"date"}): "date",
    frozenset({"timestamp"}): "timestamp",
    frozenset({"date", "timestamp"}): "timestamp",
    frozenset({"boolean"}): "boolean",
    frozenset({"int"}): "long",
    frozenset({"long"}): "long",
    frozenset({"int", "long"}): "long",
    frozenset({"number"}): "double",
    frozenset({"int", "number"}): "double",
}


@dataclass(frozen=True)
class Seen:
    """Values of one form in a column: how many, the smallest, and the largest."""

    count: int
    example: str | None = None
    largest: str | None = None


Forms = Mapping[str, Seen]


def kind_of_column(forms: Forms) -> Kind:
    """Return what a column is.

    Examples
    --------
    >>> kind_of_column({"int": Seen(90), "marker:NA": Seen(3)})
    'long'
    >>> kind_of_column({"int": Seen(90), "code": Seen(10)})  # a leading zero
    'text'
    """
    present = frozenset(_present(forms))
    if not present:
        return "empty"
    if "comma" in present and present <= {"int", "comma", "grouped"}:
        return "comma"
    return _TIMES.get(present, "text")


def like_number(text: str) -> bool:
    """Whether a text is a number, perhaps as people write it.

    That is: with separators of thousands, a sign of currency or percent, a minus of typography, in parentheses or in
    quotes. Leading zeros are those of a code.

    Examples
    --------
    >>> [like_number(text) for text in ("1 234,5", "€ 7", "(12)", "'5'", "007", "1-2", "")]
    [True, True, True, True, False, False, False]
    """
    return any(map(str.isdigit, text)) and _FOR_PEOPLE.fullmatch(text.strip()) is not None


def _present(forms: Forms) -> dict[str, Seen]:
    return {form: seen for form, seen in forms.items() if form != "missing" and not form.startswith(MARKER)}


def column_notes(name: str, kind: Kind, forms: Forms, missing: Sequence[str], *, explicit: bool) -> list[str]:
    """Return notes for the user on a column.

    `missing` are the markers of missing values. If they are `explicit`, the user gave them: they then hold for columns
    of text too.
    """
    present = _present(forms)
    rows = sum(seen.count for seen in present.values())
    if kind == "comma":
        return [f"column {name!r} is read as numbers with a decimal comma"]
    if kind == "empty" and forms:
        return [f"column {name!r} is empty in all {sum(seen.count for seen in forms.values()):,} rows"]
    if kind != "text":
        return []
    notes = []
    markers = {form.removeprefix(MARKER): seen.count for form, seen in forms.items() if form.startswith(MARKER)}
    if markers and not explicit:
        shown = ", ".join(f"{marker!r} ({count:,} rows)" for marker, count in sorted(markers.items()))
        notes.append(
            f"column {name!r} is text: {shown} stays a value there; where it means missing, add {_line(['', *markers])}"
        )
    numbers = sum(present[form].count for form in _NUMBERS if form in present)
    if rows and _NEARLY * rows <= numbers < rows and "code" not in present:
        others = [seen.example or "" for form, seen in present.items() if form not in _NUMBERS]
        notes.append(
            f"column {name!r} is text, though {numbers:,} of its {rows:,} values are numbers: not {others[0]!r}; where "
            f"that means missing, add {_line([*missing, others[0]])}"
        )
    elif (text := present.get("text")) is not None and all(
        like_number(end or "") for end in (text.example, text.largest)
    ):
        notes.append(
            f"column {name!r} is text: {text.example!r} may be a number; write numbers as 1234.5, without separators "
            "of thousands, quotes, signs of currency or percent, and with - for minus"
        )
    elif numbers == rows and "grouped" in present:
        notes.append(f"column {name!r} is text: {present['grouped'].example!r} may be a decimal or thousands")
    elif numbers == rows:
        notes.append(
            f"column {name!r} is text: its whole numbers have too many digits for a number"
            f" ({present.get('big', present.get('long', Seen(0))).example!r})"
        )
    return notes


def _line(markers: Sequence[str]) -> str:
    listed = ", ".join(f'"{m}"' for m in dict.fromkeys(markers))
    options = " ".join(f"--missing '{m}'" for m in dict.fromkeys(markers))
    return f"{options} (in a pipeline, data.missing: [{listed}])"
