"""ADASYN."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.over_sampling._base import Growth
from steelyard.over_sampling._rivals import RIVALS, RivalSampler
from steelyard.over_sampling._seeds import CLASS, STRATUM
from steelyard.params import NEIGHBORS, Parameter, param


class ADASYN(RivalSampler):
    """Adaptive synthetic sampling [1]_: the more rows of other classes around a row, the more new rows from it.

    The new rows of a class are divided among its rows in proportion to how many of the `n_neighbors` nearest rows of
    each, in the whole table, are of other classes; rows with none get none. Parts are rounded by largest remainder, of
    equal remainders by a hash, so that counts are exact (imbalanced-learn rounds each part, and misses the count). New
    rows then lie between a row and one of its `n_neighbors` nearest in the class, as in SMOTE.

    Costs what SMOTE costs, and a search of the classes that grow among all rows: one scan, six shuffles, one crossing
    into Python and rows × table distances.

    Raises
    ------
    InputError
        If no row of a class that is to grow has a row of another class near.

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
        "how many nearest rows of any class are counted, and how many of its class a row is paired with",
        NEIGHBORS,
        default=5,
    )

    def _strata(self, grown: Growth) -> tuple[DataFrame, dict[str, int], dict[str, int]]:
        k = self._k()
        rows, tally = self._tallied(grown, k)
        wanted: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for c, of in tally.items():
            if not any(of):
                raise InputError(
                    f"ADASYN with n_neighbors={k} finds no row of another class near any row of class {c!r}: set "
                    "n_neighbors higher, take SMOTE, or leave the class out of sampling_strategy"
                )
            shares = _by_rivals(of, grown.new[c])
            wanted |= {f"{rivals}/{c}": n for rivals, n in shares.items() if n}
            sizes |= {f"{rivals}/{c}": of[rivals] for rivals, n in shares.items() if n}
        return rows.withColumn(STRATUM, F.concat_ws("/", RIVALS, F.col(CLASS))), wanted, sizes

    @staticmethod
    def _class_of(stratum: str) -> str:
        return stratum.partition("/")[2]


def _by_rivals(tally: Mapping[int, int], new: int) -> dict[int, int]:
    """Divide new rows among rows in proportion to their rivals, by largest remainder.

    Parameters
    ----------
    tally : mapping of int to int
        How many rows have so many rivals.
    new : int

    Returns
    -------
    dict of int to int
        New rows of all rows that have so many rivals, together.

    Examples
    --------
    >>> _by_rivals({0: 4, 1: 2, 3: 1}, 6)
    {0: 0, 1: 2, 3: 4}
    """
    total = sum(rivals * n for rivals, n in tally.items())
    shares, fractions = {}, {}
    for rivals, n in tally.items():
        each, fractions[rivals] = divmod(rivals * new, total)
        shares[rivals] = each * n
    left = new - sum(shares.values())
    for rivals in sorted(tally, key=lambda r: (-fractions[r], r)):
        once = min(left, tally[rivals] if fractions[rivals] else 0)
        shares[rivals], left = shares[rivals] + once, left - once
    return shares
