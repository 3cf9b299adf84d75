"""Bases of samplers that read features: numeric and categorical features, missing values, scales, neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pyspark.sql import DataFrame

from steelyard.sampling.base import Sampler
from steelyard.sampling.domain import refuse_categories
from steelyard.sampling.features import Features, find_features
from steelyard.sampling.neighborhood import IndexedRows, index_rows
from steelyard.sampling.params import HasCategories, HasSearch
from steelyard.sampling.plan import SamplingPlan
from steelyard.sampling.roles import Roles
from steelyard.sampling.space import Space, find_space
from steelyard.sampling.survey import Survey, refuse, survey


class MeasuringSampler(HasCategories, Sampler):
    """Base of the methods that read numeric and categorical features.

    Attributes
    ----------
    fills_by_class : bool
        Whether a gap is replaced by the median or mode of the row's class, or of all rows.
    """

    numeric = True
    fills_by_class: ClassVar[bool] = True

    def check_columns(self, df: DataFrame) -> None:
        """Raise `InputError` for columns that are missing or of a type that the method can't use. Reads no row."""
        roles = self._roles(df)
        if self._measures:
            refuse_categories(roles.domain, self._features(df, roles).categories)

    def check_missing(self, missing: Mapping[str, int]) -> None:
        """Raise `InputError` for features with missing values that the method can't use. Needs no table."""
        if self._measures and self.getOrDefault("missing") == "error":
            refuse({f: n for f, n in missing.items() if n}, "missing", type(self).__name__)

    def _measured(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> Space:
        """Scan the features, and return the space in which distances are taken."""
        features = self._features(df, roles)
        refuse_categories(roles.domain, features.categories)
        return self._space(df, roles, features, self._seen(df, roles, features, counts), counts)

    def _features(self, df: DataFrame, roles: Roles) -> Features:
        """Separate numeric from categorical features."""
        declared = self.getOrDefault("categorical_features")
        return find_features(df, roles.features, type(self).__name__, declared, categories=self.categories)

    def _seen(self, df: DataFrame, roles: Roles, features: Features, counts: Mapping[str, int]) -> Survey:
        """Scan the features once; methods raise errors for unusable ones here."""
        classes, enough = self._watched(counts)
        impute = self.getOrDefault("missing") == "impute"
        gaps: Literal["counted", "refused"] = "counted" if impute else "refused"
        return survey(df, roles.label, features, type(self).__name__, classes, enough, gaps=gaps)

    def _watched(self, counts: Mapping[str, int]) -> tuple[list[str], int]:
        """Return the classes whose distinct rows are counted, and how many of them are enough."""
        return [], 0

    def _space(self, df: DataFrame, roles: Roles, features: Features, seen: Survey, counts: Mapping[str, int]) -> Space:
        scale = self.getOrDefault("scale") if self.hasParam("scale") else "none"
        return find_space(df, roles, features, seen, counts, scale=scale, by_class=self.fills_by_class)


class SearchingSampler(HasSearch, MeasuringSampler):
    """Base of the methods that search neighbours."""

    def _around(
        self, df: DataFrame, plan: SamplingPlan, space: Space, counts: Mapping[str, int], *, distinct: bool
    ) -> IndexedRows:
        """Return all rows, indexed for neighbour searches."""
        how = {"how": self.getOrDefault("search"), "recall": self.getOrDefault("recall")}
        return index_rows(df, plan, space, counts, distinct=distinct, block_bytes=self._block_bytes(), **how)

    def _block_bytes(self) -> int:
        return int(self.getOrDefault("block_mb")) * 2**20
