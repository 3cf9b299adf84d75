"""The roles of a table's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from steelyard.domain import Domain, domain_of
from steelyard.errors import InputError
from steelyard.labels import by_class, class_name
from steelyard.plain import number

MOST_AMOUNT = 1e50
"""Largest weight or cost: the square of the product of two is still a double."""

_SHOWN = 10


@dataclass(frozen=True)
class Cost:
    """The costs of the two kinds of error of a binary decision, per row, in the user's unit.

    Parameters
    ----------
    false_negative : str or float, optional
        Cost of missing a positive row: a column's name or one number for all rows.
    false_positive : str or float, optional
        Cost of a false alarm on a negative row, likewise.
    matrix : mapping, optional
        Actual class → decided class → cost, in place of the other two. A right decision that is not named costs
        nothing.
    """

    false_negative: str | float | None = None
    false_positive: str | float | None = None
    matrix: Mapping[str, Mapping[str, float]] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for name in ("false_negative", "false_positive"):
            if not isinstance(value := getattr(self, name), str | None):
                object.__setattr__(self, name, _amount(name, value))
        if self.matrix is not None:
            matrix = {
                actual: {decided: _amount("matrix", cost) for decided, cost in by_class(of).items()}
                for actual, of in by_class(self.matrix).items()
            }
            object.__setattr__(self, "matrix", matrix)

    @property
    def given(self) -> bool:
        """Whether any cost of the two kinds of error is known."""
        return self.false_negative is not None or self.false_positive is not None

    @property
    def known(self) -> bool:
        """Whether any cost is known."""
        return self.given or self.matrix is not None

    @property
    def free(self) -> str | None:
        """The key of the one kind of error whose cost is not given, where that of the other is."""
        names = {"false_negative": self.false_negative, "false_positive": self.false_positive}
        missing = [f"data.cost.{name}" for name, cost in names.items() if cost is None]
        return missing[0] if len(missing) == 1 else None

    @property
    def several(self) -> bool:
        """Whether the matrix names more than two classes."""
        matrix = self.matrix or {}
        return len({*matrix, *(decided for of in matrix.values() for decided in of)}) > 2

    @classmethod
    def of(cls, given: Any) -> Cost:
        """Return the costs that an object has as attributes: the section `data.cost` of a pipeline."""
        return cls(given.false_negative, given.false_positive, given.matrix)

    def above_right(self, classes: Sequence[str], positive: str | None) -> Cost:
        """Return what errors cost more than right decisions; the matrix of two classes also as its two costs.

        Decisions are the same, since each row is charged its right decision whatever is decided.

        Examples
        --------
        >>> cost = Cost(matrix={"0": {"1": 5}, "1": {"0": 100, "1": 5}}).above_right(("0", "1"), "1")
        >>> cost.false_negative, cost.false_positive
        (95, 5.0)
        """
        if self.matrix is None:
            return self
        above = {a: {d: c - of.get(a, 0.0) for d, c in of.items() if d != a} for a, of in self.matrix.items()}
        if positive is None or len(classes) != 2:
            return replace(self, matrix=above)
        negative = next(c for c in classes if c != positive)
        return Cost(above.get(positive, {}).get(negative), above.get(negative, {}).get(positive), above)

    def of_classes(self, classes: Sequence[str]) -> list[list[float]]:
        """Return the matrix as rows by actual and columns by decided class; what it does not name costs nothing."""
        matrix = self.matrix or {}
        return [[float(matrix.get(actual, {}).get(decided, 0.0)) for decided in classes] for actual in classes]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold costs."""
        return tuple(c for c in (self.false_negative, self.false_positive) if isinstance(c, str))


def _amount(name: str, value: Any) -> float:
    """Return a cost as Python's number."""
    cost: Any = number(value)
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost <= MOST_AMOUNT:
        raise InputError(f"the cost {name} must be a number from 0 to {MOST_AMOUNT:g}. Got {value!r} instead.")
    return cost


def _names(value: Any) -> tuple[str, ...]:
    """Return one name or several as a tuple."""
    return (value,) if isinstance(value, str) else () if value is None else tuple(value)


def _shown(value: Any) -> str:
    if not isinstance(value, tuple) or len(value) <= _SHOWN:
        return repr(value)
    return f"({', '.join(map(repr, value[:_SHOWN]))}, … {len(value) - _SHOWN:,} more)"


@dataclass(frozen=True)
class Dataset:
    """The roles of a table's columns, and its classes once they are known.

    Classes may be given in any form of the label (1, "1", 1.0), and one column as a text.

    Parameters
    ----------
    label : str
    features : tuple of str
        All features, in the table's order.
    categorical : tuple of str
        Those of `features` that are categories.
    key : tuple of str
        Columns that identify a row; empty where only its content does.
    content : tuple of str
        All columns of the source but the label.
    group, time, weight : str, optional
    cost : Cost
    positive : str, optional
        String form of the positive class; None with more than two classes.
    classes : tuple of str
        String forms: (negative, positive), or by descending count where there are more than two.
    sampling_rate : mapping of str to float
        Class → the share of its rows that the table holds, above 0 and up to 1; a class not named has 1. A row counts
        one over its rate in priors, calibration, thresholds and metrics.
    domain : mapping of str to ColumnDomain
        Feature → what is known of its values.
    """

    label: str
    features: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    cost: Cost = Cost()
    positive: str | None = None
    classes: tuple[str, ...] = ()
    sampling_rate: Mapping[str, float] = field(default_factory=dict, hash=False)
    domain: Domain = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("features", "categorical", "key", "content"):
            object.__setattr__(self, name, _names(getattr(self, name)))
        rates = by_class({} if self.sampling_rate is None else self.sampling_rate)
        object.__setattr__(self, "classes", tuple(map(class_name, () if self.classes is None else self.classes)))
        object.__setattr__(self, "sampling_rate", {c: number(rate) for c, rate in rates.items()})
        if self.positive is not None:
            object.__setattr__(self, "positive", class_name(self.positive))

    def __repr__(self) -> str:
        """Return the roles that columns have; of many columns the first ten."""
        roles = {f: getattr(self, f) for f in ("label", "classes", "positive", "features", "categorical", "key")}
        roles |= {f: getattr(self, f) for f in ("group", "time", "weight")} | {
            "cost": self.cost if self.cost.given else None
        }
        return f"Dataset({', '.join(f'{n}={_shown(v)}' for n, v in roles.items() if v)})"

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns whose values identify a row: the key, else the whole content."""
        return self.key or self.content

    @property
    def numeric(self) -> tuple[str, ...]:
        """The numeric features."""
        return tuple(f for f in self.features if f not in set(self.categorical))

    def to_json(self) -> dict[str, Any]:
        """Return the roles as JSON types; an empty domain is left out."""
        roles = asdict(replace(self, domain={}))
        del roles["domain"]
        return roles | ({"domain": {n: of.to_json() for n, of in self.domain.items()}} if self.domain else {})

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Dataset:
        """Return the roles of a document made by `to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(**{**values, "cost": Cost(**document["cost"]), "domain": domain_of(document.get("domain", {}))})
