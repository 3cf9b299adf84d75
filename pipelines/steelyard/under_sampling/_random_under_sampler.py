"""Random under-sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame

from steelyard.hashing import Cut
from steelyard.params import Parameter, column, flag, param
from steelyard.sampling.base import Sampler
from steelyard.sampling.plan import ClassPlan, SamplingPlan, Work
from steelyard.sampling.replacement import find_draws
from steelyard.sampling.roles import Roles


class RandomUnderSampler(Sampler):
    """Keep a random sample of some classes, of exact size.

    Rows are kept by a hash of their identity, so the sample does not depend on partitions or on the order of rows, and
    a smaller sample is a subset of a larger one. With replacement, counts are exact too, and how often a row is drawn
    follows from its hash. Probabilities of a model trained on the result are corrected in closed
    form by the change of the class shares [1]_.

    Costs one scan of the label and one of key and label (without a key, of all columns, and one more if rows repeat).
    The result is a filter on the table: no shuffle, no crossing into Python. Draws with replacement cost one or two
    more scans, and without a key two shuffles: equal rows are numbered, so that each is drawn by itself.

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

    replacement: Parameter[bool] = param("whether rows are drawn with replacement", flag, default=False)
    weight_output_col: Parameter[str | None] = param(
        "column that gets the row's weight (weight_col, else 1) times rows before over rows after of its class: with "
        "these weights the sample stands for the whole table",
        column,
        default=None,
    )

    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        output, again = self.getOrDefault("weight_output_col"), self.getOrDefault("replacement")
        targets = self._smaller(counts)
        shares, replacement = (self._draw_again if again else self._draw_once)(df, roles, targets, counts)
        classes = {c: ClassPlan(n, targets.get(c, n), shares.get(c, "all")) for c, n in counts.items()}
        numbered = bool(replacement and replacement["numbered"])
        looks = (3 if again else 1 if roles.keyed else 2) * bool(targets)
        work = Work(scans=2 + looks, shuffles=2 * numbered)
        return self._new_plan(roles, classes=classes, weight_output=output, work=work, replacement=replacement)

    def _smaller(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return the rows of each class that does not keep all of its own."""
        again = self.getOrDefault("replacement")
        return {c: n for c, n in self._targets(counts).items() if again or n < counts[c]}

    def _to_draw(self, counts: Mapping[str, int]) -> dict[str, int] | None:
        return None if self.getOrDefault("replacement") else self._smaller(counts)

    def _draw_once(self, *of: Any) -> tuple[dict[str, Cut], None]:
        return self._draw(*of), None

    def _draw_again(
        self, df: DataFrame, roles: Roles, targets: Mapping[str, int], counts: Mapping[str, int]
    ) -> tuple[dict[str, Cut], dict[str, Any] | None]:
        """Return the cuts of draws with replacement, and what repeats them."""
        if not targets:
            return {}, None
        found = find_draws(df, roles, f"resample/{self.name}", self.getOrDefault("random_state"), counts, targets)
        cuts = dict(zip(targets, (cut for [cut] in found.cuts.values()), strict=True))
        return cuts, {"slack": found.slack, "numbered": not roles.keyed}
