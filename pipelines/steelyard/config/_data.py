"""The sections `data` and `split`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from steelyard.config._domain import DomainConfig
from steelyard.config._secrets import refuse_secret_paths, refuse_secrets
from steelyard.config._values import (
    FILE_FORMATS,
    MISSING,
    Amount,
    ClassText,
    Columns,
    Duration,
    Format,
    Markers,
    Matrix,
    Name,
    Rates,
    Section,
    Seed,
    Share,
)
from steelyard.domain import ColumnDomain


class CostConfig(Section):
    """Costs of the two kinds of error, each a column's name or a number; or a matrix of numbers for any classes."""

    false_negative: Amount | Name | None = None
    false_positive: Amount | Name | None = None
    matrix: Matrix | None = None

    @model_validator(mode="after")
    def _errors_cost_more(self) -> CostConfig:
        if self.given and not self.false_negative and not self.false_positive:
            raise ValueError("errors cost nothing: give a cost above 0, or leave 'cost' out")
        if self.matrix is None:
            return self
        if self.given:
            raise ValueError("'matrix' holds the costs of all errors: leave the other costs out")
        for actual, costs in self.matrix.items():
            right = costs.get(actual, 0.0)
            for decided, cost in costs.items():
                if cost < right:
                    raise ValueError(
                        f"matrix: deciding {decided!r} for {actual!r} costs {cost:g}, less than the right decision: "
                        f"{right:g}"
                    )
        return self

    @property
    def given(self) -> bool:
        """Whether any cost of the two kinds of error is given."""
        return self.false_negative is not None or self.false_positive is not None

    @property
    def known(self) -> bool:
        """Whether any cost is given."""
        return self.given or self.matrix is not None

    @property
    def several(self) -> bool:
        """Whether the matrix names more than two classes."""
        matrix = self.matrix or {}
        return len({*matrix, *(decided for of in matrix.values() for decided in of)}) > 2


class DataConfig(Section):
    """The place of the table, and the roles of its columns."""

    path: Name | Annotated[list[Name], Field(min_length=1)] | None = None
    table: Name | None = None
    format: Format | None = None
    options: dict[str, str | int | float | bool] = {}
    schema_: str | None = Field(default=None, alias="schema")
    where: str | None = None
    missing: Markers = list(MISSING)
    snapshot: bool = False
    label: Name
    positive: ClassText | None = None
    key: Columns = []
    exclude: Columns = []
    categorical: Columns = []
    group: Name | None = None
    time: Name | None = None
    weight: Name | None = None
    cost: CostConfig = CostConfig()
    sampling_rate: Rates = {}
    slices: Columns = []
    domain: dict[Name, DomainConfig] = {}
    on_null_label: Literal["error", "drop", "quarantine"] = "error"

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if self.format == "jdbc":
            if self.path or self.table:
                raise ValueError("a jdbc source takes its table from 'options', not from 'path' or 'table'")
        elif (self.path is None) == (self.table is None):
            raise ValueError("give exactly one of 'path' and 'table'")
        return self

    @model_validator(mode="after")
    def _no_literal_secret(self) -> DataConfig:
        refuse_secrets("option", self.options)
        paths = [self.path] if isinstance(self.path, str) else self.path or []
        refuse_secret_paths("path", {str(i): path for i, path in enumerate(paths)})
        return self

    @model_validator(mode="after")
    def _roles_are_apart(self) -> DataConfig:
        roles = {"group": self.group, "time": self.time, "weight": self.weight}
        costs = [c for c in (self.cost.false_negative, self.cost.false_positive) if c == self.label]
        clash = [r for r, c in roles.items() if c == self.label] + ["a cost"] * len(costs)
        if clash or self.label in self.key or self.label in self.categorical:
            raise ValueError(
                f"column {self.label!r} is the label and cannot be {(clash or ['key or category'])[0]} too"
            )
        if self.label in self.slices:
            raise ValueError(f"'slices' cannot name the label {self.label!r}: metrics are given for each class anyway")
        self._check_domain()
        return self

    def _check_domain(self) -> None:
        """Raise `ValueError` for domains of columns that are not features, and of categories for numbers only."""
        others = {self.label, self.group, self.time, self.weight, *self.key, *self.exclude}
        for name, given in self.domain.items():
            if name in others:
                raise ValueError(f"'domain' is for features, and {name!r} has another role or is excluded")
            if name in self.categorical and given.domain().numeric:
                raise ValueError(f"'domain': {name!r} is a category: bounds, integer and monotone are for numbers")

    @property
    def domains(self) -> dict[str, ColumnDomain]:
        """The domain of each feature that has one."""
        return {name: given.domain() for name, given in self.domain.items()}

    @property
    def has_files(self) -> bool:
        """Whether the source is made of files that can be listed and pinned."""
        return self.path is not None and (self.format is None or self.format in FILE_FORMATS)


class SplitConfig(Section):
    """How rows are divided into training, validation and test."""

    method: Literal["stratified", "group", "temporal"] = "stratified"
    validation: Share = 0.1
    test: Share = 0.2
    seed: Seed = 0
    gap: Duration | None = None
    materialize: bool = False

    @model_validator(mode="after")
    def _room_for_training(self) -> SplitConfig:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation {self.validation} and test {self.test} leave no row for training")
        if self.validation == 0 or self.test == 0:
            raise ValueError(
                "validation and test must both be more than 0: one chooses the threshold, the other evaluates it"
            )
        if self.gap is not None and self.method != "temporal":
            raise ValueError("'gap' is for the temporal method")
        return self
