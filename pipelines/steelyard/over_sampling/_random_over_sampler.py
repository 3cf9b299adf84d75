"""Random over-sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark import keyword_only
from pyspark.sql import DataFrame

from steelyard.over_sampling._base import OverSampler
from steelyard.sampling._docs import documented
from steelyard.sampling._plan import ClassPlan, SamplingPlan, Work
from steelyard.sampling._roles import Roles
from steelyard.sampling._strategy import Strategy


@documented
class RandomOverSampler(OverSampler):
    """Repeat rows of some classes until they have exact sizes.

    Every row of a class appears equally often, ⌊after / before⌋ times, and a random share of the rows once more.
    (imbalanced-learn draws the copies with replacement: some rows never, some often, for no gain.) A copy is a real
    row: all its columns, its key and weight included, are repeated, and it isn't marked as synthetic. Probabilities
    learned from the result are corrected in closed form by the change of the class shares.

    Costs one scan of the label, two or three narrow scans where a class doesn't divide evenly, and one pass that
    repeats rows: no shuffle, no crossing into Python.

    Parameters
    ----------
    {columns}
    {over}

    Examples
    --------
    >>> RandomOverSampler(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)  # doctest: +SKIP
    """

    name = "random_over_sampler"
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
        max_new_rows: int | None = None,
    ) -> None:
        super().__init__()
        self._configure()

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        targets = {c: counts[c] + n for c, n in self._new(counts).items()}
        odd = {c: n % counts[c] for c, n in targets.items() if n % counts[c]}
        shares = self._draw(df, roles, odd, counts)
        classes = {}
        for c, before in counts.items():
            after = targets.get(c, before)
            classes[c] = ClassPlan(before, after, times=after // before, again=shares.get(c))
        scans = 2 + (2 if roles.keyed else 3) * bool(odd)
        return self._new_plan(roles, classes=classes, work=Work(scans=scans))
