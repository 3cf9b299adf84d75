"""Guided under-sampling: a pilot model decides how likely each negative is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from steelyard.columns import check_free, class_text, col, internal
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.frames.caching import checkpointed
from steelyard.frames.workers import in_worker
from steelyard.hashing import HASH_BITS, Cut, cuts, row_hash, sample_limit, select
from steelyard.kernels.guided import FLOOR, MOST, threshold
from steelyard.learning._fitting import fit_preprocessing
from steelyard.learning._guided_worker import LEARNER
from steelyard.learning.base import LIMITS
from steelyard.learning.tasks import PLACE, TASK, fit_tasks
from steelyard.params import Parameter, column, param, whole
from steelyard.sampling.base import Sampler
from steelyard.sampling.params import HasCategories
from steelyard.sampling.plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles

if TYPE_CHECKING:
    from steelyard.learning._preprocessing import Preprocessing

_SCORE, _WEIGHT, _POSITION = internal("pilot_score"), internal("keeping_weight"), internal("keeping_position")
_BAG = 50_000  # rows of each class that the pilot is trained on, at most
_SAMPLE = 20_000  # rows whose scores tell about how many rows a threshold keeps
_UNIT = 58  # bits of a position of 1: the largest is 1 / FLOOR


class GuidedUnderSampler(Sampler):
    """Keep an exact number of negatives, preferably those that a pilot model finds similar to positives [1]_.

    For two classes. A small XGBoost model is trained on as many negatives as positives, in one task, and scores the
    table once. A negative is kept with a probability in proportion to the square root of its own probability of being
    positive, and at least a fifth of that of an average row: those with the smallest hash over that number, until the
    count is exact (sequential Poisson sampling). All rows of the rarer class are kept. Each kept row has an offset,
    minus the logarithm of the probability with which it would be kept as a negative. A model that is trained with the
    offset as a part of its margin, and scores without it, learns the probabilities of the whole table. Trainers that
    take no offsets weigh the negatives instead.

    Costs a scan for the counts of the classes, those of the trainers' preprocessing, three for the pilot's rows (two of
    the key only), two crossings into Python: a sample of the negatives, and the whole table. Kept rows are computed
    at once and stay on the executors while the result is in use.

    References
    ----------
    .. [1] Wang, Zhang, Wang, "Nonuniform negative sampling and log odds correction with rare events data", NeurIPS
       2021.

    Examples
    --------
    >>> sampler = GuidedUnderSampler(label_col="is_fraud", sampling_strategy=0.2, min_rows=0)
    >>> resampled = sampler.fit_resample(df)
    """

    name = "guided_under_sampler"
    sampling_type = "under-sampling"
    effect = "random_under"
    numeric = True

    min_rows: Parameter[int] = param(
        "least number of rows to keep, of both classes together: more negatives are kept where sampling_strategy asks "
        "for fewer; 0 switches it off",
        whole(0),
        default=30_000,
    )
    offset_output_col: Parameter[str] = param("column that gets each row's offset", column, default="sampling_offset")
    categorical_features: Parameter[Sequence[str] | None] = HasCategories.categorical_features.but(
        doc="features that are categories for the pilot; strings and booleans always are"
    )

    def check_output(self, names: Iterable[str]) -> None:
        """Raise `InputError` for a table with a column of the offset's name."""
        check_free(names, [self.getOrDefault("offset_output_col")], "offset_output_col")

    def check_counts(self, counts: Mapping[str, int]) -> None:
        """Raise `InputError` unless there are two classes, of which the rarer one is to keep all rows."""
        if len(counts) != 2:
            raise InputError(f"{self.name} takes two classes, and there are {len(counts)}: {', '.join(counts)}")
        rare = min(counts, key=counts.__getitem__)
        if super()._targets(counts).get(rare, counts[rare]) != counts[rare]:
            raise InputError(f"{self.name} keeps all rows of the rarer class, {rare!r}: ask for fewer of the other")

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        found = super()._targets(counts)
        if len(counts) != 2:
            return found
        rare, common = sorted(counts, key=counts.__getitem__)
        least = min(self.getOrDefault("min_rows") - counts[rare], counts[common])
        return {c: max(n, least) if c == common else n for c, n in found.items()}

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan and the kept rows with their offsets."""
        roles, counts = self._looked_at(df)
        plan = self._plan_classes(df, roles, counts)
        if plan.offset_output is None:
            return Resampling(plan)
        rare, common = sorted(counts, key=counts.__getitem__)
        near = self._near(df, self._scoring(df, roles, plan, counts), plan)
        stratum = class_text(near, roles.label)
        [cut] = cuts(near, F.col(_POSITION), stratum, {common: [plan.classes[common].after]}, ties="exact")[common]
        kept = select(near, F.col(_POSITION), stratum, {common: cut, rare: Cut(1 << HASH_BITS, counts[rare])})
        chance = F.least(F.lit(cut.below / 2**_UNIT) * F.col(_WEIGHT), F.lit(1.0))
        offset = (-F.log(chance)).alias(plan.offset_output)
        return Resampling(plan, kept=checkpointed(kept.select(*map(col, df.columns), offset)))

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        self.check_counts(counts)
        targets, asked = self._targets(counts), super()._targets(counts)
        fewer = {c: n for c, n in targets.items() if n < counts[c]}
        classes = {c: ClassPlan(n, fewer.get(c, n), "kept" if fewer else "all") for c, n in counts.items()}
        raised = {c: n for c, n in asked.items() if targets[c] > n}
        messages = [
            f"{targets[c]:,} rows of class {c!r} are kept, and not {n:,}: min_rows is {self.getOrDefault('min_rows'):,}"
            for c, n in raised.items()
        ]
        output = self.getOrDefault("offset_output_col") if fewer else None
        details = {"asked": asked, "messages": messages}
        work = Work(scans=8, shuffles=1, python=3, tasks=1) if fewer else Work(scans=2)
        return self._new_plan(roles, classes=classes, details=details, work=work, offset_output=output)

    def _scoring(
        self, df: DataFrame, roles: Roles, plan: SamplingPlan, counts: Mapping[str, int]
    ) -> Callable[[DataFrame], DataFrame]:
        """Train the pilot; return what adds the weights and positions of rows."""
        given = self.getOrDefault("categorical_features") or ()
        texts = {f.name for f in df.schema.fields if f.dataType.simpleString() in ("string", "boolean")}
        categories = tuple(f for f in roles.features if f in texts or f in given)
        data = Dataset(roles.label, roles.features, categories, classes=tuple(counts))
        prepared = fit_preprocessing(df, data, limit=LIMITS["float32"], seed=plan.seed)
        prior = min(counts.values()) / sum(counts.values())
        model = self._pilot(df, prepared, roles, plan, counts)
        # Where filters on the result were moved below it, it would be called twice.
        score = _udf(in_worker("steelyard.learning._guided_worker", "score", model=model)).asNondeterministic()

        def scored(rows: DataFrame) -> DataFrame:
            features = F.struct(*[c.cast("float").alias(str(i)) for i, c in enumerate(prepared.columns(rows))])
            place = row_hash(rows, roles.identity, plan.seed, plan.purpose) / F.lit(2.0**HASH_BITS)
            position = F.floor(place / F.col(_WEIGHT) * F.lit(2.0**_UNIT)).cast("bigint")
            found = rows.withColumn(_SCORE, score(features)).withColumn(_WEIGHT, _weight(F.col(_SCORE), prior))
            return found.withColumn(_POSITION, position).drop(_SCORE)

        return scored

    def _pilot(
        self, df: DataFrame, prepared: Preprocessing, roles: Roles, plan: SamplingPlan, counts: Mapping[str, int]
    ) -> bytes:
        """Train the pilot on as many rows of one class as of the other."""
        label, place = class_text(df, roles.label), row_hash(df, roles.identity, plan.seed, f"{plan.purpose}/pilot")
        each = min(*counts.values(), _BAG)
        found = cuts(df, place, label, {c: [each] for c in counts}, ties="exact", sizes=counts)
        bag = select(df, place, label, {c: cut for c, (cut,) in found.items()})
        rare = min(counts, key=counts.__getitem__)
        rows = bag.select(
            F.lit(0).alias(TASK),
            row_hash(bag, roles.identity, plan.seed, f"{plan.purpose}/pilot").alias(PLACE),
            F.array(*prepared.columns(bag)).cast("array<float>").alias("features"),
            (class_text(bag, roles.label) == rare).cast("double").alias("label"),
            F.lit(1.0).alias("weight"),
        )
        [trained] = fit_tasks(rows, LEARNER, tasks=1, seed=plan.seed)
        return trained.model

    def _near(self, df: DataFrame, scored: Callable[[DataFrame], DataFrame], plan: SamplingPlan) -> DataFrame:
        """Return the rare rows, and a few more than the wanted number of common ones: those with small positions.

        A sample shows where the threshold will be, so that the table is scored once.
        """
        common = max(plan.classes, key=lambda c: plan.classes[c].before)
        rows, wanted = plan.classes[common].before, plan.classes[common].after
        order = row_hash(df, plan.identity, plan.seed, f"{plan.purpose}/sample")
        some = df.where((class_text(df, plan.label) == common) & (order <= sample_limit(_SAMPLE, rows)))
        sample = np.array([row[0] for row in scored(some).select(_WEIGHT).collect()] or [FLOOR])
        more = wanted + 6 * (np.sqrt(wanted) + wanted / np.sqrt(len(sample))) + 10
        limit = threshold(sample, min(more / rows, 1.0))
        while True:
            last = min(int(limit * 2**_UNIT), 2**HASH_BITS - 1)
            every = scored(df)
            inside = class_text(every, plan.label) == common
            near = checkpointed(every.where(~inside | (F.col(_POSITION) <= last)))
            if near.where(class_text(near, plan.label) == common).count() >= wanted:
                return near
            limit *= 2


def _weight(score: Column, prior: float) -> Column:
    """Return what `keeping_weights` returns."""
    bounded = F.least(score, F.lit(MOST))
    odds = bounded / (F.lit(1.0) - bounded) * F.lit(prior / (1 - prior))
    return F.greatest(F.sqrt(odds / (odds + 1) / F.lit(prior)), F.lit(FLOOR))


def _udf(score: Any) -> Any:
    """Return a pandas UDF, whose type hints tell Spark its kind."""

    def call(batches: Iterator[pd.DataFrame]) -> Iterator[pd.Series]:
        yield from score(batches)

    return pandas_udf("double")(call)  # type: ignore[call-overload]
