"""The recipes that are compared, and their order of simplicity. Importing it needs no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from steelyard.config import LOG_LOSS, Recipe, SearchConfig
from steelyard.errors import ConfigError
from steelyard.learning import trainer_class

PLAIN = "xgboost"
"""The name of the plain baseline: XGBoost, nothing resampled, nothing weighted, the threshold tuned."""
KEPT = (20, 100)
"""Negatives for each positive, of the candidates that are under-sampled."""
GUIDED = 20
GUIDED_ROWS = 30_000
"""Rows that guided sampling keeps by default at least."""
_SHARE = 0.5  # of the rows, about, that train the model of a fold
_MODELS = ("logistic_regression", "xgboost", "gradient_boosted_trees", "random_forest", "neural_network")


@dataclass(frozen=True)
class Candidate:
    """A recipe to compare.

    Parameters
    ----------
    name : str
    recipe : Recipe
    eligible : bool, default True
        Whether it may be chosen.
    searched : bool, default False
        Whether it is a combination of a search, which successive halving may end early.
    """

    name: str
    recipe: Recipe
    eligible: bool = True
    searched: bool = False

    @property
    def simplicity(self) -> tuple[int, int]:
        """The place in the order of simplicity: what is done to rows and loss first, then the model."""
        how, method = self.recipe.train, self.recipe.resample.method
        place = _MODELS.index(how.model) if how.model in _MODELS else len(_MODELS)
        if trainer_class(how.model).balances:
            return 5, place
        if method == "guided_under_sampler":
            return 4, place
        if method not in ("none", "random_under_sampler"):
            return 6, place
        if how.loss != LOG_LOSS:
            return 3, place
        if how.class_weight != "none" or how.cost_weights or how.params.get("scale_pos_weight", 1.0) != 1.0:
            return 2, place
        return int(method == "random_under_sampler"), place

    def to_json(self) -> dict[str, Any]:
        """Return JSON types: what `resample` and `train` of a pipeline would hold."""
        return {name: getattr(self.recipe, name).model_dump(mode="json") for name in ("resample", "train")}


def check_metric(metric: str, *, has_costs: bool) -> None:
    """Raise `ConfigError` for a metric of costs where none are given."""
    if metric == "cost" and not has_costs:
        raise ConfigError("compare.metric is cost, which needs data.cost")


def standard_candidates(counts: Mapping[str, int], seed: int = 0) -> list[Candidate]:
    """Return what every comparison holds: plain XGBoost, logistic regression, and what users do today.

    Under-sampling is left out where the table has no more negatives for each positive. Of more than two classes, each
    keeps so many rows for each of the rarest class at most.

    Parameters
    ----------
    counts : mapping of str to int
        Training rows of each class.
    seed : int, default 0
    """
    under = {f"{n}:1": _random(n, counts) for n in KEPT if _ratio(counts) > n}
    return [
        _candidate(PLAIN, seed),
        _candidate("logistic_regression", seed, train={"model": "logistic_regression"}),
        *[_candidate(f"xgboost {name}", seed, resample=how) for name, how in under.items()],
        _candidate("xgboost balanced", seed, train={"class_weight": "balanced"}),
    ]


def more_candidates(counts: Mapping[str, int], *, categories: bool, seed: int = 0) -> list[Candidate]:
    """Return what `auto` adds: guided sampling, balanced bagging, focal loss, and SMOTE for a weak learner.

    Of more than two classes: balanced bagging, and weights between none and balanced ones.
    """
    if len(counts) > 2:
        return [
            _candidate("xgboost sqrt_balanced", seed, train={"class_weight": "sqrt_balanced"}),
            _candidate("balanced bagging", seed, train={"model": "balanced_bagging"}),
        ]
    rows, ratio = sum(counts.values()), _ratio(counts)
    found = [
        _candidate("xgboost focal", seed, train={"loss": {"focal": {"gamma": 2.0}}}),
        _candidate("balanced bagging", seed, train={"model": "balanced_bagging"}),
    ]
    if ratio > GUIDED and rows * _SHARE > GUIDED_ROWS:
        found.insert(0, _candidate(f"xgboost guided {GUIDED}:1", seed, resample=_under("guided_under_sampler", GUIDED)))
    if ratio > 2 and not categories and min(counts.values()) > 10 and rows <= 1_000_000:
        smote = {"method": "smote", "sampling_strategy": 0.5, "missing": "impute"}
        found.append(
            _candidate("logistic_regression smote", seed, resample=smote, train={"model": "logistic_regression"})
        )
    return found


def searched_candidates(space: SearchConfig, counts: Mapping[str, int], seed: int = 0) -> list[Candidate]:
    """Return an XGBoost recipe for each combination of a search's settings, in the order of its lists.

    Where the table has no more negatives for each positive, all are kept.

    Examples
    --------
    >>> space = SearchConfig(max_depth=[3, 6], negatives_per_positive=[20, 500])
    >>> [c.name for c in searched_candidates(space, {"0": 1000, "1": 10})]
    ['xgboost max_depth 3, 20:1', 'xgboost max_depth 3', 'xgboost max_depth 6, 20:1', 'xgboost max_depth 6']
    """
    given = space.given
    return [_searched(dict(zip(given, one, strict=True)), counts, seed) for one in product(*given.values())]


def _searched(one: Mapping[str, Any], counts: Mapping[str, int], seed: int) -> Candidate:
    params = {name: one[name] for name in ("max_depth", "learning_rate") if name in one}
    words, sections = [f"{name} {value:g}" for name, value in params.items()], dict[str, Any]()
    kept, weight = one.get("negatives_per_positive"), one.get("class_weight", "none")
    if kept is not None and kept < _ratio(counts):
        words.append(f"{kept:g}:1")
        sections["resample"] = _random(kept, counts)
    if weight != "none":
        words.append(weight)
    made = _candidate(
        " ".join([PLAIN, ", ".join(words)]).rstrip(), seed, **sections, train={"class_weight": weight, "params": params}
    )
    return replace(made, searched=True)


def _random(kept: float, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return random under-sampling; a ratio is one of two classes."""
    if len(counts) == 2:
        return _under("random_under_sampler", kept)
    most = int(kept * min(counts.values()))
    return {"method": "random_under_sampler", "sampling_strategy": {c: most for c, n in counts.items() if n > most}}


def _under(method: str, kept: float) -> dict[str, Any]:
    return {"method": method, "sampling_strategy": 1 / kept}


def _ratio(counts: Mapping[str, int]) -> float:
    return max(counts.values()) / min(counts.values())


def _candidate(name: str, seed: int, **sections: Mapping[str, Any]) -> Candidate:
    train = {"seed": seed, **sections.pop("train", {})}
    return Candidate(name, Recipe.of({**sections, "train": train}))
