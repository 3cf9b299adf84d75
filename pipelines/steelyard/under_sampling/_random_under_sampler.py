"""Random under-sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.errors import InputError
from steelyard.params import column, param
from steelyard.sampling._base import Sampler
from steelyard.sampling._docs import documented
from steelyard.sampling._plan import ClassPlan, SamplingPlan, Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._strategy import Strategy


def _without(name: str, value: object) -> bool:
    if value is not False:
        raise InputError(f"{name} must be false: samples are drawn without replacement. Got {value!r} instead.")
    return False


@documented
class RandomUnderSampler(Sampler):
    """Keep a random sample of some classes, of exact size.

    Rows are kept by a hash of their identity, so which ones doesn't depend on partitions or on the order of rows,
    and a smaller sample is part of a larger one. Probabilities that a model learns from the result are corrected in
    closed form by the change of the class shares [1]_.

    Costs three narrow scans of key and label (with no key, one of all columns more, two where rows repeat). The
    result is a filter on the table: no shuffle, no crossing into Python.

    Parameters
    ----------
    label_col : str, default "label"
    features_col : str or list of str, optional
        Not read.
    key_col : str or list of str, optional
        What identifies a row; its content by default. Counts are exact also where a key repeats: its rows are then
        told apart by the rest of them. Samples are drawn by key, so give one that is unique or nearly so, not a
        customer.
    group_col, time_col, weight_col, cost_cols : optional
        Carried along.
    {under}
    replacement : bool, default False
        Known from imbalanced-learn, and False here: a row that is drawn twice says nothing that another row of the
        class wouldn't say better.
    weight_output_col : str, optional
        Column that gets the row's weight (`weight_col`, else 1) times rows before over rows after of its class: with
        these weights the sample stands for the whole table.

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

    replacement = param("replacement", "whether rows are drawn with replacement; only false is supported", _without)
    weight_output_col = param("weight_output_col", "column that gets weights which undo the sampling", column)

    @keyword_only
    def __init__(
        self,
        *,
        label_col: str = "label",
        features_col: str | Sequence[str] | None = None,
        key_col: str | Sequence[str] | None = None,
        group_col: str | None = None,
        time_col: str | None = None,
        weight_col: str | None = None,
        cost_cols: str | Sequence[str] | None = None,
        sampling_strategy: Strategy = "auto",
        random_state: int = 0,
        replacement: bool = False,
        weight_output_col: str | None = None,
    ) -> None:
        super().__init__()
        self._configure()

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        output = self.getOrDefault("weight_output_col")
        targets = {c: n for c, n in self._targets(counts).items() if n < counts[c]}
        shares = self._draw(df, roles, targets, counts)
        classes = {c: ClassPlan(n, targets.get(c, n), shares.get(c, "all")) for c, n in counts.items()}
        work = Work(scans=2 + (2 if roles.keyed else 3) * bool(targets))
        return self._new_plan(roles, classes=classes, weight_output=output, work=work)
