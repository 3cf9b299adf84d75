"""How CSV files are recognised: dialects from first lines, kinds of columns from counts of forms."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import types as T

from steelyard.errors import InputError, damaged_file, translated
from steelyard.frames.reading._dialect import C1, C1_TEXT, Dialect, decoded, foreign, header_names, sniffed
from steelyard.frames.reading._files import Listing
from steelyard.frames.reading._kinds import Seen, column_notes, kind_of_column
from steelyard.frames.reading._partitions import code_among, kind_of_partition
from steelyard.frames.reading._parts import widened
from steelyard.frames.reading._source import MISSING, Source, ending, format_of

WHOLE, DOUBLE = T.IntegerType(), T.DoubleType()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,a,y\n1,2,0\n", Dialect()),
        ("id;a;y\n1;0,5;0\n2;1,5;1\n", Dialect(sep=";")),
        ("Preis, EUR;Menge;y\n1,5;3;0\n2,5;4;1\n", Dialect(sep=";")),
        ("id\ta\n1\t2\n", Dialect(sep="\t")),
        ("id|a\n1|2,5\n", Dialect(sep="|")),
        ("one\n1\n2\n", Dialect()),
        ('id,text\n1,"a;b;c"\n2,"d;e;f"\n', Dialect()),
        ("id, a, y\n1, 2, 0\n", Dialect(skip_space=True)),
    ],
)
def test_separators(text: str, expected: Dialect) -> None:
    assert sniffed(text.encode().splitlines(), {}) == expected


def test_given_options_rule() -> None:
    found = sniffed([b"id;a,b", b"1;2,5"], {"Sep": ",", "header": "false", "ENCODING": "latin1"})
    assert found == Dialect(sep=",", header=False, encoding="windows-1252")
    assert sniffed([b"id\ta"], {"delimiter": r"\t"}).sep == "\t"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_unicode(codec: str) -> None:
    head = "id;naïve\n1;x\n".encode(codec).split(b"\n")
    dialect = sniffed(head, {})
    assert dialect.multi_line == codec.startswith("utf-16")
    assert header_names(decoded(head, dialect), dialect, "f") == ["id", "naïve"]


def test_windows_1252_differs_from_latin_1_in_32_characters() -> None:
    assert bytes(range(0x20, 0x100)).decode("latin-1").translate(str.maketrans(C1, C1_TEXT))[0x60] == "€"
    assert len(C1) == len(C1_TEXT) == 32


def test_names() -> None:
    assert header_names(',"a ""b"""\n', Dialect(), "f") == ["_c0", 'a "b"']
    assert header_names('"two\nlines",b\n1,2\n', Dialect(), "f") == ["two\nlines", "b"]
    assert header_names("1,2\n", Dialect(header=False), "f") == ["_c0", "_c1"]
    assert header_names("a\u2028b\x0bc,d\x85\n1,2\n", Dialect(), "f") == ["a\u2028b\x0bc", "d\x85"]
    with pytest.raises(InputError, match="f: column 'a' is 2 times in the header"):
        header_names("a,b,A\n", Dialect(), "f")
    with pytest.raises(InputError, match="f holds no line"):
        header_names("", Dialect(), "f")


@pytest.mark.parametrize(("first", "what"), [(b"PAR1..", "a Parquet file"), (b"a\x00\x01\x02\x03b", "a binary file")])
def test_files_that_are_no_text(first: bytes, what: str) -> None:
    assert foreign([first]) == what
    assert foreign(["id,a".encode("utf-16")]) is None and foreign([b"id,a"]) is None


@pytest.mark.parametrize(
    ("forms", "kind"),
    [
        ({"int": 5, "missing": 2, "marker:NA": 1}, "long"),
        ({"int": 5, "long": 1}, "long"),
        ({"int": 5, "number": 1}, "double"),
        ({"long": 5, "number": 1}, "text"),  # a double has not all of 16 digits
        ({"int": 5, "code": 1}, "text"),
        ({"big": 5}, "text"),
        ({"comma": 5, "int": 2, "grouped": 1}, "comma"),
        ({"grouped": 5}, "text"),
        ({"comma": 5, "number": 1}, "text"),
        ({"boolean": 5}, "boolean"),
        ({"date": 5}, "date"),
        ({"date": 5, "timestamp": 1}, "timestamp"),
        ({"date": 5, "int": 1}, "text"),
        ({"missing": 5, "marker:?": 2}, "empty"),
        ({}, "empty"),
        ({"text": 1, "int": 99}, "text"),
    ],
)
def test_kinds(forms: dict[str, int], kind: str) -> None:
    assert kind_of_column({form: Seen(n) for form, n in forms.items()}) == kind


@pytest.mark.parametrize(
    ("forms", "explicit", "said"),
    [
        ({"text": 9, "marker:NA": 2}, False, "'NA' (2 rows) stays a value there"),
        ({"text": 9, "marker:NA": 2}, True, None),
        ({"int": 95, "text": 5}, False, "95 of its 100 values are numbers: not 'x'"),
        ({"int": 5, "text": 95}, False, None),
        ({"code": 99, "int": 1}, False, None),
        ({"grouped": 9}, False, "'x' may be a decimal or thousands"),
        ({"big": 9}, False, "too many digits"),
        ({"int": 9}, False, None),
        ({"missing": 9}, False, "empty in all 9 rows"),
    ],
)
def test_notes(forms: dict[str, int], explicit: bool, said: str | None) -> None:
    seen = {form: Seen(n, "x") for form, n in forms.items()}
    notes = column_notes("a", kind_of_column(seen), seen, MISSING, explicit=explicit)
    assert (said is None and not notes) or (len(notes) == 1 and said is not None and said in notes[0])
    assert all("column 'a'" in n for n in notes)


@pytest.mark.parametrize(
    "example", ["1 234", "1'234.50", "1.234,5", "7 %", "€ 5", "(12)", "−3", "1\u00a0234", "$1,234", "'5'"]
)
def test_numbers_written_for_people_are_noted(example: str) -> None:
    forms = {"text": Seen(9, f" {example}", example), "int": Seen(2, "7")}
    notes = column_notes("a", "text", forms, MISSING, explicit=False)
    shown = f" {example}"
    assert len(notes) == 1 and f"{shown!r} may be a number; write numbers as 1234.5" in notes[0]
    for other in ("1.2.3", "12 Main St", "a", "1-2", "1 2345"):
        assert column_notes("a", "text", {"text": Seen(9, other, other)}, MISSING, explicit=False) == []
        assert column_notes("a", "text", {"text": Seen(9, example, other)}, MISSING, explicit=False) == []


@pytest.mark.parametrize(
    ("inferred", "values", "code"),
    [
        (WHOLE, ["007", "10"], "007"),
        (WHOLE, ["01", "02", "10"], None),
        (WHOLE, ["00", "1", "01", "123"], None),  # hours, as people write them
        (WHOLE, ["7", "+7"], "7"),
        (WHOLE, ["7", "__HIVE_DEFAULT_PARTITION__"], None),
        (T.DecimalType(20, 0), ["12345678901234567890", "12345678901234567891"], None),
        (DOUBLE, ["1.5", "2", "1e-3", "NaN"], None),
        (DOUBLE, ["0.5", "1234567890123456"], None),
        (DOUBLE, ["0.5", "12345678901234567"], "12345678901234567"),
        (DOUBLE, ["1.1", "1.10"], "1.10"),
        (DOUBLE, ["1f", "2d"], "1f"),
        (DOUBLE, ["12e3"], "12e3"),
        (T.DateType(), ["2024-01-01"], None),
    ],
)
def test_names_of_folders_are_text_where_numbers_would_change_them(
    inferred: T.DataType, values: list[str], code: str | None
) -> None:
    assert code_among(inferred, values) == code
    assert kind_of_partition(inferred, values) == (inferred if code is None else T.StringType())


def test_names_of_folders_fit_an_earlier_table() -> None:
    assert kind_of_partition(WHOLE, ["7"], T.StringType()) == T.StringType()
    assert kind_of_partition(WHOLE, ["007"], T.LongType()) == WHOLE


def test_notes_on_names_of_folders() -> None:
    columns = [T.StructField("Day", T.IntegerType()), T.StructField("store", T.StringType())]
    listing = Listing([], columns, "/t", {"store": "007"})
    code = "column 'store', from names of folders, is text: a number would change '007'"
    both = "column 'Day' is in the files and in the names of their folders; the folders' is read"
    assert listing.notes(["a", "day"], declared=False) == [both, code]
    assert listing.notes(["a", "day"], declared=True) == [code]
    assert listing.notes(["a", "day", "store"], declared=True) == []


def test_formats_by_ending() -> None:
    assert [ending(p) for p in ("a/b.CSV.gz", "b/", "v1.2/x", "t.tsv")] == ["csv", "", "", "tsv"]
    assert format_of(Source(paths=("d",)), ["d/x.csv", "d/y.csv"]) == "csv"
    assert format_of(Source(paths=("d",)), ["d/x"]) == "parquet"
    assert format_of(Source("json", ("d",)), ["d/x.csv"]) == "json"
    with pytest.raises(InputError, match=r"cannot read d/x.csv.zip: it is a zip archive; write it as Parquet or CSV"):
        format_of(Source(paths=("d/x.csv.zip",)), ["d/x.csv.zip"])
    with pytest.raises(InputError, match="several formats"):
        format_of(Source(paths=("d",)), ["d/x.csv", "d/y.json"])


@pytest.mark.parametrize(
    ("a", "b", "wide"),
    [
        (T.IntegerType(), T.LongType(), T.LongType()),
        (T.FloatType(), T.DoubleType(), T.DoubleType()),
        (T.IntegerType(), T.FloatType(), T.DoubleType()),
        (T.DecimalType(5, 2), T.DecimalType(6, 1), T.DecimalType(7, 2)),
        (T.NullType(), T.StringType(), T.StringType()),
        (T.StringType(), T.LongType(), None),
        (T.DateType(), T.TimestampType(), None),
        (T.DecimalType(5, 2), T.DoubleType(), None),
    ],
)
def test_widening(a: T.DataType, b: T.DataType, wide: Any) -> None:
    assert widened(a, b) == wide == widened(b, a)


def test_a_damaged_file_is_the_user_s_and_a_silent_store_the_engine_s() -> None:
    words = "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///d/a b.parquet.  SQLSTATE: KD001"
    assert "cannot read file:///d/a b.parquet: " in str(damaged_file(RuntimeError(words)))
    assert translated(RuntimeError(words), "x").exit_code == 2
    assert translated(RuntimeError(f"{words}\nCaused by: java.net.SocketTimeoutException"), "x").exit_code == 3
