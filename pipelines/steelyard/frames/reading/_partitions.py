"""The types of columns from names of folders: those that Spark infers, except where numbers would change texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import pyarrow as pa
from pyspark.sql import types as T

from steelyard.frames._text_forms import by_form

_NO_TEXT = {"__HIVE_DEFAULT_PARTITION__", "NaN"}
_NUMBERS = {"int", "long", "big", "number"}
_DATE_PART = re.compile("0[0-9]")


def kind_of_partition(inferred: T.DataType, values: Iterable[str], wanted: T.DataType | None = None) -> T.DataType:
    """Return the type of a partition column: text where Spark has numbers that would change texts, such as 007 or 1d.

    If an earlier table is to be fitted, the column has text or numbers as there.
    """
    if isinstance(wanted, T.StringType):
        return wanted
    if isinstance(wanted, T.NumericType) or code_among(inferred, values) is None:
        return inferred
    return T.StringType()


def code_among(inferred: T.DataType, values: Iterable[str]) -> str | None:
    """Return a text that a number of a type would change, None if there is none.

    That is a text with leading zeros or without the form of a number, one with more digits than the type keeps, and one
    that is the same number as another. Two digits may begin with 0: they are parts of dates.

    Examples
    --------
    >>> code_among(T.IntegerType(), ["01", "12"]), code_among(T.IntegerType(), ["007", "10"])
    (None, '007')
    >>> code_among(T.DoubleType(), ["0.5", "1234567890123456"]), code_among(T.DoubleType(), ["1.1", "1.10"])
    (None, '1.10')
    """
    if not isinstance(inferred, T.NumericType):
        return None
    texts = sorted({v[1:] if _DATE_PART.fullmatch(v) else v for v in set(values) - _NO_TEXT})
    known: set[Decimal] = set()
    for form, found in by_form(pa.array(texts, pa.string()), ()):
        for text in found.to_pylist():
            if form not in _NUMBERS:
                return str(text)
            number = Decimal(text)
            kept = Decimal(repr(float(text))) if isinstance(inferred, T.DoubleType) else number
            if kept != number or number in known:
                return str(text)
            known.add(number)
    return None
