"""What a metric is: its words, its formula, its range, and what it is for the decider "always the majority"."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from steelyard.errors import ConfigError
from steelyard.kernels.arrays import Floats
from steelyard.metrics._counts import ConfusionCounts, CostTotals, Majority, MulticlassCounts

Kind = Literal["counts", "class_counts", "ranking", "loss", "local_loss", "probabilities", "cost"]
Scope = Literal["class", "positive", "split"]

INTERVALS: Mapping[str, tuple[str, ...]] = {
    "counts": ("bootstrap", "proportion"),
    "class_counts": ("bootstrap", "class_mean", "proportion"),
    "ranking": ("bootstrap", "best_threshold", "ranks", "top_k", "unseen_positive"),
    "loss": ("bootstrap",),
    "local_loss": ("bootstrap",),
    "probabilities": ("bootstrap", "debiased"),
    "cost": ("bootstrap", "total"),
}
"""Interval methods by kind of formula."""

_NEEDS = {"counts": "decisions", "class_counts": "decisions", "ranking": "scores", "cost": "costs"}
_SCOPES: Mapping[str, tuple[Scope, ...]] = {
    "counts": ("class", "positive"),
    "ranking": ("class", "positive"),
    "cost": ("positive",),
}
_CELLS = ("tp", "fp", "fn", "tn")
_NAME = re.compile(r"[a-z][a-z0-9_.]*")
_TAKEN = {"n", "support", "absent_classes", "confusion", "per_class", "macro", "weighted", "saved"}
_TAKEN |= {"accuracy_always_majority", "net_benefit"}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric: words for people, formula, interval method, range and baseline.

    Parameters
    ----------
    name : str
        Key in `metrics.json` and in a pipeline YAML: lower-case letters, digits, `_` and `.`.
    label : str
        For tables.
    description : str
        One line, without a full stop.
    kind : str
        What the formula reads, which decides its arguments (arrays; leading axes are buckets, draws or thresholds):

        - ``"counts"``: `value(ConfusionCounts)`, decisions about one class;
        - ``"class_counts"``: `value(MulticlassCounts)`, decisions about all classes;
        - ``"ranking"``: `value(pos, neg)`, row weights of both sides per distinct score, from the highest score;
        - ``"loss"``: `value(score)`, the pair (loss of a positive row, loss of a negative row); with several classes,
          losses of each class against the rest add up;
        - ``"local_loss"``: the same, but with several classes a row has the loss of its own class only;
        - ``"probabilities"``: `value(score, pos, neg)`; with several classes the mean over classes;
        - ``"cost"``: `value(CostTotals)`.
    value : callable
        The formula. It returns an array without the last axis of its arguments (`counts` and `cost`: of their shape).
    scope : {"class", "positive", "split"}, optional
        ``"class"``: of each class, with means over the classes (the default for `counts` and `ranking`);
        ``"positive"``: of the positive class only, which needs two classes; ``"split"``: of all rows.
    interval : str, default "bootstrap"
        Method of the 95 % interval. ``"bootstrap"`` takes the standard error of resampled buckets; for `counts` and
        `class_counts` the interval also contains what the intervals of recall and class shares imply. ``"proportion"``
        is for shares of rows: give `cells`. ``"class_mean"`` is for means over classes. Others serve single metrics.
    cells : tuple of str, default ()
        For a proportion of decisions: the cells (of `tp`, `fp`, `fn`, `tn`) whose rows it is a share of.
    bounds : callable, optional
        Of rankings: `bounds(pos, neg, tied)` gives the least and the greatest value where score ranges hide an order.
        Without it, a value from ranges of scores carries the note "from ranges of scores".
    greater_is_better : bool, default True
    range : tuple of two floats, default (0, 1)
        Finite, or (0, infinity).
    baseline : callable, optional
        `baseline(Majority)` gives the value of "always the majority", None where it has none. By default the formula
        is applied to the decisions, scores and costs of that decider; metrics of probabilities have none.
    headline : bool, default True
        Whether tables show it at first glance.
    maximize : bool, default False
        Whether `decide.threshold: {maximize: NAME}` may choose it. Needs a metric of decisions.

    Raises
    ------
    ConfigError
        For a combination that can't be.

    Examples
    --------
    >>> informedness = Metric(
    ...     name="informedness",
    ...     label="Informedness",
    ...     description="recall + specificity - 1",
    ...     kind="counts",
    ...     value=lambda c: c.recall + c.specificity - 1,
    ...     range=(-1, 1),
    ... )
    >>> informedness.always_majority(Majority(share=0.01, chosen=False, shares=(0.99, 0.01)))
    0.0
    """

    name: str
    label: str
    description: str
    kind: Kind
    value: Callable[..., Any]
    scope: Scope | None = None
    interval: str = "bootstrap"
    cells: tuple[str, ...] = ()
    bounds: Callable[[Floats, Floats, Any], tuple[Any, Any]] | None = None
    greater_is_better: bool = True
    range: tuple[float, float] = (0.0, 1.0)
    baseline: Callable[[Majority], float | None] | None = None
    headline: bool = True
    maximize: bool = False

    def __post_init__(self) -> None:
        if self.kind not in INTERVALS:
            raise ConfigError(f"metric {self.name!r}: kind must be one of {', '.join(INTERVALS)}, got {self.kind!r}")
        scopes = _SCOPES.get(self.kind, ("split",))
        object.__setattr__(self, "scope", self.scope or scopes[0])
        problem = next((words for wrong, words in self._problems(scopes) if wrong), None)
        if problem:
            raise ConfigError(f"metric {self.name!r}: {problem}")

    def _problems(self, scopes: tuple[Scope, ...]) -> list[tuple[bool, str]]:
        low, high = self.range
        bounded = math.isfinite(low) and low < high and (math.isfinite(high) or low == 0)
        methods = INTERVALS[self.kind]
        proportion = self.interval == "proportion" and self.kind == "counts"
        return [
            (not _NAME.fullmatch(self.name), "a name has lower-case letters, digits, '_' and '.' only"),
            (self.name in _TAKEN, "metrics.json holds something else of that name"),
            (self.scope not in scopes, f"scope of kind {self.kind} must be one of {', '.join(scopes)}"),
            (self.interval not in methods, f"interval of kind {self.kind} must be one of {', '.join(methods)}"),
            (not bounded, f"range must be two finite numbers, or 0 and infinity, got {self.range}"),
            (proportion != bool(self.cells), "a proportion of decisions needs cells, and nothing else has them"),
            (not set(self.cells) <= set(_CELLS), f"cells must be of {', '.join(_CELLS)}"),
            (self.bounds is not None and self.kind != "ranking", "only rankings have bounds"),
            (self.maximize and self.needs != "decisions", "a threshold can maximize metrics of decisions only"),
            (self.maximize and not self.greater_is_better, "a threshold cannot maximize what is better when less"),
        ]

    @property
    def needs(self) -> str:
        """What it is computed from: decisions, scores, probabilities or costs."""
        return _NEEDS.get(self.kind, "probabilities")

    @property
    def two_classes_only(self) -> bool:
        """Whether it has no value with more than two classes."""
        return self.scope == "positive"

    def compute(self, *arguments: Any) -> Any:
        """Return what the formula gives, with NaN where it is infinite."""
        with np.errstate(all="ignore"):
            found = self.value(*arguments)
        return found if isinstance(found, tuple) else np.where(np.isfinite(found), found, np.nan)

    def check_formula(self) -> None:
        """Apply the formula to a sample of two draws.

        Raises
        ------
        ConfigError
            If it fails, or its result has the wrong shape: for example if it sums over the draws too.
        """
        arguments, wanted = _sample(self.kind)
        try:
            found = self.compute(*arguments)
        except Exception as error:
            raise ConfigError(f"metric {self.name!r}: its formula failed on a sample: {error}") from error
        shapes = [np.shape(part) for part in (found if isinstance(found, tuple) else (found,))]
        if shapes != wanted:
            raise ConfigError(
                f"metric {self.name!r}: for a sample its formula must return arrays of the shapes {wanted}. "
                f"Got {shapes} instead; it may sum over axis=-1 only"
            )

    def of_decisions(self, counts: ConfusionCounts) -> Floats:
        """Return the values for decisions about two classes; `needs` must be decisions."""
        found: Floats = self.compute(counts.by_class() if self.kind == "class_counts" else counts)
        return found

    def always_majority(self, majority: Majority) -> float | None:
        """Return its value for the decider "always the majority"; None where it has none."""
        if self.baseline is not None:
            return self.baseline(majority)
        found = self._of_majority(majority)
        return None if found is None or math.isnan(found) else float(found)

    def _of_majority(self, majority: Majority) -> float | None:
        if self.kind == "counts":
            return float(self.compute(majority.counts))
        if self.kind == "class_counts":
            return float(self.compute(majority.class_counts))
        if self.kind == "ranking":
            return float(self.compute(np.array([majority.share]), np.array([1.0 - majority.share])))
        return None if self.kind != "cost" or majority.costs is None else float(self.compute(majority.costs))


def _sample(kind: Kind) -> tuple[tuple[Any, ...], list[tuple[int, ...]]]:
    """Return arguments for a formula and the shapes that its result must have."""
    rows = np.array([[3.0, 1.0, 2.0, 5.0], [2.0, 2.0, 1.0, 4.0]])
    score = np.array([0.9, 0.6, 0.3, 0.1])
    samples: dict[Kind, tuple[tuple[Any, ...], list[tuple[int, ...]]]] = {
        "counts": ((ConfusionCounts(rows, rows, rows, rows),), [rows.shape]),
        "class_counts": ((MulticlassCounts(rows, rows + 1, rows + 1),), [(2,)]),
        "ranking": ((rows, rows[::-1]), [(2,)]),
        "probabilities": ((score, rows, rows[::-1]), [(2,)]),
        "cost": ((CostTotals(rows, rows, 2 * rows, 2 * rows, rows),), [rows.shape]),
    }
    return samples.get(kind, ((score,), [score.shape, score.shape]))
