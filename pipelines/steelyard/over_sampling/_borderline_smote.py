"""Borderline-SMOTE."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.frames.neighbors import pairs
from steelyard.hashing import ROW_ID
from steelyard.over_sampling._base import Growth
from steelyard.over_sampling._neighbors import own_points
from steelyard.over_sampling._rivals import RIVALS, RivalSampler, rival_points, unlike
from steelyard.over_sampling._seeds import CLASS, STRATUM, USES
from steelyard.params import NEIGHBORS, Parameter, one_of, param
from steelyard.sampling._params import HasNeighbors
from steelyard.sampling._plan import Work


class BorderlineSMOTE(HasNeighbors, RivalSampler):
    """SMOTE from the rows at the border alone [1]_.

    A row is in danger where at least half of its `m_neighbors` nearest rows in the whole table, but not all, are of
    other classes. Only rows in danger are seeds, each equally often. "borderline-1" pairs them as SMOTE does, with
    their `k_neighbors` nearest rows of the class. "borderline-2" pairs them every second time with one of their
    `k_neighbors` nearest rows of other classes, and goes less than half of the way, by a gap in [0, 0.5); categories
    are then the seed's. (imbalanced-learn multiplies two uniform numbers for this gap, so that its mean is 1/6 instead
    of 1/4, and takes rows of other classes that are no neighbours.)

    Costs what SMOTE costs, and a search of the classes that grow among all rows: one scan, six shuffles, one crossing
    into Python and rows × table distances. "borderline-2" searches seeds among all other rows once more: one
    scan, two shuffles, one crossing.

    Raises
    ------
    InputError
        If no row of a class that is to grow is in danger.

    References
    ----------
    .. [1] Han, Wang, Mao, "Borderline-SMOTE: a new over-sampling method in imbalanced data sets learning", ICIC, 2005.

    Examples
    --------
    >>> resampled = BorderlineSMOTE(label_col="is_fraud", kind="borderline-2").fit_resample(df)
    """

    name = "borderline_smote"

    m_neighbors: Parameter[int] = param(
        "how many nearest rows of any class tell whether a row is in danger", NEIGHBORS, default=10
    )
    kind: Parameter[str] = param(
        "whom seeds are paired with: rows of their class, or also of others",
        one_of("borderline-1", "borderline-2"),
        default="borderline-1",
    )

    def _strata(self, grown: Growth) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        m = self.getOrDefault("m_neighbors")
        rows, tally = self._tallied(grown, m)
        danger = {c: sum(n for rivals, n in of.items() if m <= 2 * rivals and rivals < m) for c, of in tally.items()}
        for c, n in danger.items():
            if n == 0:
                raise InputError(
                    f"BorderlineSMOTE with m_neighbors={m} finds no row of class {c!r} in danger: none has from "
                    f"{-(-m // 2)} to {m - 1} rows of other classes among its {m} nearest. Set m_neighbors higher, "
                    "take SMOTE, or leave the class out of sampling_strategy"
                )
        seed = (F.col(RIVALS) * 2 >= m) & (F.col(RIVALS) < m)
        return rows.withColumn(STRATUM, F.when(seed, F.col(CLASS))), grown.new, danger

    def _work(self, grown: Growth) -> Work:
        work = super()._work(grown)
        if self.getOrDefault("kind") == "borderline-1" or grown.search is None:
            return work
        return replace(
            work,
            scans=work.scans + 1,
            shuffles=work.shuffles + 2,
            python=work.python + 1,
            distances=work.distances + sum(n * unlike(grown.plan)[c] for c, (n, _) in grown.search.sizes.items()),
            tasks=work.tasks + 1,
        )

    def _pairs(self, grown: Growth) -> DataFrame:
        if self.getOrDefault("kind") == "borderline-1":
            return super()._pairs(grown)
        assert grown.search is not None
        plan, purpose = grown.plan, f"{grown.plan.purpose}/rivals"
        # Of an odd number of uses, half of the seeds, by their ids, give the one too many to their rivals.
        towards = F.floor((F.col(USES) + F.pmod(F.xxhash64(ROW_ID), F.lit(2))) / 2).cast("int")
        own = pairs(own_points(grown, F.col(USES) - towards), grown.search, seed=plan.seed, purpose=plan.purpose)
        asked = {c: (n, unlike(plan)[c]) for c, (n, _) in grown.search.sizes.items()}
        found = pairs(rival_points(grown, towards), self._search(grown, asked), seed=plan.seed, purpose=purpose)
        halved = found.withColumns({"gap": F.col("gap") / 2, "replicate": -F.col("replicate")})
        mode = grown.seed_categories()
        halved = halved if mode is None else halved.withColumn("mode", mode)
        columns = own.columns
        plain = [F.col(p).dropFields("x", CLASS).alias(p) for p in ("neighbor", "seed")]
        kept = [c for c in columns if c not in {"seed", "neighbor"}]
        return own.unionByName(halved.select(*kept, *plain))
