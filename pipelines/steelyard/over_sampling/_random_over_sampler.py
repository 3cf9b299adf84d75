"""Random over-sampling."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame

from steelyard.errors import InputError
from steelyard.kernels.geometric import bandwidth
from steelyard.labels import by_class
from steelyard.over_sampling._points import alone, with_points
from steelyard.over_sampling.base import SynthesisContext, SyntheticSampler
from steelyard.params import Check, Parameter, at_least_zero, number, param
from steelyard.sampling.features import Features
from steelyard.sampling.plan import ClassPlan, Resampling, SamplingPlan, Work
from steelyard.sampling.roles import Roles
from steelyard.sampling.statistics import class_samples, spread

_BY_CLASS = {"type": "object", "additionalProperties": at_least_zero.schema}


def _shrinkage(name: str, value: object) -> float | dict[str, float]:
    check = number(0, sys.float_info.max, "a number, 0 or more, or a map of class to such a number")
    if isinstance(value, Mapping):
        return {c: check(name, v) for c, v in by_class(value).items()}
    return check(name, value)


class RandomOverSampler(SyntheticSampler):
    """Repeat rows of some classes until they have exact sizes.

    Every row of a class is repeated equally often, ⌊after / before⌋ times, and a random subset once more.
    (imbalanced-learn draws with replacement, so some rows are never drawn and some often, without a benefit.) A copy is
    a real row: all its columns, its key and weight included, are repeated, and it is not marked as synthetic.
    Probabilities of a model trained on the result are corrected in closed form by the change of the class shares.

    With `shrinkage` it is the smoothed bootstrap [1]_: each new row is a row of the class, moved by a normal step whose
    deviation is `shrinkage` times that of the class times a factor that decreases with its number of rows. New rows are
    then synthetic, their categories are the copied row's, and values outside the class's range are clipped. Features
    must not have missing values unless `missing` is "impute".

    Costs one scan of the label, one or two narrow scans if a class does not divide evenly, and one pass that repeats
    rows: no shuffle, no crossing into Python. With `shrinkage`: five scans of the table (label; features; a sample of
    each class; the range of each class; rows), and for the copied rows one shuffle for their ids and one crossing; one
    more scan and one more shuffle of ids if the new rows do not divide evenly.

    References
    ----------
    .. [1] Menardi, Torelli, "Training and assessing classification rules with imbalanced data", Data Mining and
       Knowledge Discovery 28, 2014.

    Examples
    --------
    >>> resampled = RandomOverSampler(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "random_over_sampler"
    effect = "random_over"
    numeric = False

    shrinkage: Parameter[float | Mapping[Any, float] | None] = param(
        "how far new rows are moved, from 0 on, in all classes or by class; 1 is the kernel estimate's width. By "
        "default rows are repeated as they are, and categorical_features, missing and provenance are not read. Classes "
        "that a map doesn't name are moved by 0",
        Check(_shrinkage, {"anyOf": [at_least_zero.schema, _BY_CLASS]}),
        default=None,
    )

    @property
    def makes_rows(self) -> bool:
        """Whether there are synthetic rows in its results."""
        return self.getOrDefault("shrinkage") is not None

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return how often rows of each class are repeated, or how many new ones there are to be. Makes no rows."""
        return super().plan(df) if self.makes_rows else self._repeated(df, *self._looked_at(df))

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan, and with `shrinkage` the new rows."""
        return super().resample(df) if self.makes_rows else Resampling(self.plan(df))

    def _repeated(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        if self.getOrDefault("provenance"):
            raise InputError("provenance describes new rows, but without shrinkage rows are only repeated")
        targets, odd = self._repeats(counts)
        shares = self._draw(df, roles, odd, counts)
        classes = {}
        for c, before in counts.items():
            after = targets.get(c, before)
            classes[c] = ClassPlan(before, after, times=after // before, again=shares.get(c))
        scans = 2 + (1 if roles.keyed else 2) * bool(odd)
        return self._new_plan(roles, classes=classes, work=Work(scans=scans))

    def _repeats(self, counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
        """Return the rows of each class that grows, and how many of its rows are repeated once more than others."""
        targets = {c: counts[c] + n for c, n in self._new(counts).items()}
        return targets, {c: n % counts[c] for c, n in targets.items() if n % counts[c]}

    def _to_draw(self, counts: Mapping[str, int]) -> dict[str, int] | None:
        return None if self.makes_rows else self._repeats(counts)[1]

    def _seeded(self, context: SynthesisContext) -> SynthesisContext:
        context = super()._seeded(context)
        return replace(context, plan=replace(context.plan, effect="bends"))

    def _pairs(self, context: SynthesisContext) -> DataFrame:
        return with_points(context, alone(context), "jittered", spreads=self._spreads(context))

    def _spreads(self, context: SynthesisContext) -> dict[str, list[float]]:
        """Return the deviation of the step in each number, by class."""
        asked, roles, space = self.getOrDefault("shrinkage"), context.roles, context.space
        of_class = {c: float(asked.get(c, 0.0) if isinstance(asked, Mapping) else asked) for c in context.new}
        rows = {c: context.counts[c] for c in context.new}
        numbers = Features(space.features.numbers)
        samples = class_samples(context.table, roles.identity, roles.label, numbers, space.widths, rows)
        found = {c: spread(s.numbers, s.counts, "standard", constant=0.0) for c, s in samples.items()}
        factors = {c: of_class[c] * bandwidth(rows[c], space.n_numbers) for c in context.new}
        return {c: (found[c] * factors[c]).tolist() for c in context.new}

    def _work(self, context: SynthesisContext) -> Work:
        drawn = any(s.again for s in context.seeds.values())
        shuffles = 1 + drawn + context.plan.provenance
        return Work(scans=6 + drawn + context.space.scans, shuffles=shuffles, python=1)
