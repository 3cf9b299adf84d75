"""Random over-sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.sampling._base import Sampler
from steelyard.sampling._plan import ClassPlan, SamplingPlan, Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._strategy import Strategy


class RandomOverSampler(Sampler):
    """Repeat rows of some classes until they have exact sizes.

    Every row of a class appears equally often, ⌊after / before⌋ times, and a random share of the rows once more.
    (imbalanced-learn draws the copies with replacement: some rows never, some often, for no gain.) A copy is a real
    row: all its columns, its key and weight included, are repeated, and it isn't marked as synthetic. Probabilities
    learned from the result are corrected in closed form by the change of the class shares.

    Costs one scan of the label, two or three narrow scans where a class doesn't divide evenly, and one pass that
    repeats rows: no shuffle, no crossing into Python.

    Parameters
    ----------
    label_col : str, default "label"
    features_col : str or list of str, optional
        Not read.
    key_col : str or list of str, optional
        What identifies a row; its content by default.
    group_col, time_col, weight_col, cost_cols : optional
        Carried along.
    sampling_strategy : float, str, dict or callable, default "auto"
        A ratio of the rarest class to the other afterwards; ``"auto"`` (``"not majority"``), ``"minority"``, ``"not
        minority"``, ``"all"``: classes brought to the size of the largest; class → count; or a function of the counts.
    random_state : int, default 0

    Examples
    --------
    >>> RandomOverSampler(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)  # doctest: +SKIP
    """

    name = "random_over_sampler"
    kind = "over-sampling"
    effect = "random_over"

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
    ) -> None:
        super().__init__()
        self._configure()

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        targets = self._targets(counts)
        odd = {c: n % counts[c] for c, n in targets.items() if n % counts[c]}
        shares = self._draw(df, roles, odd, counts)
        classes = {}
        for c, before in counts.items():
            after = targets.get(c, before)
            classes[c] = ClassPlan(before, after, times=after // before, again=shares.get(c))
        scans = 2 + (2 if roles.keyed else 3) * bool(odd)
        return self._new_plan(roles, classes=classes, work=Work(scans=scans))
