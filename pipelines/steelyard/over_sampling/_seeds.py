"""Which rows new rows grow from: every row of a class equally often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_text, col
from steelyard.frames.caching import cached
from steelyard.hashing import ROW_ID, row_hash
from steelyard.sampling._apply import identified
from steelyard.sampling._plan import SamplingPlan
from steelyard.sampling._shares import Share, find_shares, with_drawn

CLASS = "__class"
_DRAWN = "__drawn"


@dataclass(frozen=True)
class Seeds:
    """How often the rows of one class are used.

    Parameters
    ----------
    times : int
        Each row so often.
    again : Share, optional
        A share of the rows once more.
    rows : int
        How many rows are used at all.
    """

    times: int
    again: Share | None
    rows: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"times": self.times, "again": self.again.to_json() if self.again else None, "rows": self.rows}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Seeds:
        """Rebuild what `to_json` gave."""
        again = Share.from_json(document["again"]) if document["again"] else None
        return cls(document["times"], again, document["rows"])


def class_rows(df: DataFrame, plan: SamplingPlan, classes: Iterable[str], columns: Iterable[str]) -> DataFrame:
    """Return some columns of the rows of some classes, with their ids and classes. Shuffles them once."""
    rows = df.where(class_text(df, plan.label).isin(list(classes)))
    kept = [col(c) for c in dict.fromkeys(columns)]
    return identified(rows, plan).select(ROW_ID, class_text(rows, plan.label).alias(CLASS), *kept)


def plan_seeds(df: DataFrame, plan: SamplingPlan) -> dict[str, Seeds]:
    """Divide each class's new rows evenly among its rows; exactly, by a hash of their ids.

    Two scans of ids, and one shuffle, where something is left over.
    """
    new = {c: of.new for c, of in plan.classes.items() if of.new}
    before = {c: plan.classes[c].before for c in new}
    odd = {c: n % before[c] for c, n in new.items() if n % before[c]}
    shares: dict[str, Share] = {}
    if odd:
        with cached(class_rows(df, plan, odd, ())) as ids:
            shares = find_shares(ids, _position(ids, plan), F.col(CLASS), odd, before, repeats=False)
    return {c: Seeds(n // before[c], shares.get(c), min(n, before[c])) for c, n in new.items()}


def with_uses(rows: DataFrame, plan: SamplingPlan, seeds: Mapping[str, Seeds]) -> DataFrame:
    """Add how often each row is used, as ``uses``: a pure column expression."""
    shares = {c: s.again for c, s in seeds.items() if s.again}
    drawn = with_drawn(rows, _position(rows, plan), F.col(CLASS), shares, _DRAWN)
    pairs = [F.lit(v) for c, s in seeds.items() for v in (c, s.times)]
    times = F.try_element_at(F.create_map(*pairs), F.col(CLASS))
    return drawn.withColumn("uses", times + F.coalesce(F.col(_DRAWN), F.lit(False)).cast("int")).drop(_DRAWN)


def _position(rows: DataFrame, plan: SamplingPlan) -> Column:
    return row_hash(rows, [ROW_ID], plan.seed, f"{plan.purpose}/seeds")
