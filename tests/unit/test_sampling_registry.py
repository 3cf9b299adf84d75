"""Samplers by name, and their parameters, without a Spark session."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from steelyard.dataset import Cost, Dataset
from steelyard.errors import ConfigError, InputError
from steelyard.params import Parameter, at_least_zero, param, parameters, public_path
from steelyard.sampling import check_sampler, get_sampler, sampler_class, sampler_for, sampler_names, sampler_schema
from steelyard.sampling.registry import SAMPLERS


@pytest.mark.parametrize("name", sampler_names())
def test_each_sampler_is_where_the_registry_says(name: str) -> None:
    cls = sampler_class(name)
    assert cls.name == name
    assert public_path(cls) == SAMPLERS[name]
    assert cls.__doc__ and "Costs" in cls.__doc__


@pytest.mark.parametrize("name", sampler_names())
def test_constructor_arguments_are_the_parameters(name: str) -> None:
    sampler = sampler_class(name)()
    arguments = inspect.signature(type(sampler)).parameters
    assert sorted(arguments) == [p.name for p in sampler.params]
    assert all(p.kind is p.KEYWORD_ONLY for p in arguments.values())
    assert {n: p.default for n, p in arguments.items()} == {p.name: sampler.getOrDefault(p) for p in sampler.params}
    assert sampler.getOrDefault("random_state") == 0


@pytest.mark.parametrize("name", sampler_names())
def test_help_shows_each_parameter_with_its_default(name: str) -> None:
    cls = sampler_class(name)
    text = cls.__doc__ or ""
    assert "{" not in text.split("Parameters")[0]
    for parameter, of in inspect.signature(cls).parameters.items():
        default = f'"{of.default}"' if isinstance(of.default, str) else of.default
        assert f"\n{parameter} : {of.annotation}, default {default}\n    " in text
    assert text.index("Parameters\n") < text.index("Examples\n") if "Examples\n" in text else True


def test_a_declared_parameter_is_a_constructor_argument() -> None:
    class Mine(sampler_class("random_under_sampler")):  # type: ignore[misc]
        """Keeps rows."""

        share: Parameter[float] = param("share of something", at_least_zero, default=0.5)

    assert Mine(share=1).getOrDefault("share") == 1.0 and Mine().share.name == "share"
    assert str(inspect.signature(Mine).parameters["share"]) == "share: 'float' = 0.5"
    assert (
        'label_col : str, default "label"' in Mine.__doc__
        and "share : float, default 0.5\n    Share of" in Mine.__doc__
    )
    with pytest.raises(InputError, match="share must be a number, 0 or more. Got -1"):
        Mine(share=-1)
    with pytest.raises(InputError, match="share must have a value, and got None"):
        Mine(share=None)
    with pytest.raises(TypeError, match="Mine has no parameter 'shard'.*Did you mean 'share'"):
        Mine(shard=1)
    mine = Mine()
    assert mine.copy({mine.share: 2}).getOrDefault("share") == 2.0 and mine.getOrDefault("share") == 0.5


def test_a_constructor_of_ones_own_is_kept() -> None:
    class Wrapper(sampler_class("random_under_sampler")):  # type: ignore[misc]
        def __init__(self, inner: object, **given: Any) -> None:
            super().__init__(**given)
            self.inner = inner

    class Further(Wrapper):
        """Has the constructor of its base."""

    made = Further(3, random_state=5)
    assert made.inner == 3 and made.getOrDefault("random_state") == 5
    assert list(inspect.signature(Further).parameters) == ["inner", "given"]


@pytest.mark.parametrize("name", sampler_names())
def test_the_schema_accepts_what_the_checks_accept(name: str) -> None:
    """Of each parameter: its default and some values of every type."""
    tried = [
        None,
        True,
        False,
        -1,
        0,
        1,
        2,
        3,
        0.5,
        1.5,
        20_000,
        2**63,
        "",
        "auto",
        "all",
        "standard",
        "x",
        [],
        ["0"],
        {},
    ]
    declared = parameters(sampler_class(name))
    for parameter, schema in sampler_schema(name).items():
        valid = Draft202012Validator(schema).is_valid
        for value in (*tried, schema["default"]):
            accepted = value is not None or declared[parameter].default is None
            if value is not None:
                try:
                    declared[parameter].check(parameter, value)
                except InputError:
                    accepted = False
            assert valid(value) == accepted, (parameter, value)


WRONG: list[tuple[str, Any]] = [
    ("label_col", 3),
    ("features_col", []),
    ("features_col", ["a", "a"]),
    ("key_col", [1]),
    ("cost_cols", {"a": 1}),
    ("sampling_strategy", "autos"),
    ("sampling_strategy", 0),
    ("random_state", None.__class__),
    ("random_state", 1.5),
    ("random_state", 2**63),
    ("k_neighbors", 0),
    ("k_neighbors", True),
    ("k_neighbors", "5"),
    ("distinct_neighbors", 1),
    ("scale", "standart"),
    ("provenance", "yes"),
    ("block_mb", 0),
]


@pytest.mark.parametrize(("param", "value"), WRONG)
def test_values_that_cannot_be_are_refused_in_one_manner(param: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=r"must be.*Got .* instead|without repetition") as failure:
        get_sampler("smote", **{param: value})
    assert param in str(failure.value) and "smote" in str(failure.value)


def test_what_a_sampler_cannot_obey_is_refused_and_not_ignored() -> None:
    get_sampler("random_under_sampler", replacement=True)
    get_sampler("kmeans_smote", provenance=False)
    with pytest.raises(ConfigError, match="provenance must be false.*True instead"):
        get_sampler("kmeans_smote", provenance=True)


def test_the_nearest_name_is_named() -> None:
    with pytest.raises(ConfigError, match="no sampler 'smotee'.*Did you mean 'smote'.*random_over_sampler"):
        check_sampler("smotee", {})
    with pytest.raises(ConfigError, match="no parameter 'k_neighbours'.*Did you mean 'k_neighbors'"):
        check_sampler("smote", {"k_neighbours": 5})
    with pytest.raises(ConfigError, match="scale.*'standard'.*'standart'"):
        check_sampler("smote", {"scale": "standart"})


def test_a_pipeline_names_its_columns_elsewhere() -> None:
    with pytest.raises(ConfigError, match="resample.label_col.*under data"):
        check_sampler("smote", {"label_col": "y"})
    check_sampler("smote", {"k_neighbors": 3, "sampling_strategy": 0.1})
    check_sampler("none", {})


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="keyword"):
        sampler_class("smote")("auto")  # type: ignore[call-arg]


def test_the_roles_of_a_table_become_columns() -> None:
    data = Dataset("y", ("a", "b"), key=("id",), group="g", time="t", weight="w", cost=Cost("a", 2.0))
    sampler = sampler_for(data, "smote", {"k_neighbors": 3})
    values = {p.name: sampler.getOrDefault(p) for p in sampler.params}
    assert values["label_col"] == "y" and values["features_col"] == ["a", "b"] and values["key_col"] == ["id"]
    assert (values["group_col"], values["time_col"], values["weight_col"], values["cost_cols"]) == (
        "g",
        "t",
        "w",
        ["a"],
    )
    assert values["scale"] == "standard" and values["k_neighbors"] == 3
    assert sampler_for(data, "smote", {"scale": "none"}).getOrDefault("scale") == "none"
    assert sampler_for(Dataset("y", ("a",)), "random_under_sampler", {}).getOrDefault("key_col") is None


def test_parameters_are_checked_on_a_grid_too() -> None:
    sampler = get_sampler("smote")
    with pytest.raises(InputError, match="k_neighbors must be"):
        sampler.copy({sampler.getParam("k_neighbors"): 0})
