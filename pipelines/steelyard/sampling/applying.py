"""Apply a plan to its table."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_code, col, internal, of_class, require_columns
from steelyard.errors import InputError
from steelyard.hashing import ROW_ID, Cut, divided_groups, is_below, row_hash, with_row_id, with_side
from steelyard.sampling.plan import SamplingPlan
from steelyard.sampling.replacement import draw

IS_SYNTHETIC = "is_synthetic"
PROVENANCE = ("row_id", "seed_id", "neighbor_id", "gap")
_DRAWN = internal("drawn")


def apply_plan(
    df: DataFrame,
    plan: SamplingPlan,
    synthetic: DataFrame | None = None,
    dropped: DataFrame | None = None,
    kept: DataFrame | None = None,
) -> DataFrame:
    """Return the resampled table.

    A column expression selects and repeats rows: no shuffle of the table, no Python. Only heavy groups of equal rows
    are numbered in a window; for draws with replacement without a key, all rows of the drawn classes.

    Parameters
    ----------
    df : DataFrame
        The table, or a copy of it in any order and partitioning.
    plan : SamplingPlan
    synthetic, dropped, kept : DataFrame, optional
        The new rows, the dropped ids and the kept rows of the plan's `Resampling`.

    Returns
    -------
    DataFrame
        The columns of `df`, `is_synthetic` (still true where it was true), the weights of the plan, and with provenance
        the ids of rows and parents. A copy of a row is not synthetic.

    Raises
    ------
    InputError
        If the table lacks a column that the plan needs, or new rows or dropped ids are missing.
    """
    require_columns(df, [plan.label, *plan.identity], "column of the sampling plan")
    if synthetic is None and any(c.new for c in plan.classes.values()):
        raise InputError(f"the plan of {plan.sampler} has new rows, and they are not given")
    if dropped is None and any(c.keep == "ids" for c in plan.classes.values()):
        raise InputError(f"the plan of {plan.sampler} drops rows by their ids, and they are not given")
    if any(c.keep == "kept" for c in plan.classes.values()):
        if kept is None:
            raise InputError(f"the plan of {plan.sampler} keeps single rows, and they are not given")
        return _flagged(kept)
    rows = identified(df, plan) if plan.provenance or dropped is not None else df
    if dropped is not None:
        rows = rows.join(dropped.select(F.col("row_id").alias(ROW_ID)), ROW_ID, "left_anti")
    rows = rows.withColumnRenamed(ROW_ID, "row_id") if plan.provenance else rows.drop(ROW_ID)
    rows = _flagged(_repeated(rows, plan))
    if synthetic is not None:
        rows = rows.unionByName(synthetic, allowMissingColumns=plan.provenance)
    return _weighted(rows, plan)


def _flagged(rows: DataFrame) -> DataFrame:
    before = F.coalesce(col(IS_SYNTHETIC), F.lit(False)) if IS_SYNTHETIC in rows.columns else F.lit(False)
    return rows.withColumn(IS_SYNTHETIC, before)


def kept_rows(df: DataFrame, plan: SamplingPlan) -> Column | None:
    """Return whether a row of the table is kept, where a plan leaves out rows and does nothing else; else None."""
    classes = plan.classes.values()
    repeats = plan.replacement is not None or any(c.times != 1 or c.again is not None or c.new for c in classes)
    adds = plan.provenance or plan.weight_output is not None or plan.offset_output is not None
    cuts = {name: c.keep for name, c in plan.classes.items() if isinstance(c.keep, Cut)}
    by_id = any(c.keep in ("ids", "kept") for c in classes)
    if repeats or adds or by_id or divided_groups({name: [cut] for name, cut in cuts.items()}):
        return None
    if not cuts:
        return F.lit(True)
    position = row_hash(df, plan.identity, plan.seed, plan.purpose)
    return F.coalesce(is_below(position, class_code(df, plan.label, cuts), list(cuts.values())), F.lit(True))


def identified(df: DataFrame, plan: SamplingPlan) -> DataFrame:
    """Add the id of each row. The class is part of the id, so it is the same for any selection of classes."""
    return with_row_id(df, {*plan.identity, plan.label})


def _repeated(df: DataFrame, plan: SamplingPlan) -> DataFrame:
    if plan.replacement is not None:
        return draw(df, plan)
    cuts = {name: [c.cut] for name, c in plan.classes.items() if c.cut is not None}
    drawn: Column = F.lit(None).cast("boolean")
    rows = df
    if cuts:
        position = row_hash(df, plan.identity, plan.seed, plan.purpose)
        rows, drawn = with_side(df, position, class_code(df, plan.label, cuts), cuts, _DRAWN), F.col(_DRAWN) == 0
    if all(c.times <= 1 and c.again is None for c in plan.classes.values()):
        return rows.where(F.coalesce(drawn, F.lit(True))).drop(_DRAWN)
    known = {n: 0 if isinstance(c.keep, Cut) else c.times for n, c in plan.classes.items()}
    times = F.coalesce(of_class(df, plan.label, known), F.lit(1))
    copies = times + F.coalesce(drawn, F.lit(False)).cast("int")
    return rows.withColumn(_DRAWN, F.explode(F.array_repeat(F.lit(True), copies))).drop(_DRAWN)


def _weighted(df: DataFrame, plan: SamplingPlan) -> DataFrame:
    if plan.weight_output is None:
        return df
    rates = {n: c.before / c.after if c.after else 1.0 for n, c in plan.classes.items()}
    rate = of_class(df, plan.label, rates)
    weight = col(plan.weight).cast("double") * rate if plan.weight else rate
    return df.withColumn(plan.weight_output, weight)
