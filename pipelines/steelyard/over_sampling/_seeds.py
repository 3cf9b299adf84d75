"""The seeds of new rows: every row of a class equally often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, internal, of_key
from steelyard.frames.caching import cached
from steelyard.hashing import ROW_ID, Cut, cuts, row_hash, with_side
from steelyard.sampling.applying import identified
from steelyard.sampling.plan import SamplingPlan
from steelyard.sampling.space import Space

CLASS = internal("class")
STRATUM = internal("stratum")
USES = internal("uses")
_DRAWN = internal("drawn")


@dataclass(frozen=True)
class Seeds:
    """How often the rows of one stratum are used."""

    times: int
    again: Cut | None  # rows below it are used once more
    rows: int  # rows that are used at all

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"times": self.times, "again": self.again.to_json() if self.again else None, "rows": self.rows}


def class_rows(
    df: DataFrame, plan: SamplingPlan, space: Space, classes: Iterable[str], columns: Iterable[str]
) -> DataFrame:
    """Return some columns of the rows of some classes, gaps filled, with ids and classes. Shuffles them once."""
    rows = df.where(class_text(df, plan.label).isin(list(classes)))
    kept = [col(c) for c in dict.fromkeys(columns)]
    named = identified(rows, plan).select(ROW_ID, class_text(rows, plan.label).alias(CLASS), *kept)
    return space.filled(named, F.col(CLASS))


def share_out(
    ids: DataFrame, stratum: Column, new: Mapping[str, int], sizes: Mapping[str, int], plan: SamplingPlan
) -> dict[str, Seeds]:
    """Divide the new rows of each stratum evenly among its rows; exactly, by a hash of their ids.

    A stratum is a class or a part of one; `new` and `sizes` are its new rows and its rows. Where something is left
    over, it costs two scans of `ids`, which are cached meanwhile.
    """
    odd = {s: n % sizes[s] for s, n in new.items() if n % sizes[s]}
    again: dict[str, Cut] = {}
    if odd:
        quotas = {s: [n] for s, n in odd.items()}
        with cached(ids.select(ROW_ID, stratum.alias(STRATUM))) as kept:
            found = cuts(kept, _position(kept, plan), F.col(STRATUM), quotas, ties="exact", sizes=sizes)
        again = {s: cut for s, (cut,) in found.items()}
    return {s: Seeds(n // sizes[s], again.get(s), min(n, sizes[s])) for s, n in new.items()}


def with_uses(rows: DataFrame, stratum: Column, seeds: Mapping[str, Seeds], plan: SamplingPlan) -> DataFrame:
    """Add how often each row is used, as `USES`: a pure column expression. Strata without seeds are not used."""
    again = {s: [of.again] for s, of in seeds.items() if of.again}
    times = F.coalesce(of_key({s: of.times for s, of in seeds.items()}, stratum), F.lit(0))
    if not again:
        return rows.withColumn(USES, times)
    sided = with_side(rows, _position(rows, plan), stratum, again, _DRAWN)
    once_more = F.coalesce(F.col(_DRAWN) == 0, F.lit(False)).cast("int")
    return sided.withColumn(USES, times + once_more).drop(_DRAWN)


def _position(rows: DataFrame, plan: SamplingPlan) -> Column:
    return row_hash(rows, [ROW_ID], plan.seed, f"{plan.purpose}/seeds")
