"""Samplers by name. Needs no Spark session, and loads a sampler only when it is asked for.

Other packages add samplers by entry points of the group `steelyard.samplers`, or a YAML names a class by its path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import ConfigError, InputError, closest
from steelyard.extensions import SAMPLERS as GROUP
from steelyard.extensions import find_class, known_names

if TYPE_CHECKING:
    from steelyard.dataset import Dataset
    from steelyard.sampling.base import Sampler

SAMPLERS = {
    "adasyn": "steelyard.over_sampling.ADASYN",
    "all_knn": "steelyard.under_sampling.AllKNN",
    "borderline_smote": "steelyard.over_sampling.BorderlineSMOTE",
    "cluster_centroids": "steelyard.under_sampling.ClusterCentroids",
    "condensed_nearest_neighbour": "steelyard.under_sampling.CondensedNearestNeighbour",
    "edited_nearest_neighbours": "steelyard.under_sampling.EditedNearestNeighbours",
    "geometric_smote": "steelyard.over_sampling.GeometricSMOTE",
    "guided_under_sampler": "steelyard.learning.GuidedUnderSampler",
    "instance_hardness_threshold": "steelyard.under_sampling.InstanceHardnessThreshold",
    "kmeans_smote": "steelyard.over_sampling.KMeansSMOTE",
    "near_miss": "steelyard.under_sampling.NearMiss",
    "neighbourhood_cleaning_rule": "steelyard.under_sampling.NeighbourhoodCleaningRule",
    "none": "steelyard.sampling.NoResampling",
    "one_sided_selection": "steelyard.under_sampling.OneSidedSelection",
    "polynom_fit_smote": "steelyard.over_sampling.PolynomFitSMOTE",
    "random_over_sampler": "steelyard.over_sampling.RandomOverSampler",
    "random_under_sampler": "steelyard.under_sampling.RandomUnderSampler",
    "repeated_edited_nearest_neighbours": "steelyard.under_sampling.RepeatedEditedNearestNeighbours",
    "smote": "steelyard.over_sampling.SMOTE",
    "smote_tomek": "steelyard.combine.SMOTETomek",
    "smoteenn": "steelyard.combine.SMOTEENN",
    "smoten": "steelyard.over_sampling.SMOTEN",
    "smotenc": "steelyard.over_sampling.SMOTENC",
    "svmsmote": "steelyard.over_sampling.SVMSMOTE",
    "tomek_links": "steelyard.under_sampling.TomekLinks",
}
"""Paths of the samplers' classes, by name."""


def sampler_names() -> list[str]:
    """Return the names of all samplers, those of installed packages too."""
    return known_names(SAMPLERS, GROUP)


def sampler_class(name: str) -> type[Sampler]:
    """Return the class of a sampler.

    Parameters
    ----------
    name : str
        Of a sampler of steelyard, of an entry point in the group `steelyard.samplers`, or `package.module.Name`.

    Raises
    ------
    ConfigError
        If there is none of that name; the message names the nearest one.
    """
    from steelyard.sampling.base import Sampler

    return find_class(name, SAMPLERS, GROUP, "resample.method", Sampler)  # type: ignore[type-abstract]


def get_sampler(name: str, **params: Any) -> Sampler:
    """Return a sampler with some parameters set.

    Raises
    ------
    ConfigError
        For an unknown name or parameter, with the nearest one that exists, and for an invalid value.

    Examples
    --------
    >>> get_sampler("smote", k_neighbors=3).getOrDefault("k_neighbors")
    3
    """
    cls = sampler_class(name)
    try:
        known = {p.name for p in cls().params}
        for param in params:
            if param not in known:
                raise InputError(f"no parameter {param!r}.{closest(param, known)} It has: {', '.join(sorted(known))}")
        return cls(**params)
    except (InputError, TypeError) as error:
        raise ConfigError(f"sampler {name!r}: {error}") from None


def check_sampler(name: str, params: Mapping[str, Any]) -> None:
    """Check a pipeline's sampler without a Spark session.

    Raises
    ------
    ConfigError
        As `get_sampler`, and for columns: a pipeline says under `data` what its columns are.
    """
    from steelyard.sampling.params import HasColumns

    for param in params:
        if hasattr(HasColumns, param):
            raise ConfigError(f"resample.{param}: a pipeline names its columns under data, not here")
    get_sampler(name, **params)


IN_PIPELINES = {"scale": "standard"}
"""Defaults in pipelines and commands that differ from the classes' own."""


def sampler_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of each parameter of a sampler in pipelines, by name."""
    from steelyard.params import parameters
    from steelyard.sampling.params import HasColumns

    declared = {n: p.schema() for n, p in parameters(sampler_class(name)).items() if not hasattr(HasColumns, n)}
    return {n: {**of, "default": IN_PIPELINES.get(n, of["default"])} for n, of in declared.items()}


def sampler_for(dataset: Dataset, name: str, params: Mapping[str, Any]) -> Sampler:
    """Return a sampler for a table whose columns' roles are known.

    Features are scaled by their standard deviation in distances, unless `params` give another scale: the units of a
    table are arbitrary.

    Parameters
    ----------
    dataset : Dataset
    name : str
    params : mapping
        The sampler's own parameters.
    """
    roles = {
        "label_col": dataset.label,
        "features_col": list(dataset.features),
        "key_col": list(dataset.key) or None,
        "group_col": dataset.group,
        "time_col": dataset.time,
        "weight_col": dataset.weight,
        "cost_cols": list(dataset.cost.columns) or None,
    }
    seen: dict[str, Any] = {**IN_PIPELINES, "categorical_features": list(dataset.categorical)}
    cls = sampler_class(name)
    sampler = get_sampler(name, **{**roles, **{n: v for n, v in seen.items() if hasattr(cls, n)}, **params})
    return sampler.within(dataset.domain) if dataset.domain else sampler
