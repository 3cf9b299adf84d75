"""Tables as people have them: odd files, odd types, odd CSV; read right, or refused by name."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.errors import InputError, translated
from steelyard.frames.reading import Pin, Reading, Source, _files, check_unchanged, read, read_pinned

FRAME = pd.DataFrame({"a": np.arange(4.0), "y": [0, 1, 0, 1]})


def files_of(df: DataFrame) -> set[str]:
    """The files that a query really reads."""
    found = df.select(F.col("_metadata.file_path").alias("f")).distinct().collect()
    return {unquote(row["f"]).split(":", 1)[1].lstrip("/") for row in found}


def pinned_again(spark: SparkSession, source: Source, reading: Reading) -> DataFrame:
    assert reading.pin is not None
    return read_pinned(spark, source, Pin.from_json(reading.pin.to_json()))


@pytest.mark.parametrize(
    ("names", "path", "options", "partitions"),
    [
        (["a.parquet", "b.parquet"], "", {}, []),
        (["day=1/a.parquet", "day=2/b.parquet"], "", {}, ["day"]),
        (["x=1/y z=2/a.parquet", "x=1/y z=3/a.parquet"], "", {}, ["x", "y z"]),
        (["day=1/a.parquet", "day=2/b.parquet"], "day=*", {}, []),
        (["g[1].parquet", "g1.parquet", "h{a,b}*?.parquet", "i\\j.parquet", "sp ace%20.parquet"], "", {}, []),
        (["g[1].parquet", "g1.parquet"], "g[1].parquet", {}, []),
        (["g1.parquet", "g2.parquet", "h.parquet"], "g*.parquet", {}, []),
        (["s/t/a.parquet", "b.parquet"], "", {"recursiveFileLookup": "true"}, []),
        (["a.parquet", "b.parquet", "c.parquet"], "", {"pathGlobFilter": "[ab]*"}, []),
    ],
)
def test_the_files_that_are_read_are_those_of_the_pin(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: list[str],
    path: str,
    options: dict[str, str],
    partitions: list[str],
) -> None:
    root = tmp_path / "v1.2 data"  # a dot in the folder's name
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        FRAME.to_parquet(pa_path := root / name, index=False)
        assert pa_path.exists()
    source = Source(paths=(f"{root}/{path}".rstrip("/"),), options=options)
    reading = read(spark, source)
    later = pinned_again(spark, source, reading)
    assert reading.pin is not None
    pinned = {f[0].split(":", 1)[1].lstrip("/") for f in reading.pin.files}
    expected = {str(root / n).lstrip("/") for n in names}
    expected -= {f for f in expected if f.endswith(("h.parquet", "c.parquet"))}
    if path == "g[1].parquet":
        expected = {f for f in expected if f.endswith(path)}
    assert pinned == expected
    for df in (reading.df, later):
        assert df.columns == ["a", "y", *partitions]
    assert later.count() == ds.dataset(sorted("/" + f for f in pinned), format="parquet").count_rows()
    raw = spark.read.parquet(*["/" + "".join("\\" + c if c in "{}[]*?\\" else c for c in f) for f in sorted(pinned)])
    assert files_of(raw) == pinned
    assert reading.df.drop(*partitions).schema == raw.schema
    monkeypatch.setattr(_files, "_local", lambda df: None)
    assert _files.list_files(spark, source).files == reading.pin.files, "as a job lists files that are elsewhere"


def test_schemas_from_footers_are_those_that_spark_reads(spark: SparkSession, tmp_path: Path) -> None:
    made = spark.sql(
        "select 1 as i, 2L as l, 1.5d as d, float(2) as f, 'a' as s, true as b, 1.25 as e, date'2026-01-01' as day,"
        " timestamp'2026-01-01 00:00:00' as t, timestamp_ntz'2026-01-01 00:00:00' as n, array(1, 2) as a,"
        " struct(1 as x, array(struct(2 as y)) as z) as st, map('k', 1) as m, x'00' as bin, 3S as sh"
    ).withColumn("v", array_to_vector(F.array(F.lit(1.0))))
    made.write.parquet(f"{tmp_path}/spark")
    columns: dict[str, pa.Array] = {
        "b": pa.array([True]), "i": pa.array([1], "int8"), "u": pa.array([1], "uint16"), "s": pa.array(["a"]),
        "c": pa.array(["a"]).dictionary_encode(), "t": pa.array([datetime(2026, 1, 1)], pa.timestamp("us", "UTC")),
        "n": pa.array([datetime(2026, 1, 1)], pa.timestamp("us")), "ms": pa.array([1], pa.timestamp("ms", "UTC")),
    }  # fmt: skip
    for i, names in enumerate([["b", "i", "s", "t"], ["u"], ["c"], ["n"], ["ms"]]):
        pq.write_table(pa.table({name: columns[name] for name in names}), tmp_path / f"{i}.parquet")
    for place in ("spark", *(f"{i}.parquet" for i in range(5))):
        path = f"{tmp_path}/{place}"
        assert read(spark, Source(paths=(path,))).df.schema == spark.read.parquet(path).schema, place


def test_files_that_come_change_or_are_no_part(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    (folder / "day=01" / "Y=5").mkdir(parents=True)
    FRAME.to_parquet(folder / "day=01" / "Y=5" / "a.parquet", index=False)
    FRAME.to_parquet(folder / "stray.parquet", index=False)
    source = Source(paths=(str(folder),))
    reading = read(spark, source)
    assert reading.df.count() == 4
    assert reading.df.dtypes == [("a", "double"), ("y", "bigint"), ("day", "int")]
    assert {(row["y"], row["day"]) for row in reading.df.collect()} == {(5, 1)}
    assert "column 'Y' is in the files and in the names of their folders; the folders' is read" in reading.notes
    assert "1 files below" in reading.notes[0] and "stray.parquet" in reading.notes[0]
    FRAME.to_parquet(folder / "day=01" / "Y=5" / "late.parquet", index=False)
    assert pinned_again(spark, source, reading).count() == 4
    FRAME.iloc[:2].to_parquet(folder / "day=01" / "Y=5" / "a.parquet", index=False)
    with pytest.raises(InputError, match=r"a\.parquet has changed since the profile"):
        check_unchanged(spark, source, reading.pin)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["parquet", "json", "csv"])
def test_columns_of_files_that_the_names_of_their_folders_have_too(
    spark: SparkSession, tmp_path: Path, form: str
) -> None:
    write = {
        "parquet": lambda df, to: df.to_parquet(to, index=False),
        "json": lambda df, to: df.to_json(to, orient="records", lines=True),
        "csv": lambda df, to: df.to_csv(to, index=False),
    }[form]
    rows = pd.DataFrame({"a": [0.5, 1.5], "day": [1, 2], "code": ["x", "y"], "z": [9, 8]})
    for folder in ("Day=05/code=007", "Day=06/code=010"):
        (tmp_path / folder).mkdir(parents=True)
        write(rows, tmp_path / folder / f"a.{form}")
    source = Source(paths=(str(tmp_path),))
    reading = read(spark, source)
    expected = sorted((a, day, code, z) for day, code in ((5, "007"), (6, "010")) for a, z in ((0.5, 9), (1.5, 8)))
    for df in (reading.df, pinned_again(spark, source, reading)):
        assert sorted(tuple(row) for row in df.select("a", "day", "code", "z").collect()) == expected
        assert len(df.columns) == 4
    assert [n for n in reading.notes if "folders" in n] == [
        f"column {n!r} is in the files and in the names of their folders; the folders' is read" for n in ("Day", "code")
    ]
    if form == "parquet":  # one of the files without the column; then all, where it is declared
        write(rows.drop(columns="day"), tmp_path / folder / "a.parquet")
        mixed = read(spark, source)
        assert {tuple(row) for row in mixed.df.select("a", "day", "code", "z").collect()} == set(expected)
        assert not any("is missing in" in note for note in mixed.notes)
        write(rows[["a"]], tmp_path / folder / "a.parquet")
        write(rows[["a"]], tmp_path / "Day=05" / "code=007" / "a.parquet")
        declared = read(spark, Source(paths=(str(tmp_path),), schema="a DOUBLE, day STRING"))
        assert {tuple(row) for row in declared.df.select("day", "code").collect()} == {("05", "007"), ("06", "010")}
        assert declared.notes == ["column 'code', from names of folders, is text: a number would change '007'"]


def test_files_whose_types_differ_are_widened_and_said(spark: SparkSession, tmp_path: Path) -> None:
    def part(name: str, **columns: pa.Array) -> None:
        pq.write_table(pa.table(columns), tmp_path / name)

    part(
        "1.parquet", i=pa.array([1], pa.int32()), f=pa.array([0.5], pa.float32()), n=pa.array([2**53]),
        gap=pa.nulls(1), Case=pa.array([1.0]),
    )  # fmt: skip
    part(
        "2.parquet", i=pa.array([2**40]), f=pa.array([0.1]), n=pa.array([None], pa.float64()), gap=pa.array(["x"]),
        case=pa.array([2.0]), extra=pa.array([7]),
    )  # fmt: skip
    source = Source(paths=(str(tmp_path),))
    reading = read(spark, source)
    later = pinned_again(spark, source, reading)
    expected = {(1, 0.5, 2.0**53, None, 1.0, None), (2**40, 0.1, None, "x", 2.0, 7)}
    assert {tuple(r) for r in reading.df.collect()} == {tuple(r) for r in later.collect()} == expected
    assert later.columns == ["i", "f", "n", "gap", "Case", "extra"]
    said = "\n".join(reading.notes)
    assert "'i' is int in some files, in others bigint; it is read as bigint" in said
    assert "'extra' is missing in 1 of 2 files" in said and "1.parquet" in said

    part("3.parquet", i=pa.array([3]), n=pa.array([2**53 + 1]))
    with pytest.raises(Exception, match=r"'n' has whole numbers beyond 2\^53") as error:
        read(spark, source).df.collect()
    assert translated(error.value, "x").exit_code == 2  # type: ignore[arg-type]
    part("4.parquet", i=pa.array(["text"]))
    with pytest.raises(InputError, match=r"'i' is bigint in .*1\.parquet, but string in .*4\.parquet"):
        read(spark, source)


@pytest.mark.parametrize(
    ("harm", "early"),
    [
        (lambda raw: raw[: len(raw) // 2], True),
        (lambda raw: b"", True),
        (lambda raw: b"id,y\n1,0\n", True),
        (lambda raw: raw[:500] + bytes(len(raw) - 5000) + raw[-4500:], False),  # the footer is whole
    ],
)
def test_a_bad_file_among_good_ones_is_named(
    spark: SparkSession, tmp_path: Path, harm: Callable[[bytes], bytes], early: bool
) -> None:
    numbers = pd.DataFrame({"a": np.random.default_rng(0).normal(size=5000)})
    numbers.to_parquet(tmp_path / "1.parquet", index=False)
    numbers.to_parquet(tmp_path / "2.parquet", index=False)
    (tmp_path / "2.parquet").write_bytes(harm((tmp_path / "1.parquet").read_bytes()))
    with pytest.raises(Exception, match=r"2\.parquet") as error:
        read(spark, Source(paths=(str(tmp_path),))).df.agg(F.sum("a")).collect()
    assert isinstance(error.value, InputError) == early
    known = translated(error.value, "x")  # type: ignore[arg-type]
    assert known.exit_code == 2 and "2.parquet" in str(known)


def test_types_that_spark_does_not_know(spark: SparkSession, tmp_path: Path) -> None:
    when = datetime(2026, 3, 1, 12, 30, 0, 5)
    columns = {
        "a": pa.array([1.0]),
        "naive": pa.array([when], pa.timestamp("ns")),
        "utc": pa.array([when], pa.timestamp("ns", "UTC")),
        "clock": pa.array([1], pa.time64("ns")),
        "half": pa.array([np.float16(1)], pa.float16()),
        "name": pa.array(["x"]).dictionary_encode(),
        "void": pa.nulls(1),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    source = Source(paths=(str(tmp_path / "t.parquet"),))
    reading = read(spark, source)
    df = pinned_again(spark, source, reading)
    kinds = {f.name: f.dataType.simpleString() for f in df.schema.fields}
    assert kinds == {
        "a": "double", "naive": "timestamp_ntz", "utc": "timestamp", "name": "string", "void": "double",
    }  # fmt: skip
    [row] = df.collect()
    assert (row["naive"], row["void"], row["name"]) == (when, None, "x")
    [instant] = df.select(F.unix_micros("utc").alias("at")).collect()
    assert instant["at"] == (when - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    assert [n.split(" is left")[0] for n in reading.notes[:2]] == ["column 'clock'", "column 'half'"]
    # New rows of a run whose table has texts there: pandas writes a column of None without a type.
    known = read(spark, source, {"void": T.StringType(), "a": T.DoubleType()})
    assert dict(pinned_again(spark, source, known).dtypes)["void"] == dict(known.df.dtypes)["void"] == "string"
    assert "to microseconds: 'naive', 'utc'" in reading.notes[2]


CASES: dict[str, tuple[bytes, dict[str, str], list[tuple[Any, ...]]]] = {
    "plain": (b"id,a,y\n1,0.5,0\n2,,1\n", {"id": "bigint", "a": "double", "y": "bigint"}, [(1, 0.5, 0), (2, None, 1)]),
    "codes": (
        b"z,e,d,n\n007,004E02,1234567890123456789012,12\n010,123E02,1,NA\n",
        {"z": "string", "e": "string", "d": "string", "n": "bigint"},
        [("007", "004E02", "1234567890123456789012", 12), ("010", "123E02", "1", None)],
    ),
    "markers": (
        b"a,b,c,d\n1.5,NA,?,\nnan,DE,true,\n NULL ,,FALSE,\n?,FR,true,\n",
        {"a": "double", "b": "string", "c": "boolean", "d": "double"},
        [(1.5, "NA", None, None), (None, "DE", True, None), (None, None, False, None), (None, "FR", True, None)],
    ),
    "quotes": (
        b'id,t\r\n1,"a ""b"", c"\r\n2,"two\r\nlines"\r\n3,""\r\n',
        {"id": "bigint", "t": "string"},
        [(1, 'a "b", c'), (2, "two\nlines"), (3, None)],
    ),
    "backslashes": (b'id,t\n1,"a \\"b\\", c"\n2,"x"\n', {"id": "bigint", "t": "string"}, [(1, 'a "b", c'), (2, "x")]),
    "a path that ends in a backslash": (
        b'id,t,y\n1,"C:\\",0\n2,"D:\\",1\n', {"id": "bigint", "t": "string", "y": "bigint"},
        [(1, "C:\\", 0), (2, "D:\\", 1)],
    ),
    "decimal comma": (b"id;a\n1;0,5\n2;1,25\n", {"id": "bigint", "a": "double"}, [(1, 0.5), (2, 1.25)]),
    "windows": ("näme;p\né;10€\nf;–\n".encode("cp1252"), {"näme": "string", "p": "string"}, [("é", "10€"), ("f", "–")]),
    "utf-16": ("id\tnäme\n1\té\n2\t€\n".encode("utf-16"), {"id": "bigint", "näme": "string"}, [(1, "é"), (2, "€")]),
    "byte order mark": ("id,a\n1,é\n".encode("utf-8-sig"), {"id": "bigint", "a": "string"}, [(1, "é")]),
    "spaces": (b"id, a, b\n1, 2, x\n", {"id": "bigint", "a": "bigint", "b": "string"}, [(1, 2, "x")]),
    "times": (
        b"d,t\n2026-01-02,2026-01-02T03:04:05\n2026-02-30,2026-01-02 00:00\n",
        {"d": "string", "t": "timestamp"},
        [("2026-01-02", datetime(2026, 1, 2, 3, 4, 5)), ("2026-02-30", datetime(2026, 1, 2))],
    ),
    "header again": (b"id,a\n1,2\nid,a\n3,4\n", {"id": "bigint", "a": "bigint"}, [(1, 2), (3, 4)]),
    "pandas index": (b",a\n0,2\n1,4\n", {"_c0": "bigint", "a": "bigint"}, [(0, 2), (1, 4)]),
    "odd names": (
        b"a.b,`c`,d e,_bad\n1,2,3,4\n", {"a.b": "bigint", "`c`": "bigint", "d e": "bigint", "_bad": "bigint"},
        [(1, 2, 3, 4)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_csv(spark: SparkSession, tmp_path: Path, case: str) -> None:
    content, kinds, rows = CASES[case]
    (tmp_path / "t.csv").write_bytes(content)
    source = Source(paths=(str(tmp_path / "t.csv"),))
    reading = read(spark, source)
    later = pinned_again(spark, source, reading)
    assert {f.name: f.dataType.simpleString() for f in later.schema.fields} == kinds, reading.notes
    assert sorted(map(tuple, later.collect()), key=str) == sorted(rows, key=str)
    assert sorted(map(tuple, reading.df.collect()), key=str) == sorted(rows, key=str)


@pytest.mark.parametrize(
    ("content", "options", "schema", "said"),
    [
        (b"id,y\n1,0\n2,0,9\n3\n", {}, None, "2 lines do not have the header's 2 values"),
        (b"id,y,id\n1,0,2\n", {}, None, "column 'id' is 2 times in the header"),
        ("id,y\né,0\n".encode() + b"\xe9,1\n", {}, None, "mixes encodings: 1 lines are not UTF-8, 1"),
        (b"PAR1\x00\x00\n", {}, None, "it is a Parquet file, not CSV"),
        (b"sep=;\nid;y\n1;0\n", {}, None, "its first line, 'sep=;', is for Excel, not a header; delete that line"),
        (b"id,y\n1,x\n", {}, "id bigint, y bigint", "'y' of .* is declared bigint, but 1 rows have other values.*'x'"),
        (b"y,id\n1,2\n", {}, "id bigint, y bigint", "data.schema names the columns id, y, but the header has y, id"),
    ],
)
def test_csv_that_is_refused(
    spark: SparkSession, tmp_path: Path, content: bytes, options: dict[str, str], schema: str | None, said: str
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read(spark, Source(paths=(str(tmp_path / "t.csv"),), options=options, schema=schema))


def test_csv_files_with_different_headers_and_torn_ones(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,y\n1,0\n")
    (tmp_path / "b.csv").write_text("y,id\n0,2\n")
    with pytest.raises(InputError, match=r"the header of .*b\.csv is 'y,id', that of .*a\.csv is 'id,y'"):
        read(spark, Source(paths=(str(tmp_path),)))
    (tmp_path / "b.csv").unlink()
    packed = gzip.compress(b"id,y\n" + np.random.default_rng(0).bytes(40_000).hex(",", 4).replace(",", "\n").encode())
    (tmp_path / "c.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputError, match=r"cannot read .*c\.csv\.gz"):
        read(spark, Source(paths=(str(tmp_path / "c.csv.gz"),)))


def test_csv_by_options_schema_and_markers(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1;-9;NA\n2;3;DE\n4;5;6;7\n")
    options = {"header": "false", "mode": "DROPMALFORMED"}
    source = Source(paths=(str(tmp_path),), options=options, missing=("-9", "NA"))
    reading = read(spark, source)
    expected = [(1, None, None), (2, 3, "DE")]
    assert sorted(map(tuple, reading.df.collect())) == expected
    assert reading.df.select("_c0").count() == reading.df.count() == 2  # whichever columns a query needs
    schema = "a smallint, b decimal(5,2), c string"
    typed = read(spark, Source(paths=(str(tmp_path),), options=options, schema=schema)).df
    assert [f.dataType.simpleString() for f in typed.schema.fields] == ["smallint", "decimal(5,2)", "string"]


def test_csv_like_an_earlier_table(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("zip,a,gone\n1,2,\n3,4,\n")
    like: dict[str, T.DataType] = {"zip": T.StringType(), "a": T.DoubleType(), "gone": T.StringType()}
    df = read(spark, Source(paths=(str(tmp_path),)), like).df
    assert sorted(map(tuple, df.collect())) == [("1", 2, None), ("3", 4, None)]
    (tmp_path / "t.csv").write_text("zip,a,gone\n1,two,\n3,4,\n")
    with pytest.raises(InputError, match="column 'a' of .* must hold numbers, but has 'two'"):
        read(spark, Source(paths=(str(tmp_path),)), like)


def test_json_lines_that_are_none(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1, "y": 0}\n{"a": 2, "y"\n')
    with pytest.raises(InputError, match=r"t\.jsonl: not JSON: '\{\"a\": 2, \"y\"'"):
        read(spark, Source(paths=(str(tmp_path / "t.jsonl"),)))
    (tmp_path / "t.jsonl").write_text('{"_corrupt_record": null, "a": 2}\n')
    with pytest.raises(InputError, match="has a column '_corrupt_record', where Spark puts lines that are not JSON"):
        read(spark, Source(paths=(str(tmp_path / "t.jsonl"),)))
    (tmp_path / "t.jsonl").write_text('[\n{"a": 1},\n{"a": 2}\n]\n')
    assert read(spark, Source(paths=(str(tmp_path),), options={"multiLine": "true"})).df.count() == 2


def test_times_as_spark_writes_them_by_default(spark: SparkSession, tmp_path: Path) -> None:
    """INT96 times look like nanoseconds to pyarrow, and are times to Spark."""
    df = spark.range(3).select("id", F.timestamp_seconds(F.col("id") + 1_700_000_000).alias("at"))
    df.write.option("parquet.outputTimestampType", "INT96").parquet(str(tmp_path / "t"))
    part = next((tmp_path / "t").glob("*.parquet"))
    assert pq.ParquetFile(part).schema.column(1).physical_type == "INT96"
    found = read(spark, Source(paths=(str(tmp_path / "t"),))).df
    assert sorted(found.collect()) == sorted(df.collect()) and found.dtypes == df.dtypes
