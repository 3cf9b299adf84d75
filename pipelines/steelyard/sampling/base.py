"""Base of all samplers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, Self

from pyspark.ml import Estimator
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import Column, DataFrame

from steelyard.columns import check_free, class_code
from steelyard.domain import ColumnDomain, Domain, domain_of
from steelyard.errors import InputError
from steelyard.frames.workers import check_workers_once
from steelyard.hashing import HASH_BITS, Cut, Ties, cuts, row_hash
from steelyard.labels import class_order
from steelyard.params import Check, Parameter, param
from steelyard.sampling.applying import IS_SYNTHETIC, PROVENANCE, apply_plan
from steelyard.sampling.domain import check_domain
from steelyard.sampling.params import HasColumns, seed
from steelyard.sampling.plan import Effect, Resampling, SamplingPlan
from steelyard.sampling.roles import Roles, find_roles
from steelyard.sampling.strategy import STRATEGY_SCHEMA, Kind, Strategy, check_strategy, resolve
from steelyard.stats import ClassCounts, class_counts


class Sampler(HasColumns, MLReadable[Any], MLWritable):
    """Base of all samplers: checks, class counts, and the plan's application.

    A sampler is not a Transformer: a fitted pipeline never resamples the rows that it scores. To write one, derive from
    this class, set the attributes below, declare parameters with `steelyard.params.param`, which makes the constructor,
    and write `_plan_classes`; samplers that make new rows derive from `steelyard.over_sampling.base.SyntheticSampler`.
    `steelyard.testing` has the checks that it must pass.

    Attributes
    ----------
    name : str
        Its snake_case name, for pipelines.
    sampling_type : {"over-sampling", "under-sampling", "clean-sampling"}
        How `sampling_strategy` is interpreted.
    effect : {"none", "random_under", "random_over", "bends"}
        Its effect on the distribution of features within a class; decides the calibration of probabilities.
    numeric : bool
        Whether it reads features: it measures distances, and so needs numbers or categories without gaps, or trains a
        model.
    categories, numbers : bool
        Whether it then accepts categories, and whether it treats numbers as numbers.
    cleans : bool
        Whether result counts depend on the data and cannot be requested.
    seeded : bool
        Whether it is random, so that `random_state` matters.
    parents : bool
        Whether the parents of new rows are known: new rows then inherit weight, cost, group and time, and copies of a
        row can be distinguished from neighbours.
    """

    name: ClassVar[str]
    sampling_type: ClassVar[Kind]
    effect: ClassVar[Effect]
    numeric: ClassVar[bool] = False
    categories: ClassVar[bool] = True
    numbers: ClassVar[bool] = True
    cleans: ClassVar[bool] = False
    seeded: ClassVar[bool] = True
    parents: ClassVar[bool] = True

    _known: Mapping[str, int] | None = None
    _cuts: Mapping[str, Cut] | None = None
    _domain: Domain = MappingProxyType({})

    sampling_strategy: Parameter[Strategy] = param(
        "a ratio of the rarest class to the other (two classes); 'auto', 'minority', 'not minority', "
        "'not majority', 'all' or 'majority': the classes that get the size of the largest (over-sampling, where "
        "'auto' is 'not majority') or of the smallest (under-sampling and cleaning, where it is 'not minority'); "
        "a map of class to count; or a function of the class counts. Cleaning takes a word or a list of classes, and "
        "the rows decide how many are dropped",
        Check(lambda name, value: check_strategy(value), STRATEGY_SCHEMA),
        default="auto",
    )
    random_state: Parameter[int] = param(
        "seed; the same seed gives the same rows, however they are partitioned; unused where nothing is drawn",
        seed,
        default=0,
    )

    def __repr__(self) -> str:
        """Return the constructor call, without default parameters."""
        given = {p.name: v for p, v in self._paramMap.items() if v != self._defaultParamMap.get(p)}
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in given.items())})"

    def fit(self, dataset: Any, params: Any = None) -> NoReturn:
        """Raise an error that names steelyard's pipeline: Spark ML's own pipeline calls `fit` of its stages."""
        name = type(self).__name__
        raise TypeError(
            f"{name} resamples and fits nothing. For the rows call {name}(…).fit_resample(df); in a pipeline take "
            "steelyard.pipeline.Pipeline, which has Spark ML's stages and samplers, in place of pyspark.ml.Pipeline."
        )

    @property
    def makes_rows(self) -> bool:
        """Whether its results contain synthetic rows."""
        return self.effect == "bends" and self.sampling_type == "over-sampling"

    @property
    def _measures(self) -> bool:
        """Whether it reads features, in Python workers."""
        return self.numeric or self.makes_rows

    def fit_resample(self, df: DataFrame, y: Any = None) -> DataFrame:
        """Return the resampled table: all columns with their types, and `is_synthetic`.

        Runs the jobs that plan the resampling; the result is recomputed from `df` at each use, so `df` must
        be stable.

        Parameters
        ----------
        df : DataFrame
            Features and label together.
        y
            Not supported: labels are a column of `df`.

        Raises
        ------
        TypeError
            For arrays, pandas tables, and calls with `X, y`.
        InputError
            For missing columns, impossible counts, and data that the method does not support.
        """
        _check_table("fit_resample", self, df, y)
        made = self.resample(df)
        return apply_plan(df, made.plan, *made.tables)

    def plan(self, df: DataFrame) -> SamplingPlan:
        """Return the rows to keep, repeat and make per class, and the cost. Makes no rows."""
        return self._plan_classes(df, *self._looked_at(df))

    def knowing(self, counts: Mapping[str, int]) -> Self:
        """Return a copy that takes `counts` for the rows of each class, and does not count them.

        They must be those of the table that it resamples, in which no label is null.
        """
        informed = self.copy()
        informed._known = counts
        return informed

    def within(self, domain: Mapping[str, ColumnDomain | Mapping[str, Any]]) -> Self:
        """Return a copy whose new rows obey a domain of features.

        Immutable features of a new row are those of its seed. Whole numbers are then rounded, numbers are clipped to
        their bounds, and derived features are computed from the others. Rows of the table are kept as they are.

        Parameters
        ----------
        domain : mapping
            Feature → `steelyard.domain.ColumnDomain`, or a mapping of its fields.

        Raises
        ------
        InputError
            For a domain that contradicts itself, and for immutable features if new rows have no seed row.

        Examples
        --------
        >>> from steelyard.over_sampling import SMOTE
        >>> sampler = SMOTE(label_col="is_fraud").within({"amount": {"min": 0}})
        """
        obedient = self.copy()
        obedient._domain = domain_of(domain)
        return obedient

    def check_columns(self, df: DataFrame) -> None:
        """Raise `InputError` for missing columns and types that the method does not support. Reads no row."""
        self._roles(df)

    def check_counts(self, counts: Mapping[str, int]) -> None:
        """Raise `InputError` if a class has too few rows for the request. Needs no table."""
        self.targets(counts)

    def check_missing(self, missing: Mapping[str, int]) -> None:
        """Raise `InputError` for missing values that the method does not support. Needs no table."""

    def _roles(self, df: DataFrame) -> Roles:
        roles = find_roles(df, {p.name: self.getOrDefault(p) for p in self._columns()})
        if not self._domain:
            return roles
        check_domain(df, self._domain, roles.features)
        return replace(roles, domain=self._domain)

    def _looked_at(self, df: DataFrame) -> tuple[Roles, dict[str, int]]:
        """Return the roles of columns, and the rows of each class; all columns must exist."""
        _check_table("plan", self, df)
        if self._measures:
            check_workers_once(df.sparkSession)
        roles = self._roles(df)
        self.check_output(df.columns)
        found = class_counts(df, roles.label) if self._known is None else ClassCounts(self._known)
        found.refuse_nulls(roles.label)
        counts = {name: found.counts[name] for name in class_order(found.counts) if found.counts[name]}
        if not counts:
            raise InputError("the table has no rows to resample")
        return roles, counts

    def check_output(self, names: Iterable[str]) -> None:
        """Raise `InputError` for a table with a column that the result adds, except `is_synthetic`."""
        if self.hasParam("provenance") and self.getOrDefault("provenance"):
            check_free(names, PROVENANCE, "provenance")
        weight = self.getOrDefault("weight_output_col") if self.hasParam("weight_output_col") else None
        if weight is not None and weight != self.getOrDefault("weight_col"):
            check_free([*names, IS_SYNTHETIC], [weight], "weight_output_col")

    def resample(self, df: DataFrame) -> Resampling:
        """Return the plan, with new rows and ids of dropped rows; `apply_plan` combines them."""
        return Resampling(self.plan(df))

    @abstractmethod
    def _plan_classes(self, df: DataFrame, roles: Roles, counts: Mapping[str, int]) -> SamplingPlan:
        """Plan for a table whose columns and classes have been checked."""

    def _columns(self) -> list[Any]:
        return [p for p in self.params if p.name.endswith(("_col", "_cols")) and hasattr(HasColumns, p.name)]

    def targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return the requested rows of each class for its current rows. Needs no table."""
        return {**counts, **self._targets(counts)}

    def _targets(self, counts: Mapping[str, int]) -> dict[str, int]:
        return resolve(self.getOrDefault("sampling_strategy"), counts, self.sampling_type)

    def _settings(self) -> dict[str, Any]:
        """All parameters except columns, as JSON types."""
        columns = {p.name for p in self._columns()}
        values = {p.name: self.getOrDefault(p) for p in self.params if p.name not in columns}
        return {n: getattr(v, "__name__", "function") if callable(v) else v for n, v in values.items()}

    def _draw(
        self, df: DataFrame, roles: Roles, wanted: Mapping[str, int], counts: Mapping[str, int]
    ) -> dict[str, Cut]:
        """Draw an exact number of rows of each class, by the hash of their identity."""
        found = {s: Cut(0 if n == 0 else 1 << HASH_BITS, n) for s, n in wanted.items() if n in (0, counts[s])}
        partial = {s: [n] for s, n in wanted.items() if s not in found}
        if partial and self._cuts is not None:
            found |= self._cuts
        elif partial:
            position, ties = self._order(df, roles)
            label = class_code(df, roles.label, partial)
            drawn = cuts(df, position, label, partial, ties=ties, sizes=counts)
            found |= {s: cut for s, (cut,) in drawn.items()}
        return {s: found[s] for s in wanted}

    def _order(self, df: DataFrame, roles: Roles) -> tuple[Column, Ties]:
        """Return the position by which rows are drawn, and what happens to rows of equal position."""
        position = row_hash(df, roles.identity, self.getOrDefault("random_state"), f"resample/{self.name}")
        return position, "exact" if roles.keyed else "proportional"

    def _to_draw(self, counts: Mapping[str, int]) -> dict[str, int] | None:
        """Return how many rows of each class are drawn, if nothing else is asked about the rows; else None."""
        return None

    def _new_plan(self, roles: Roles, **what: Any) -> SamplingPlan:
        return SamplingPlan(
            self.name,
            self.effect,
            roles.label,
            identity=roles.identity,
            seed=self.getOrDefault("random_state"),
            params=self._settings(),
            weight=roles.weight,
            **what,
        )


def _check_table(method: str, sampler: Any, df: Any, y: Any = None) -> None:
    """Raise `TypeError` for anything but one Spark DataFrame, and say how the method is called."""
    if y is None and isinstance(df, DataFrame):
        return
    name = type(sampler).__name__
    got = f"{type(df).__name__}{'' if y is None else f' and {type(y).__name__}'}"
    pandas = type(df).__module__.partition(".")[0] == "pandas"
    ways = "spark.createDataFrame(table) makes one of a pandas table" if pandas else "for arrays, use imbalanced-learn"
    raise TypeError(
        f"{method} takes one Spark DataFrame that holds features and label, and got {got}: "
        f'{name}(label_col="y").{method}(df); {ways}.'
    )


# A sampler fits nothing, but Spark ML's pipeline calls `fit` of estimators, and ours explains what to do instead. For
# other objects, the pipeline's error only names the class.
Estimator.register(Sampler)  # type: ignore[type-abstract]
