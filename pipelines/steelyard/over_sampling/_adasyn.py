"""ADASYN."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.over_sampling._enemies import N_ENEMIES, BoundarySampler
from steelyard.over_sampling._seeds import CLASS, STRATUM
from steelyard.over_sampling.base import SynthesisContext
from steelyard.params import NEIGHBORS, Parameter, param


class ADASYN(BoundarySampler):
    """Adaptive synthetic sampling [1]_: more new rows where more neighbours are of other classes.

    The new rows of a class are divided among its rows in proportion to the number of rows of other classes among the
    `n_neighbors` nearest rows in the whole table; rows without such neighbours get none. Parts are rounded by largest
    remainder (ties by a hash), so counts are exact; imbalanced-learn rounds each part, and misses the count. New rows
    are interpolated between a row and one of its `n_neighbors` nearest rows of the class, as in SMOTE.

    Costs what SMOTE costs, plus a search of the over-sampled classes among all rows: one scan, six shuffles, one
    crossing into Python and rows × table distances.

    Raises
    ------
    InputError
        If no row of an over-sampled class has a row of another class among its neighbours.

    References
    ----------
    .. [1] He, Bai, Garcia, Li, "ADASYN: adaptive synthetic sampling approach for imbalanced learning", IJCNN, 2008.

    Examples
    --------
    >>> resampled = ADASYN(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "adasyn"
    neighbors = "n_neighbors"

    n_neighbors: Parameter[int] = param(
        "number of nearest rows of any class that are counted, and of nearest rows of its class with which a row "
        "is paired",
        NEIGHBORS,
        default=5,
    )

    def _strata(self, context: SynthesisContext) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        k = self._k()
        rows, tally = self._count_enemies(context, k)
        wanted: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for c, of in tally.items():
            if not any(of):
                raise InputError(
                    f"ADASYN with n_neighbors={k} finds no row of another class near any row of class {c!r}: set "
                    "n_neighbors higher, take SMOTE, or leave the class out of sampling_strategy"
                )
            shares = _share_by_enemies(of, context.new[c])
            wanted |= {f"{n_enemies}/{c}": n for n_enemies, n in shares.items() if n}
            sizes |= {f"{n_enemies}/{c}": of[n_enemies] for n_enemies, n in shares.items() if n}
        return rows.withColumn(STRATUM, F.concat_ws("/", N_ENEMIES, F.col(CLASS))), wanted, sizes

    @staticmethod
    def _class_of(stratum: str) -> str:
        return stratum.partition("/")[2]


def _share_by_enemies(tally: Mapping[int, int], new: int) -> dict[int, int]:
    """Divide new rows among rows in proportion to their enemies, by largest remainder; both are by that number.

    Examples
    --------
    >>> _share_by_enemies({0: 4, 1: 2, 3: 1}, 6)
    {0: 0, 1: 2, 3: 4}
    """
    total = sum(n_enemies * n for n_enemies, n in tally.items())
    shares, fractions = {}, {}
    for n_enemies, n in tally.items():
        each, fractions[n_enemies] = divmod(n_enemies * new, total)
        shares[n_enemies] = each * n
    left = new - sum(shares.values())
    for n_enemies in sorted(tally, key=lambda r: (-fractions[r], r)):
        once = min(left, tally[n_enemies] if fractions[n_enemies] else 0)
        shares[n_enemies], left = shares[n_enemies] + once, left - once
    return shares
