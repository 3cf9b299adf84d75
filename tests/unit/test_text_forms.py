"""Forms of texts, whatever stands beside them in a column, and which lines every CSV parser reads the same."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from pyarrow import compute as pc

from steelyard.config import MISSING
from steelyard.frames._csv_task import count_lines, count_values, plain_lines
from steelyard.frames._text_forms import by_form

FORMS = {
    "missing": ["", "  ", None],
    "int": ["0", "-1", "+5", " 7 ", "123456789012345"],
    "long": ["1234567890123456", "-123456789012345678"],
    "big": ["1234567890123456789"],
    "code": ["007", "-07", "00.5", "12E03", "004E02", "007\n"],
    "number": ["1.5", ".5", "5.", "1e5", "12E+03", "1.2E05", "inf", "-Infinity", "5\n"],
    "boolean": ["true", "FALSE", "True "],
    "grouped": ["1,234", "-12,345,678"],
    "comma": ["0,5", "5,", "-,5", "1,5e3", "0,234", "1,23"],
    "date": ["2026-01-02", "0000-02-29", "2000-02-29", "2026-01-02\n"],
    "timestamp": ["2026-01-02 03:04", "2026-01-02T23:59:59.123456789 Z", "2026-01-02 03:04:05-18:00"],
    "text": [
        "x", "1 2", "2026-02-30", "1900-02-29", "2026-01-02 24:00", "2026-01-02 03:04Z", "2026-01-02 03:04:05+18:01",
        "2026-01-02 03:04:05+01:60", "fal\u017fe", "\u0661", "1\u00a0", "+", ",", "1,23,4", "0x1F",
        "1.5\u2028", "1,5\x85",  # line breaks that Spark's cast does not strip
    ],
    "marker:NA": ["NA", " NA"], "marker:nan": ["nan"], "marker:?": [" ? "], "marker:Null": ["Null"],
}  # fmt: skip


@pytest.mark.parametrize("first", FORMS)
def test_each_text_has_one_form_in_any_company(first: str) -> None:
    """The first values decide which form is tried first, and nothing else."""
    values = [value for of in FORMS.values() for value in of]
    random.Random(first).shuffle(values)
    column = pa.array(FORMS[first] * 30 + values, pa.string())
    found: dict[str, set[str | None]] = {}
    total = 0
    for form, has in by_form(column, MISSING):
        found.setdefault(form, set()).update(has.to_pylist())
        total += len(has)
    assert found == {form: set(of) for form, of in FORMS.items()} and total == len(column)


def test_markers_that_are_given_rule() -> None:
    assert [f for f, _ in by_form(pa.array(["-9", "ΟΣ", "", "1"]), ["-9", "ος"])] == [
        "text", "marker:-9", "marker:ΟΣ", "int",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ('a,"b ""c"", d",', True),
        ('"",é', True),
        ('a"b,c', False),
        ('"a"b,c', False),
        ('"a', False),
        ("a\rb", False),
        ("a\x00", False),
        ("\ufeffa", False),
        ("a\tb", False),
    ],
)
def test_plain_lines(line: str, plain: bool) -> None:
    found = pc.match_substring_regex(pa.array([line]), plain_lines(",", '"', skip_space=False))
    assert found.to_pylist() == [plain]


def test_lines_are_counted_once_or_handed_on() -> None:
    raw = [b"a,b", b'1,"x, y"', b"2,\xc3\xa9", b"3", b'4,"\\"', b'5,"z', b"6,"]
    batches = [pa.RecordBatch.from_arrays([pa.array([line]).cast(pa.string())], ["value"]) for line in raw]
    layout = {"sep": ",", "quote": '"', "skip_space": False}
    found = pa.Table.from_batches(count_lines(batches, width=2, missing=[""], header=b"a,b", **layout)).to_pylist()
    assert [row["line"] for row in found if row["place"] is None] == ["a,b", '4,"\\"', '5,"z', "3"]
    counted = {
        (row["place"], row["form"]): (row["rows"], row["example"], row["largest"])
        for row in found
        if row["line"] is None
    }
    assert counted == {
        (0, "s"): (1, None, None), (1, "int"): (3, "1", "6"), (2, "text"): (2, "x, y", "é"),
        (2, "missing"): (1, None, None),
    }  # fmt: skip


def test_lines_of_another_encoding_are_handed_on() -> None:
    lines = pa.array([b"1", b"\xe9", "é".encode()]).view(pa.string())
    layout = {"sep": ",", "quote": '"', "skip_space": False}
    found = pa.Table.from_batches(
        count_lines([pa.RecordBatch.from_arrays([lines], ["value"])], width=1, missing=[], header=None, **layout)
    )
    assert found["line"].drop_null().cast(pa.binary()).to_pylist() == [b"\xe9", "é".encode()]


def test_counts_are_passed_on_and_values_counted() -> None:
    kinds = {
        "place": pa.int32(),
        "form": pa.string(),
        "rows": pa.int64(),
        "example": pa.string(),
        "largest": pa.string(),
    }
    columns = {
        "place": [1, None, None], "form": ["int", None, None], "rows": [7, None, None], "example": ["1", None, None],
        "largest": ["9", None, None],
    }  # fmt: skip
    batch = pa.RecordBatch.from_pydict(
        {name: pa.array(columns[name], kind) for name, kind in kinds.items()}
        | {"flags": ["", "o", "H"], "values": pa.array([None, ["5", "x"], None], pa.list_(pa.string()))}
    )
    found = pa.Table.from_batches(count_values([batch], width=2, missing=[""])).to_pylist()
    assert {tuple(row.values()) for row in found} == {
        (1, "int", 7, "1", "9"), (0, "o", 1, None, None), (0, "H", 1, None, None), (1, "int", 1, "5", "5"),
        (2, "text", 1, "x", "x"),
    }  # fmt: skip
