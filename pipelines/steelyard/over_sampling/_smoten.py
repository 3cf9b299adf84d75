"""SMOTE-N."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from steelyard.columns import class_text, col, dtype, internal
from steelyard.errors import InputError
from steelyard.frames.neighbors import pairs
from steelyard.kernels.distance import Distance
from steelyard.over_sampling.base import SynthesisContext
from steelyard.over_sampling.neighbors import NeighborSampler
from steelyard.params import Parameter
from steelyard.sampling.features import Features, find_features, listed
from steelyard.sampling.params import EQUAL_ROWS_COUNT, HasNeighbors
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space
from steelyard.sampling.survey import Survey

_CLASS = internal("class")
_MOST_VALUES = 20_000  # of a feature and class together: they travel in the plan


@dataclass(frozen=True)
class ValueSpace(Space):
    """Categories as the shares of the classes among the rows that have them, for the Value Difference Metric.

    `shares` has, for each feature and value, the share of each class.
    """

    shares: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    classes: int = 1

    @property
    def scans(self) -> int:
        """Scans of the table that finding it has cost."""
        return super().scans + 1

    def searching(self) -> dict[str, Any]:
        """Return what a `Search` needs to know."""
        width = self.classes * len(self.features.categories)
        return {"n_features": width, "scale": None, "distance": Distance("vdm", classes=self.classes)}

    def points(self, rows: DataFrame) -> Column:
        """Return a row's shares, feature by feature."""
        return F.concat(*[self._shares(f) for f in self.features.categories])

    def _shares(self, feature: str) -> Column:
        of_value = self.shares[feature]
        values = F.array(*[F.lit(v) for v in of_value])
        shares = [F.array(*[F.lit(float(s)) for s in of]) for of in of_value.values()]
        return F.try_element_at(F.map_from_arrays(values, F.array(*shares)), col(feature).cast("string"))


class SMOTEN(HasNeighbors, NeighborSampler):
    """SMOTE for categorical features only [1]_, section 6.2.

    Distances are the Value Difference Metric's [2]_: the distance of two values of a feature is that of their class
    shares, over all rows of the table. Each category of a new row is the most frequent one among its seed and the
    seed's `k_neighbors` nearest neighbours; ties are drawn for each new row. Every row of a class is a seed equally
    often.

    Costs what SMOTE costs, plus one scan of the table that counts values by class. These counts are collected on the
    driver, so a feature may have some thousands of values, but not more.

    imbalanced-learn's `categorical_encoder` has no counterpart: nothing is encoded.

    References
    ----------
    .. [1] Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16, 2002.
    .. [2] Cost, Salzberg, "A weighted nearest neighbor algorithm for learning with symbolic features", Machine
       Learning 10, 1993.

    Examples
    --------
    >>> resampled = SMOTEN(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "smoten"
    numbers = False

    k_neighbors: Parameter[int] = EQUAL_ROWS_COUNT

    def _features(self, df: DataFrame, roles: Roles) -> Features:
        features = super()._features(df, roles)
        if self.getOrDefault("categorical_features") is None:
            return find_features(df, roles.features, "SMOTEN", roles.features)
        if features.numbers:
            kinds = {f: dtype(df, f) for f in features.numbers}
            raise InputError(
                f"SMOTEN is for categories alone, and these features are numbers: {listed(features.numbers, kinds)}. "
                "List them in categorical_features if they are codes; else take SMOTENC (method smotenc)"
            )
        return features

    def _space(self, df: DataFrame, roles: Roles, features: Features, seen: Survey, counts: Mapping[str, int]) -> Space:
        plain = super()._space(df, roles, features, seen, counts)
        rows = plain.filled(df.withColumn(_CLASS, class_text(df, roles.label)), F.col(_CLASS))
        shares = _class_shares(rows, features.categories, list(counts))
        return ValueSpace(features, plain.widths, fills=plain.fills, shares=shares, classes=len(counts))

    def _pairs(self, context: SynthesisContext) -> DataFrame:
        assert context.points is not None and context.search is not None
        seed, purpose = context.plan.seed, context.plan.purpose
        return pairs(context.points, context.search, seed=seed, purpose=purpose, ballot=True)


def _class_shares(
    rows: DataFrame, features: Sequence[str], classes: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Return, for each feature, the share of each class among the rows of each value, values in order. One scan."""
    values = [F.struct(F.lit(i).alias("at"), col(f).cast("string").alias("value")) for i, f in enumerate(features)]
    each = rows.select(F.inline(F.array(*values)), _CLASS)
    counted = each.groupBy("at", "value", F.col(_CLASS).alias("class")).count()
    # If there are more, some feature has too many.
    found = counted.limit(_MOST_VALUES * len(features) + 1).collect()
    return {f: _shares([r for r in found if r["at"] == i], f, classes) for i, f in enumerate(features)}


def _shares(counted: Sequence[Row], feature: str, classes: Sequence[str]) -> dict[str, list[float]]:
    if len(counted) > _MOST_VALUES:
        raise InputError(
            f"feature {feature!r} has more than {_MOST_VALUES:,} values by class: SMOTEN compares values by their "
            "classes' shares, which such rare values don't have. Group them, or leave it out of features_col"
        )
    tally: dict[str, dict[str, int]] = {}
    for r in counted:
        tally.setdefault(r["value"], {})[r["class"]] = r["count"]
    return {v: [tally[v].get(c, 0) / sum(tally[v].values()) for c in classes] for v in sorted(tally)}
