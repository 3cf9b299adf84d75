"""Draw rows of some classes with replacement: find the draws of a plan, and apply them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from steelyard.columns import class_code, col, internal
from steelyard.hashing import Draws, hashable, row_hash, unit_hash
from steelyard.sampling.plan import SamplingPlan

if TYPE_CHECKING:
    from steelyard.sampling.roles import Roles

_UNIT = internal("unit")


def find_draws(
    df: DataFrame, roles: Roles, purpose: str, seed: int, counts: Mapping[str, int], wanted: Mapping[str, int]
) -> Draws:
    """Return the draws of some classes; reads the table twice.

    Without a key, equal rows are numbered, so that each is drawn by itself. This shuffles the columns that identify a
    row.

    Parameters
    ----------
    df : DataFrame
    roles : Roles
    purpose : str
        Of the random numbers.
    seed : int
    counts, wanted : mapping of str to int
        Rows of each class, and draws of some classes.
    """
    code = class_code(df, roles.label, wanted)
    rows = _with_units(df.where(code.isNotNull()), roles.identity, purpose, numbered=not roles.keyed)
    return Draws.find(rows, _UNIT, code, {c: counts[c] for c in wanted}, wanted, seed=seed)


def draw(df: DataFrame, plan: SamplingPlan) -> DataFrame:
    """Return the drawn rows, each as often as it is drawn, and all rows of classes that are not drawn."""
    assert plan.replacement is not None
    drawn = {name: c for name, c in plan.classes.items() if c.cut is not None}
    code = class_code(df, plan.label, drawn)
    draws = Draws(
        {name: c.before for name, c in drawn.items()},
        {name: c.after for name, c in drawn.items()},
        bags=1,
        seed=plan.seed,
        slack=plan.replacement["slack"],
        cuts={name: [c.cut] for name, c in drawn.items() if c.cut is not None},
    )
    own = df.where(code.isNotNull())
    rows = _with_units(own, plan.identity, plan.purpose, numbered=plan.replacement["numbered"])
    return df.where(code.isNull()).unionByName(draws.rows(rows, _UNIT, code).select(*map(col, df.columns)))


def _with_units(df: DataFrame, identity: Iterable[str], purpose: str, *, numbered: bool) -> DataFrame:
    place = unit_hash(df, identity, hashable(df), purpose) if numbered else row_hash(df, identity, 0, purpose)
    return df.withColumn(_UNIT, place)
