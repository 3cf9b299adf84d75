"""The domain of features in Spark: checks against a table, and synthetic rows that obey it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from operator import or_

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import col, combined, dtype
from steelyard.domain import ColumnDomain, Domain
from steelyard.errors import InputError, closest
from steelyard.sampling.features import is_float, is_number

_DIGITS = Context(prec=400)
"""More than any double has."""


def check_domain(
    df: DataFrame, domain: Domain, features: Sequence[str], categories: Collection[str] = (), *, key: str = "domain"
) -> None:
    """Check a domain against the columns of a table. Reads no row.

    Parameters
    ----------
    df : DataFrame
    domain : mapping of str to ColumnDomain
    features : sequence of str
    categories : collection of str
        Features that are categories in addition to strings and booleans.
    key : str
        Where the domain is declared, for messages.

    Raises
    ------
    InputError
        For a column that is not a feature, bounds of a column that holds no numbers, and a formula that Spark cannot
        evaluate from the features that are not derived.
    """
    inputs = [f for f in features if f not in domain or domain[f].derived is None]
    refuse_categories(domain, categories, key=key)
    for name, of in domain.items():
        if name not in features:
            raise InputError(f"{key} names {name!r}, which is not a feature.{closest(name, features)}")
        kind = dtype(df, name)
        if of.numeric and not is_number(kind):
            raise InputError(f"{key}.{name}.{_first(of)} is for numbers, and {name!r} is {kind.simpleString()}")
        if of.derived is not None:
            _check_formula(df.select(*map(col, inputs)), name, of.derived, kind, f"{key}.{name}.derived")


def refuse_categories(domain: Domain, categories: Collection[str], *, key: str = "domain") -> None:
    """Raise `InputError` for a domain of numbers that is declared of a category."""
    for name, of in domain.items():
        if of.numeric and name in categories:
            raise InputError(f"{key}.{name}.{_first(of)} is for numbers, and {name!r} is a category")


def _first(of: ColumnDomain) -> str:
    return next(name for name in ("min", "max", "integer", "monotone") if name in of.to_json())


def _check_formula(inputs: DataFrame, name: str, formula: str, kind: T.DataType, key: str) -> None:
    if isinstance(kind, T.ArrayType | T.UserDefinedType):
        raise InputError(f"{key}: {name!r} is {kind.simpleString()}; a formula gives a number, a text or a boolean")
    try:
        value = F.expr(formula)
        # A condition cannot be an aggregate, a window or a generator.
        _ = inputs.where(value.isNotNull()).select(value.try_cast(kind)).schema
    except AnalysisException as error:
        reason = str(error).partition("\n")[0].partition(" SQLSTATE")[0]
        raise InputError(
            f"{key}: Spark cannot evaluate {formula!r} from the features that are not derived: {reason}"
        ) from None


def within_domain(rows: DataFrame, domain: Domain) -> DataFrame:
    """Return synthetic rows with numbers rounded and clipped, and derived features computed from these.

    Missing values stay missing. Immutable features are left as they are.

    Parameters
    ----------
    rows : DataFrame
    domain : mapping of str to ColumnDomain
    """
    bounded = {n: _bounded(col(n), dtype(rows, n), of) for n, of in domain.items() if of.bounded and not of.immutable}
    rows = rows.withColumns(bounded) if bounded else rows
    derived = {n: formula_value(dtype(rows, n), of) for n, of in domain.items() if of.derived is not None}
    return rows.withColumns(derived) if derived else rows


def formula_value(kind: T.DataType, of: ColumnDomain) -> Column:
    """Return the value of a derived feature, with its type."""
    return F.expr(str(of.derived)).try_cast(kind)


def limits_of(kind: T.DataType, of: ColumnDomain) -> tuple[Column | None, Column | None]:
    """Return the least and the greatest value as literals of a column's type; none where the type cannot hold it.

    A limit between two values of the type becomes the one inside: 0.015 as the greatest decimal(5,2) is 0.01.
    """
    whole = isinstance(kind, T.IntegralType)
    low, high = (replace(of, integer=True) if whole else of).limits
    return _literal(low, kind, ROUND_CEILING), _literal(high, kind, ROUND_FLOOR)


def _literal(limit: float | None, kind: T.DataType, rounding: str) -> Column | None:
    if limit is None:
        return None
    if isinstance(kind, T.DecimalType):
        inside = Decimal(str(limit)).quantize(Decimal(1).scaleb(-kind.scale), rounding, _DIGITS)
        return F.lit(inside).try_cast(kind) if abs(inside) < 10 ** (kind.precision - kind.scale) else None
    whole = isinstance(limit, int) and abs(limit) < 1 << 63  # a literal holds no longer ones
    return F.lit(limit if whole else float(limit)).try_cast(kind)


def _bounded(value: Column, kind: T.DataType, of: ColumnDomain) -> Column:
    if of.integer and not isinstance(kind, T.IntegralType):
        value = (F.round(value) if isinstance(kind, T.DecimalType) else F.rint(value)).cast(kind)
    low, high = limits_of(kind, of)
    clipped = value
    if low is not None:
        clipped = F.when(clipped < low, low).otherwise(clipped)
    if high is not None:
        clipped = F.when(clipped > high, high).otherwise(clipped)
    # For Spark, NaN is above all numbers.
    return F.when(F.isnan(value), value).otherwise(clipped) if is_float(kind) else clipped


def breaks_domain(df: DataFrame, name: str, of: ColumnDomain) -> Column:
    """Return whether a row's value is outside its domain; a missing value is only so where a formula gives a value.

    Values of floats agree with a formula to nine digits. Copies of a seed cannot be checked without it.
    """
    value, kind = col(name), dtype(df, name)
    faults = []
    if of.integer and not isinstance(kind, T.IntegralType):
        faults.append(value != F.round(value))
    low, high = limits_of(kind, of)
    number = F.when(~F.isnan(value), value) if is_float(kind) else value  # for Spark, NaN is above all numbers
    faults += [] if low is None else [value < low]
    faults += [] if high is None else [number > high]
    if of.derived is not None:
        wanted = formula_value(kind, of)
        equal = value.eqNullSafe(wanted)
        near = F.abs(value - wanted) <= F.abs(wanted) * 1e-9 if is_float(kind) else F.lit(False)
        faults.append(~(equal | F.coalesce(near, F.lit(False))))
    return combined(or_, [F.coalesce(fault, F.lit(False)) for fault in faults]) if faults else F.lit(False)
