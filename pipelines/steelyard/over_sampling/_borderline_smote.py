"""Borderline-SMOTE."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.neighbors import pairs
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._enemies import N_ENEMIES, BoundarySampler, enemy_distances, enemy_pairs
from steelyard.over_sampling._seeds import CLASS, STRATUM, USES
from steelyard.over_sampling.base import SynthesisContext
from steelyard.over_sampling.neighbors import own_points
from steelyard.params import NEIGHBORS, Parameter, one_of, param
from steelyard.sampling.params import HasNeighbors
from steelyard.sampling.plan import Work


class BorderlineSMOTE(HasNeighbors, BoundarySampler):
    """SMOTE seeded by the rows near the class border only [1]_.

    A row is in danger if at least half of its `m_neighbors` nearest rows in the whole table, but not all, are of other
    classes. Only rows in danger are seeds, each equally often. "borderline-1" pairs them with their `k_neighbors`
    nearest rows of the class, as SMOTE does. "borderline-2" pairs every second one with one of its `k_neighbors`
    nearest rows of other classes, with a gap in [0, 0.5); categories are then the seed's. (imbalanced-learn multiplies
    two uniform numbers for this gap, so its mean is 1/6 instead of 1/4, and it uses rows of other classes that are not
    neighbours.)

    Costs what SMOTE costs, plus a search of the over-sampled classes among all rows: one scan, six shuffles, one
    crossing into Python and rows × table distances. "borderline-2" also searches seeds among all other rows: one scan,
    two shuffles, one crossing.

    Raises
    ------
    InputError
        If no row of an over-sampled class is in danger.

    References
    ----------
    .. [1] Han, Wang, Mao, "Borderline-SMOTE: a new over-sampling method in imbalanced data sets learning", ICIC, 2005.

    Examples
    --------
    >>> resampled = BorderlineSMOTE(label_col="is_fraud", kind="borderline-2").fit_resample(df)
    """

    name = "borderline_smote"

    m_neighbors: Parameter[int] = param(
        "number of nearest rows of any class that decide whether a row is in danger", NEIGHBORS, default=10
    )
    kind: Parameter[str] = param(
        "which rows seeds are paired with: 'borderline-1' rows of their class, 'borderline-2' also rows of other "
        "classes",
        one_of("borderline-1", "borderline-2"),
        default="borderline-1",
    )

    def _strata(self, context: SynthesisContext) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        m = self.getOrDefault("m_neighbors")
        rows, tally = self._count_enemies(context, m)
        danger = {
            c: sum(n for n_enemies, n in of.items() if m <= 2 * n_enemies and n_enemies < m) for c, of in tally.items()
        }
        for c, n in danger.items():
            if n == 0:
                raise InputError(
                    f"BorderlineSMOTE with m_neighbors={m} finds no row of class {c!r} in danger: none has from "
                    f"{-(-m // 2)} to {m - 1} rows of other classes among its {m} nearest. Set m_neighbors higher, "
                    "take SMOTE, or leave the class out of sampling_strategy"
                )
        seed = (F.col(N_ENEMIES) * 2 >= m) & (F.col(N_ENEMIES) < m)
        return rows.withColumn(STRATUM, F.when(seed, F.col(CLASS))), context.new, danger

    def _work(self, context: SynthesisContext) -> Work:
        work = super()._work(context)
        if self.getOrDefault("kind") == "borderline-1" or context.search is None:
            return work
        return replace(
            work,
            scans=work.scans + 1,
            shuffles=work.shuffles + 2,
            python=work.python + 1,
            distances=work.distances + enemy_distances(context),
            tasks=work.tasks + 1,
        )

    def _pairs(self, context: SynthesisContext) -> DataFrame:
        if self.getOrDefault("kind") == "borderline-1":
            return super()._pairs(context)
        assert context.search is not None
        plan = context.plan
        # Of an odd number of uses, half of the seeds, by their ids, use the odd one for their enemies.
        towards = F.floor((F.col(USES) + F.pmod(F.xxhash64(ROW_ID), F.lit(2))) / 2).cast("int")
        own = pairs(own_points(context, F.col(USES) - towards), context.search, seed=plan.seed, purpose=plan.purpose)
        halved = enemy_pairs(self, context, towards).withColumns(
            {"gap": F.col("gap") / 2, "replicate": -F.col("replicate")}
        )
        plain = [F.col(p).dropFields("x", CLASS).alias(p) for p in ("neighbor", "seed")]
        kept = [c for c in own.columns if c not in {"seed", "neighbor"}]
        return own.unionByName(halved.select(*kept, *plain))
