"""No resampling, as a sampler."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.sampling.base import Sampler
from steelyard.sampling.plan import ClassPlan, SamplingPlan, Work
from steelyard.sampling.roles import Roles


class NoResampling(Sampler):
    """Keep every row once: the baseline for every method.

    Costs one aggregation over the label.
    """

    name = "none"
    sampling_type = "over-sampling"
    effect = "none"

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        return self._new_plan(roles, classes={c: ClassPlan(n, n) for c, n in counts.items()}, work=Work(scans=2))

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return dict(counts)
