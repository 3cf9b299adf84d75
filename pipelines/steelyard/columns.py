"""A DataFrame's columns by name: checks of names, types, presence, and the string form of a class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.errors import InputError, missing_column
from steelyard.labels import WHOLE

Combined = TypeVar("Combined", Column, DataFrame)

RESERVED = "__steelyard_"
_COMPARED = 32  # keys up to which comparisons are faster than a map
_WHOLE_NAME = re.compile("0|-?[1-9][0-9]{0,14}")  # less than 2**53, so that doubles hold it exactly


def internal(name: str) -> str:
    """Return the name of a column that steelyard adds to a table: `name` under the reserved prefix.

    Examples
    --------
    >>> internal("row_id")
    '__steelyard_row_id'
    """
    return RESERVED + name


def same_name(name: str) -> str:
    """Return the form in which Spark compares names: equal for two names that differ only in case."""
    upper = (c.upper() if len(c.upper()) == 1 else c for c in name)
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in upper)


def check_names(names: Iterable[str], *, ours: bool = False) -> None:
    """Refuse column names that Spark cannot distinguish, and names that are reserved for steelyard's own columns.

    Parameters
    ----------
    names : iterable of str
        All columns of a table.
    ours : bool, default False
        Whether columns that steelyard added may be among them.

    Raises
    ------
    InputError
        For the first such name.

    Examples
    --------
    >>> check_names(["a", "b", "A"])
    Traceback (most recent call last):
    ...
    steelyard.errors.InputError: columns 'a' and 'A' differ only in case, which Spark ignores; rename one of them
    """
    seen: dict[str, str] = {}
    for name in names:
        known = same_name(name)
        if known.startswith(RESERVED) and not ours:
            raise InputError(f"column {name!r} starts with {RESERVED!r}, which is reserved for steelyard; rename it")
        if seen.get(known) == name:
            raise InputError(f"the table has two columns {name!r}; rename one of them")
        if known in seen:
            raise InputError(
                f"columns {seen[known]!r} and {name!r} differ only in case, which Spark ignores; rename one of them"
            )
        seen[known] = name


def check_free(names: Iterable[str], added: Iterable[str], by: str) -> None:
    """Refuse names that are about to be added if two of them, or a column of the table, are the same in whatever case.

    Parameters
    ----------
    names, added : iterable of str
    by : str
        What adds them, for the message.

    Raises
    ------
    InputError
    """
    wanted: dict[str, str] = {}
    for name in added:
        if same_name(name) in wanted:
            raise InputError(f"{by} adds two columns {name!r}; give each a name of its own")
        wanted[same_name(name)] = name
    for name in names:
        if same_name(name) in wanted:
            raise InputError(f"the table has a column {name!r}, and {by} adds {wanted[same_name(name)]!r}; rename it")


def free_name(name: str, names: Iterable[str]) -> str:
    """Return `name`, or where the table has such a column, in whatever case, an internal name."""
    return internal(name) if same_name(name) in map(same_name, names) else name


def unused_name(name: str, names: Iterable[str]) -> str:
    """Return `name`, with so many underscores at its end that no column is called so."""
    taken = {same_name(other) for other in names}
    while same_name(name) in taken:
        name += "_"
    return name


def quoted(name: str) -> str:
    """Return `name` in backticks, so that Spark reads dots and spaces as part of it."""
    return "`" + name.replace("`", "``") + "`"


def col(name: str) -> Column:
    """Return the column that is called exactly `name`."""
    return F.col(quoted(name))


def doubles(names: Iterable[str]) -> Column:
    """Return columns of numbers or booleans as one array of doubles.

    SQL text: a call to the JVM for each column would take seconds where there are thousands. Spark substitutes
    variables in it, so where a name contains ``${`` there is a call for each column.
    """
    names = list(names)
    if any("${" in name for name in names):
        return F.array(*[col(name).cast("double") for name in names])
    return F.expr(f"array({', '.join(f'cast({quoted(name)} as double)' for name in names)})")


def dtype(df: DataFrame, name: str, role: str = "column") -> T.DataType:
    """Return the type of a column.

    Raises
    ------
    InputError
        If the table has no such column; the message names the nearest one.
    """
    schema = df.schema
    if name not in schema.names:
        raise missing_column(name, df.columns, role)
    kind: T.DataType = schema.fields[schema.names.index(name)].dataType
    return kind


def require_columns(df: DataFrame, names: Iterable[str], role: str = "column") -> None:
    """Raise `InputError` for the first of `names` that the table lacks."""
    for name in names:
        dtype(df, name, role)


def is_vector(df: DataFrame, name: str) -> bool:
    """Whether the column is a Spark ML vector."""
    from pyspark.ml.linalg import VectorUDT  # imports pandas, which takes a second

    return isinstance(dtype(df, name), VectorUDT)


def of_key(
    values: Mapping[Any, Any], key: Column, kind: T.DataType | str | None = None, *, plain: bool = False
) -> Column:
    """Return what a few values known to the driver say of a key: null where they don't.

    Parameters
    ----------
    values : mapping
        Of strings or whole numbers to values, or to lists of values; not empty.
    key : Column
    kind : DataType or str, optional
        Of the values, where the literals' own type won't do.
    plain : bool, default False
        Whether `key` costs nothing to evaluate again, as a column of the table does. It is then compared with each of a
        few keys, which takes a tenth of the time of a look-up in a map.
    """
    known = [(F.lit(k), F.lit(v) if kind is None else F.lit(v).cast(kind)) for k, v in values.items()]
    if not plain or len(known) > _COMPARED:
        return F.try_element_at(F.create_map(*(part for pair in known for part in pair)), key)
    (first, value), *others = known
    found = F.when(key == first, value)
    for k, v in others:
        found = found.when(key == k, v)
    return found


def combined(operator: Callable[[Combined, Combined], Combined], terms: Sequence[Combined]) -> Combined:
    """Return columns, or tables, combined pairwise: always in the same order.

    Spark's planner calls itself for each level of an expression. A chain of a thousand terms overflows its stack;
    combined pairwise they are ten levels deep.

    Parameters
    ----------
    operator : callable
        Takes two of them; associative.
    terms : sequence of Column or of DataFrame
        Not empty.
    """
    level = list(terms)
    while len(level) > 1:
        level = [reduce(operator, level[i : i + 2]) for i in range(0, len(level), 2)]
    return level[0]


def of_place(place: Column, values: Sequence[Column]) -> Column:
    """Return the value at a place, from 0 on."""
    found = F.when(place == 0, values[0])
    for i, value in enumerate(values[1:], 1):
        found = found.when(place == i, value)
    return found


def flag_bits(flags: Iterable[Column]) -> Column:
    """Return a whole number whose bit i says whether flag i holds; at most 60 flags."""
    bits = [F.when(flag, F.lit(1 << i)).otherwise(F.lit(0)) for i, flag in enumerate(flags)]
    return combined(Column.__add__, bits)


def has_bit(bits: Column, i: int) -> Column:
    """Return whether bit i of a whole number is set."""
    return bits.bitwiseAND(F.lit(1 << i)) != 0


def clamped(value: str, a: str, b: str) -> str:
    """Return SQL of a value that is cut off where it leaves the way between two others."""
    return f"least(greatest({value}, least({a}, {b})), greatest({a}, {b}))"


def of_class(df: DataFrame, label: str, values: Mapping[str, Any], kind: T.DataType | str | None = None) -> Column:
    """Return what a few values known to the driver say of a row's class: null where they don't.

    Equal to `of_key` of `class_text`, but compares numbers as numbers: writing each as text costs more than the rest of
    a scan.

    Parameters
    ----------
    df : DataFrame
    label : str
    values : mapping of str to value
        By class, in string form; not empty.
    kind : DataType or str, optional
        As in `of_key`.
    """
    stored, whole = dtype(df, label, "label"), all(map(_WHOLE_NAME.fullmatch, values))
    if isinstance(stored, T.IntegralType) and whole:
        return of_key({int(c): v for c, v in values.items()}, col(label), kind, plain=True)
    if isinstance(stored, T.DoubleType | T.FloatType) and whole:
        return of_key({float(c): v for c, v in values.items()}, col(label).cast("double"), kind, plain=True)
    if isinstance(stored, T.BooleanType) and set(values) <= {"true", "false"}:
        return of_key({c == "true": v for c, v in values.items()}, col(label), kind, plain=True)
    return of_key(values, class_text(df, label), kind, plain=isinstance(stored, T.StringType))


def class_code(df: DataFrame, label: str, classes: Iterable[str]) -> Column:
    """Return the place of a row's class among some classes; null for others."""
    return of_class(df, label, {name: place for place, name in enumerate(classes)})


def class_text(df: DataFrame, name: str) -> Column:
    """Return the string form of a label column: the form in which classes are written and compared.

    Whole floats lose their `.0`, decimals their trailing zeros, booleans become `true` and `false`; NaN counts as null.

    Parameters
    ----------
    df : DataFrame
    name : str
        The label column.

    Returns
    -------
    Column of string
        Null where the label is null.
    """
    kind = dtype(df, name, "label")
    value = col(name)
    if isinstance(kind, T.DoubleType | T.FloatType):
        # Conversions that give null, not an error, beyond a bigint: Spark may compute them for every row.
        whole = (value == F.rint(value)) & (F.abs(value) < F.lit(WHOLE))
        text = F.when(whole, value.try_cast("bigint").cast("string")).otherwise(value.cast("string"))
        return F.when(~F.isnan(value), text)
    if isinstance(kind, T.DecimalType):
        return decimal_text(value, kind)
    return value.cast("string")


def utf8(value: Column, name: str) -> Column:
    """Return a text that fails to evaluate where it is not UTF-8, which Spark keeps and Python cannot read."""
    what = f"column {name!r} holds text that is not UTF-8; write it as UTF-8, or leave the column out"
    return F.when(value.isNull() | F.is_valid_utf8(value), value).otherwise(F.raise_error(F.lit(what)))


def decimal_text(value: Column, kind: T.DecimalType) -> Column:
    """Return a decimal as plain digits without trailing zeros, whatever its declared scale."""
    whole = "0" * max(kind.precision - kind.scale, 1)
    if kind.scale == 0:
        return value.cast("string")
    digits = F.to_char(F.abs(value), F.lit(f"{whole}D{'0' * kind.scale}"))
    trimmed = F.regexp_replace(F.regexp_replace(digits, r"\.?0*$", ""), r"^0+(?=[0-9])", "")
    sign = F.when((value < 0), F.lit("-")).otherwise(F.lit(""))
    return F.concat(sign, trimmed)
