"""The roles of a table's columns for a sampler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from steelyard.columns import check_names, dtype, require_columns, same_name
from steelyard.domain import Domain
from steelyard.errors import InputError
from steelyard.sampling.applying import IS_SYNTHETIC


@dataclass(frozen=True)
class Roles:
    """Column names, all of them in the table.

    Parameters
    ----------
    label : str
    features : tuple of str
    identity : tuple of str
        The key, else the content.
    keyed : bool
        Whether there is a key.
    group, time, weight : str, optional
    costs : tuple of str
    domain : mapping of str to ColumnDomain
        Of features.
    """

    label: str
    features: tuple[str, ...]
    identity: tuple[str, ...]
    keyed: bool = False
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    costs: tuple[str, ...] = ()
    domain: Domain = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; an empty domain is left out."""
        columns = {n: list(v) if isinstance(v, tuple) else v for n, v in vars(self).items() if n != "domain"}
        return columns | ({"domain": {n: of.to_json() for n, of in self.domain.items()}} if self.domain else {})


def check_flag(df: DataFrame, roles: Mapping[str, Iterable[str]]) -> None:
    """Check an existing column `is_synthetic`, which resampling keeps and extends.

    Parameters
    ----------
    df : DataFrame
    roles : mapping of str to iterable of str
        Names of roles, and their columns.

    Raises
    ------
    InputError
        If it is not boolean, is written in another case, or has another role.
    """
    for name in df.columns:
        if same_name(name) != IS_SYNTHETIC:
            continue
        kind = dtype(df, name)
        if name != IS_SYNTHETIC or not isinstance(kind, T.BooleanType):
            raise InputError(
                f"column {name!r} is of type {kind.simpleString()}; resampling marks new rows in a boolean column "
                f"{IS_SYNTHETIC!r}: rename it or make it one"
            )
        for role, names in roles.items():
            if name in names:
                raise InputError(f"{role} is {name!r}, in which resampling marks new rows; rename the column")


def find_roles(df: DataFrame, columns: Mapping[str, Any]) -> Roles:
    """Resolve column parameters against a table.

    Parameters
    ----------
    df : DataFrame
    columns : mapping
        The values of `HasColumns`' parameters, by their names.

    Raises
    ------
    InputError
        For refused names (see `check_names`), missing columns, a label among the features, and an `is_synthetic` that
        is not boolean.
    """
    check_names(df.columns)
    named = {name: [value] if isinstance(value, str) else value or [] for name, value in columns.items()}
    for name, values in named.items():
        require_columns(df, values, name)
    check_flag(df, named)
    label, key = columns["label_col"], columns["key_col"] or []
    content = [c for c in df.columns if c not in {label, IS_SYNTHETIC}]
    apart = {*key, *(columns[f"{role}_col"] for role in ("group", "time", "weight"))}
    features = columns["features_col"] or [c for c in content if c not in apart]
    if label in features:
        raise InputError(f"features_col has the label {label!r} in it")
    return Roles(
        label,
        tuple(features),
        tuple(key or content),
        bool(key),
        columns["group_col"],
        columns["time_col"],
        columns["weight_col"],
        tuple(columns["cost_cols"] or ()),
    )
