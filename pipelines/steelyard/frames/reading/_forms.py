"""The form of a text: a whole number, a number, a date …; the names are those of `_kinds.Form`."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from steelyard.frames.reading._kinds import MARKER

_NUMBER = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf(inity)?|nan))$"
# No number: leading zeros; many digits before an exponent without a sign, which is how identifiers look.
_CODE = r"^([+-]?0[0-9]|[0-9]{2,}[eE][0-9])"
_GROUPED = r"^[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+$"
_COMMA = r"^[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?$"


def form_of(value: Column, missing: Sequence[str]) -> Column:
    """Return the form of a text column's values, a marker of missing values with itself: `marker:NA`."""
    text = F.trim(value)
    lower = F.lower(text)
    markers = [m.lower() for m in missing if m]
    digits = F.regexp_replace(text, "^[+-]", "")
    length = F.length(digits)
    whole = (F.translate(text, "0123456789", "").isin("", "+", "-")) & digits.rlike("^[0-9]+$")
    integer = (
        F.when((length > 1) & digits.startswith("0"), F.lit("code"))
        .when(length > 18, F.lit("big"))
        .when(length > 15, F.lit("long"))
        .otherwise(F.lit("int"))
    )
    form = F.when(value.isNull() | (text == ""), F.lit("missing" if "" in missing else "text"))
    if markers:
        form = form.when(lower.isin(markers), F.concat(F.lit(MARKER), text))
    return (
        form.when(whole, integer)
        .when(text.rlike(_NUMBER), F.when(text.rlike(_CODE), F.lit("code")).otherwise(F.lit("number")))
        .when(lower.isin("true", "false"), F.lit("boolean"))
        .when(text.rlike(_GROUPED), F.lit("grouped"))
        .when(text.rlike(_COMMA), F.lit("comma"))
        .when(text.rlike(_DATE) & text.try_cast("date").isNotNull(), F.lit("date"))
        .when(text.rlike(_TIME) & text.try_cast("timestamp").isNotNull(), F.lit("timestamp"))
        .otherwise(F.lit("text"))
    )
