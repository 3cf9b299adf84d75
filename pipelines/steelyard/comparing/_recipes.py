"""The candidates of a pipeline: what its sections `resample`, `train` and `compare` ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from steelyard.comparing._candidates import (
    PLAIN,
    Candidate,
    more_candidates,
    searched_candidates,
    standard_candidates,
)
from steelyard.config import AUTO, CompareConfig, Recipe
from steelyard.errors import ConfigError
from steelyard.learning import trainer_class

OWN = "pipeline"
"""The name of the pipeline's own recipe, where no other candidate is the same."""


def candidates_of(
    recipe: Recipe, wanted: CompareConfig, counts: Mapping[str, int], *, categories: bool
) -> list[Candidate]:
    """Return the candidates of a pipeline, without two of the same recipe.

    With both `resample.method` and `train.model` auto, each may be chosen. With one of them, its candidates are the
    alternatives to the other section as it is given, and all others inform only. With neither, the pipeline's own
    recipe is the only one that may be chosen. Searched recipes may be chosen where the model is auto.

    Parameters
    ----------
    recipe : Recipe
        The pipeline's own.
    wanted : CompareConfig
    counts : mapping of str to int
        Training rows of each class.
    categories : bool
        Whether some features are categories.
    """
    found = standard_candidates(counts, recipe.train.seed)
    searched = [] if wanted.search is None else searched_candidates(wanted.search, counts, recipe.train.seed)
    if wanted.candidates == AUTO:
        found += more_candidates(counts, categories=categories, seed=recipe.train.seed)
    else:
        named = wanted.given.items()
        check_names(wanted)
        found += [Candidate(name, Recipe(resample=of.resample, train=of.train)) for name, of in named]
    follows = recipe.resample.method == AUTO, recipe.train.model == AUTO
    if all(follows):
        return _distinct([*found, *searched])
    others = [replace(c, eligible=False) for c in found]
    if follows[1]:
        return _distinct([*others, *_trained([*found, *searched], recipe)])
    others += [replace(c, eligible=False) for c in searched]
    own = [Candidate(OWN, Recipe(resample=recipe.resample, train=recipe.train))]
    return _distinct([*others, *(_resampled(found, recipe) if follows[0] else own)])


def _resampled(found: list[Candidate], recipe: Recipe) -> list[Candidate]:
    """Return the pipeline's training on rows that each candidate's sampler gives."""
    of = trainer_class(recipe.train.model)
    methods = {"none"} if of.balances else {c.recipe.resample.method for c in found}
    if not of.gains_from_balance:
        methods.discard("smote")
    return [
        Candidate(_renamed(c.name), Recipe(resample=c.recipe.resample, train=recipe.train))
        for c in found
        if c.recipe.resample.method in methods
    ]


def _trained(found: list[Candidate], recipe: Recipe) -> list[Candidate]:
    """Return each candidate's training on rows that the pipeline's sampler gives; ensembles draw from all rows."""
    section = recipe.resample
    return [
        replace(
            c,
            name=c.name if section.method == "none" else f"{c.name}, {OWN}",
            recipe=Recipe(resample=section, train=c.recipe.train),
        )
        for c in found
        if c.recipe.resample.method == "none"
        and not (section.method != "none" and trainer_class(c.recipe.train.model).balances)
    ]


def _renamed(name: str) -> str:
    for model in ("logistic_regression", PLAIN):
        if name == model or name.startswith(f"{model} "):
            return OWN + name.removeprefix(model)
    return f"{name}, {OWN}"


def check_names(wanted: CompareConfig) -> None:
    """Raise `ConfigError` for a named candidate whose name another one has, on some tables at least."""
    many = {"": 1, "more": 1_000_000_000}  # more negatives for each positive than any candidate keeps
    others = [*standard_candidates(many), *(searched_candidates(wanted.search, many) if wanted.search else ())]
    for name in sorted({OWN, *(c.name for c in others)} & set(wanted.given)):
        raise ConfigError(f"compare.candidates.{name}: the comparison has a candidate of this name; give another one")


def _distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Return candidates without repeated recipes: the first name, and whether any of them may be chosen."""
    found: dict[str, Candidate] = {}
    for one in candidates:
        key = str(one.to_json())
        known = found.get(key, one)
        eligible, searched = known.eligible or one.eligible, known.searched and one.searched
        found[key] = replace(known, eligible=eligible, searched=searched)
    return list(found.values())
