"""Random under-sampling."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from steelyard.params import Parameter, column, only_false, param
from steelyard.sampling.base import Sampler
from steelyard.sampling.plan import ClassPlan, SamplingPlan, Work
from steelyard.sampling.roles import Roles


class RandomUnderSampler(Sampler):
    """Keep a random sample of some classes, of exact size.

    Rows are kept by a hash of their identity, so the sample does not depend on partitions or on the order of rows, and
    a smaller sample is a subset of a larger one. Probabilities of a model trained on the result are corrected in closed
    form by the change of the class shares [1]_.

    Costs one scan of the label and one of key and label (without a key, of all columns, and one more if rows repeat).
    The result is a filter on the table: no shuffle, no crossing into Python.

    References
    ----------
    .. [1] Dal Pozzolo, Caelen, Johnson, Bontempi, "Calibrating probability with undersampling for unbalanced
       classification", IEEE SSCI, 2015.

    Examples
    --------
    >>> resampled = RandomUnderSampler(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "random_under_sampler"
    sampling_type = "under-sampling"
    effect = "random_under"

    replacement: Parameter[bool] = param(
        "whether rows are drawn with replacement; only false is supported",
        only_false("samples are drawn without replacement"),
        default=False,
    )
    weight_output_col: Parameter[str | None] = param(
        "column that gets the row's weight (weight_col, else 1) times rows before over rows after of its class: with "
        "these weights the sample stands for the whole table",
        column,
        default=None,
    )

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        output = self.getOrDefault("weight_output_col")
        targets = {c: n for c, n in self._targets(counts).items() if n < counts[c]}
        shares = self._draw(df, roles, targets, counts)
        classes = {c: ClassPlan(n, targets.get(c, n), shares.get(c, "all")) for c, n in counts.items()}
        work = Work(scans=2 + (1 if roles.keyed else 2) * bool(targets))
        return self._new_plan(roles, classes=classes, weight_output=output, work=work)
