"""Count the rows of each class, and check labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype
from steelyard.errors import InputError, closest

MAX_CLASSES = 1000
_PLAIN_NUMBER = re.compile(r"\+?(-?)0*([0-9]+)(?:\.([0-9]*?)0*)?")
"""Sign, digits before and after the point, without the zeros that change nothing: 1 and 01 and 1.0 are one."""

_MISSING = {"", "none", "nan", "null", "na", "n/a", "?", "-"}
_LABEL_TYPES = (T.StringType, T.BooleanType, T.NumericType)


@dataclass(frozen=True)
class ClassCounts:
    """Exact counts of a label column.

    Parameters
    ----------
    counts : mapping of str to int
        By the class's string form, the most frequent first, ties by name.
    nulls : int
        Rows whose label is null or NaN.
    """

    counts: Mapping[str, int]
    nulls: int = 0

    @property
    def total(self) -> int:
        """Labelled rows."""
        return sum(self.counts.values())

    @property
    def imbalance_ratio(self) -> float:
        """Size of the largest class over that of the smallest."""
        return max(self.counts.values()) / min(self.counts.values())

    def positive(self, wanted: str | None = None, rates: Mapping[str, float] | None = None) -> str | None:
        """Return the positive class: the wanted one, else the rarer of two; None with more than two classes.

        `rates` are the shares of the classes' rows that the table holds: a row counts one over that.

        Raises
        ------
        InputError
            If the wanted class doesn't occur, or if there are more than two classes, of which none is positive.
        """
        if wanted is not None and (wanted not in self.counts or len(self.counts) != 2):
            n, more = len(self.counts), ", …" if len(self.counts) > 10 else ""
            shown = ", ".join(f"{c!r} ({rows:,} rows)" for c, rows in list(self.counts.items())[:10])
            fault = f"is not a class of the label.{closest(wanted, self.counts)}"
            if n != 2:
                fault = "is for labels of two classes; leave it out."
            raise InputError(f"data.positive: {wanted!r} {fault} The label has {n} classes: {shown}{more}")
        if len(self.counts) != 2:
            return None
        if wanted is not None:
            return wanted
        return min(reversed(list(self.counts)), key=lambda c: self.counts[c] / ((rates or {}).get(c) or 1.0))

    def ordered(self, positive: str | None) -> tuple[str, ...]:
        """Return the classes in the order of a model's outputs: (negative, positive), or by descending count."""
        if positive is None:
            return tuple(self.counts)
        return (*(c for c in self.counts if c != positive), positive)

    def notes(self) -> list[str]:
        """Return notes on classes that may be one, such as 'yes' and 'Yes ', and on those that may mean "missing".

        Examples
        --------
        >>> print(*ClassCounts({"no": 90, "yes": 8, "Yes ": 2}).notes())
        classes 'yes' and 'Yes ' differ only in case, spaces or the form of characters; if they are one, correct the
        label
        """
        alike: dict[str, list[str]] = {}
        for name in self.counts:
            alike.setdefault(_folded(name), []).append(name)
        notes = [
            f"classes {' and '.join(map(_shown, names))} differ only in case, spaces or the form of characters; "
            "if they are one, correct the label"
            for names in alike.values()
            if len(names) > 1
        ]
        odd = _MISSING - ({"none"} & set(list(alike)[:1]))  # as the largest class, it means: no fault
        gaps = [name for folded, names in alike.items() for name in names if folded in odd and len(alike) > 2]
        return notes + [
            f"class {name!r} ({self.counts[name]:,} rows) may mean that the label is missing; if so, make it null or "
            "leave those rows out (data.where)"
            for name in gaps
        ]

    def refuse_nulls(self, label: str) -> None:
        """Raise `InputError` if rows have no label."""
        if self.nulls:
            raise InputError(f"label {label!r} is null in {self.nulls:,} rows; drop them or label them first")

    def check(self, *, fewest: int = 2) -> None:
        """Raise `InputError` unless there are two classes or more, each with `fewest` (1 or 2) rows or more."""
        if not self.counts:
            raise InputError("the table has no labelled row" + (f" ({self.nulls:,} null labels)" if self.nulls else ""))
        if len(self.counts) == 1:
            only, count = next(iter(self.counts.items()))
            raise InputError(
                f"the label has one class only: {only!r} in all {count:,} rows; there is nothing to classify"
            )
        single = [c for c, n in self.counts.items() if n < fewest]
        if single:
            raise InputError(
                f"class {single[0]!r} has a single row (1 of {self.total:,}), "
                "which cannot be in training and test at once"
            )


def _folded(name: str) -> str:
    """Return the form in which classes are compared for a slip: without case, spaces and invisible characters."""
    text = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    text = " ".join(text.casefold().split())
    number = _PLAIN_NUMBER.fullmatch(text)
    return text if number is None else ".".join(part for part in number.groups() if part)


def _shown(name: str) -> str:
    """Return a class in quotes; characters that look like others by their codes."""
    return repr(name) if unicodedata.is_normalized("NFC", name) else ascii(name)


def check_label(df: DataFrame, label: str) -> None:
    """Raise `InputError` if the label column is missing, or of a type that cannot be a label."""
    kind = dtype(df, label, "label column")
    if not isinstance(kind, _LABEL_TYPES):
        raise InputError(
            f"label column {label!r} is of type {kind.simpleString()}; a label is a string, a boolean or a number"
        )


def refuse_many(df: DataFrame, label: str) -> NoReturn:
    """Raise `InputError` for a label of more than `MAX_CLASSES` classes."""
    what = "continuous" if isinstance(dtype(df, label), T.FractionalType) else "an identifier"
    raise InputError(
        f"label column {label!r} has more than {MAX_CLASSES:,} distinct values; it looks {what}, not like a class"
    )


def class_counts(df: DataFrame, label: str) -> ClassCounts:
    """Count the rows of each class: one aggregation over the label column.

    Raises
    ------
    InputError
        If the column is missing, of a type that cannot be a label, or has more than 1,000 classes.
    """
    check_label(df, label)
    # By the values themselves: a text for each row would cost more than all the rest. NaN and null are two groups.
    text = isinstance(dtype(df, label), T.StringType)  # by its bytes, whatever its collation
    value = (class_text(df, label) if text else col(label)).alias("value")
    grouped = df.groupBy(value).agg(F.count(F.lit(1)).alias("n"))
    named = grouped.select(class_text(grouped, "value").alias("class"), "n")
    rows = named.limit(MAX_CLASSES + 3).collect()
    known = [(r["class"], r["n"]) for r in rows if r["class"] is not None]
    counts = dict(sorted(known, key=lambda pair: (-pair[1], pair[0].encode())))
    if len(counts) > MAX_CLASSES:
        refuse_many(df, label)
    return ClassCounts(counts, sum(r["n"] for r in rows if r["class"] is None))
