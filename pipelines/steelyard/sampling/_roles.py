"""The part that each column of a table plays for a sampler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from steelyard.columns import RESERVED, require_columns
from steelyard.errors import InputError
from steelyard.sampling._apply import IS_SYNTHETIC


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
    """

    label: str
    features: tuple[str, ...]
    identity: tuple[str, ...]
    keyed: bool = False
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    costs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {n: list(v) if isinstance(v, tuple) else v for n, v in vars(self).items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Roles:
        """Rebuild what `to_json` gave."""
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in document.items()}
        return cls(**values)


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
        For a column that is missing, or a label among the features.
    """
    for name, value in columns.items():
        require_columns(df, [value] if isinstance(value, str) else value or [], name)
    label, key = columns["label_col"], columns["key_col"] or []
    content = [c for c in df.columns if c not in {label, IS_SYNTHETIC} and not c.startswith(RESERVED)]
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
