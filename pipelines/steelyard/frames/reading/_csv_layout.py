"""The layout of CSV files: their dialect, and the names and types of their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import types as T

from steelyard.config import MISSING
from steelyard.errors import InputError
from steelyard.frames._text_forms import MARKER
from steelyard.frames.reading._csv_lines import head_of
from steelyard.frames.reading._csv_scan import Scan, scanned
from steelyard.frames.reading._dialect import WINDOWS, Dialect, decoded, header_names, sniffed
from steelyard.frames.reading._files import Listing
from steelyard.frames.reading._kinds import Forms, column_notes, kind_of_column
from steelyard.frames.reading._source import Source, ending

_DECLARED: tuple[tuple[type[T.DataType], set[str]], ...] = (
    (T.IntegralType, {"int", "long", "code"}),
    (T.NumericType, {"int", "long", "big", "number", "code"}),
    (T.BooleanType, {"boolean"}),
    (T.DateType, {"date"}),
    (T.DatetimeType, {"date", "timestamp"}),
)


def detect_csv(
    spark: SparkSession, source: Source, listing: Listing, like: Mapping[str, T.DataType]
) -> tuple[dict[str, Any], list[str]]:
    """Return the layout of CSV files, as JSON types, and notes. Costs one scan, a second one of unusual files.

    `like` has the types of columns in a table that this one must fit: where that has text, this one does. Refuse files
    that are not text, other headers, lines with another number of values, and values of another type than declared.
    """
    first = listing.paths[0]
    head = head_of(spark, source, first)
    dialect = sniffed(head, source.options, tabs=ending(first) == "tsv")
    declared = _declared(spark, source)
    names = _names(head, dialect, first, declared)
    dialect, scan, notes = scanned(spark, source, listing, dialect, head, len(names))
    if dialect.encoding == WINDOWS:
        names = _names(head, dialect, first, declared)
    kinds = [
        _kind(name, forms, source, declared.get(name), like.get(name))
        for name, forms in zip(names, scan.columns, strict=True)
    ]
    for name, kind, forms in zip(names, kinds, scan.columns, strict=True):
        if name not in declared and name not in like:
            notes += column_notes(name, kind, forms, source.missing, explicit=source.missing != MISSING)
    repeated = dialect.header and scan.headers > len(listing.files)
    if dialect.words():
        notes.insert(0, f"{source.name}: {dialect.words()}")
    notes += _header_notes(names, dialect, scan, listing)
    return {"dialect": asdict(dialect), "names": names, "kinds": kinds, "repeated_header": repeated}, notes


def _header_notes(names: Sequence[str], dialect: Dialect, scan: Scan, listing: Listing) -> list[str]:
    if not dialect.header:
        return []
    repeated = scan.headers - len(listing.files)
    notes = [f"{repeated:,} lines repeat the header and are left out"] if repeated > 0 else []
    if all(_is_number(name) for name in names):
        how = "--option header=false (in a pipeline, data.options)"
        notes.append(f"the first line, {names[0]!r}, …, looks like values: {how} reads it as a row")
    return notes


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _names(head: Sequence[bytes], dialect: Dialect, file: str, declared: Mapping[str, T.DataType]) -> list[str]:
    found = header_names(decoded(head, dialect), dialect, file)
    if not declared:
        return found
    same = [n.casefold() for n in found] == [n.casefold() for n in declared]
    if len(found) != len(declared) or (dialect.header and not same):
        raise InputError(
            f"{file}: data.schema names the columns {', '.join(declared)}, but the header has {', '.join(found)}"
        )
    return list(declared)


def _declared(spark: SparkSession, source: Source) -> dict[str, T.DataType]:
    if source.schema is None:
        return {}
    return {f.name: f.dataType for f in spark.createDataFrame([], source.schema).schema.fields}


def _kind(name: str, forms: Forms, source: Source, declared: T.DataType | None, wanted: T.DataType | None) -> Any:
    """Return what a column is: as declared, else as in the table that this one must fit, else as its values show."""
    if declared is not None:
        _check_declared(name, declared, forms, source)
        return "text" if isinstance(declared, T.StringType) else declared.jsonValue()
    if isinstance(wanted, T.StringType):
        return "text"
    kind = kind_of_column(forms)
    if kind == "text" and isinstance(wanted, T.NumericType):
        raise InputError(f"column {name!r} of {source.name} must hold numbers, but has {_odd_value(forms)!r}")
    return kind


def _check_declared(name: str, kind: T.DataType, forms: Forms, source: Source) -> None:
    allowed = next((of for base, of in _DECLARED if isinstance(kind, base)), None)
    for form, seen in forms.items():
        if allowed is not None and form != "missing" and not form.startswith(MARKER) and form not in allowed:
            raise InputError(
                f"column {name!r} of {source.name} is declared {kind.simpleString()}, but {seen.count:,} rows have "
                f"other values, such as {seen.example!r}"
            )


def _odd_value(forms: Forms) -> str | None:
    odd = [seen.example for form, seen in forms.items() if form in ("text", "code", "date", "timestamp", "boolean")]
    return next(iter(odd), next((seen.example for seen in forms.values() if seen.example), None))
