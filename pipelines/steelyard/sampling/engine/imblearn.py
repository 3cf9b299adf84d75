"""Any sampler of imbalanced-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.errors import InputError
from steelyard.params import Parameter, param, wrong
from steelyard.sampling.engine.base import EngineSampler
from steelyard.sampling.params import HasCategories, HasMaxNewRows
from steelyard.sampling.strategy import Kind

_BY_EQUALITY = {"SMOTEN", "RandomUnderSampler"}  # all they ask of a feature is whether it is the same


def _sampler(name: str, value: object) -> Any:
    if isinstance(value, type) or not callable(getattr(value, "fit_resample", None)):
        raise wrong(name, "an object with fit_resample(X, y), such as imblearn.under_sampling.NearMiss()", value)
    params = _params(value)
    for own, default in (("sampling_strategy", "auto"), ("random_state", None)):
        given = params.get(own, default)
        if given is not default and given != default:
            raise InputError(f"give {own} to ImblearnSampler, not to the sampler that it runs. Got {given!r} there.")
    return value


def _params(sampler: Any) -> dict[str, Any]:
    return dict(sampler.get_params(deep=False)) if hasattr(sampler, "get_params") else {}


class ImblearnSampler(HasMaxNewRows, EngineSampler):
    """Run a sampler of imbalanced-learn, or any object with its `fit_resample(X, y)`, inside Spark tasks.

    The sampler gets the rows in the order of their ids, features as a matrix of float64 with numbers first and a code
    for each category after them, labels as whole numbers from 0 on in the order of the classes. It gets a map of
    class to count (a list of classes where it cleans), `random_state`, one thread for `n_jobs`, and which columns are
    categories where it has `categorical_features`; a `random_state` of None inside of it is set too.

    Rows that it selects keep all their columns; those that it makes are new rows. Counts are exact where it adds rows
    or removes them: a surplus is trimmed by a hash of the rows; a sampler that adds too few is asked for
    more, up to three times, and too few then are an error with both numbers. Where it
    does both (imblearn.combine), where it cleans, and where it doesn't say what it does, they are what they are.

    Costs three scans of the table (label; features; rows), one more with `scale`, one more where gaps are
    filled, one more for the bounds of 64-bit numbers in new rows; two shuffles of the rows, for their ids and into the
    tasks; one crossing into Python, where each task holds its rows in memory and has one thread. By cells: one scan for
    a sample and one crossing more, and the rows are cached meanwhile; all is run again where cells fail. Where rows are
    dropped, ids are recomputed to apply the result (one shuffle of the table) and joined to those of the dropped
    ones. The result of the tasks is kept on the executors while it is referred to.

    New rows have no known parents: weight, cost, group, time and all other columns are null in them. Whole numbers are
    rounded, and every feature stays within the range of its class in the task.

    It has no name in pipelines, whose parameters are plain values, and can't be saved.

    Examples
    --------
    >>> from imblearn.under_sampling import NearMiss
    >>> resampled = ImblearnSampler(sampler=NearMiss(version=2), label_col="is_fraud").fit_resample(df)
    """

    name = "imblearn"

    sampler: Parameter[Any] = param(
        "an object with fit_resample(X, y), whose own sampling_strategy and random_state are left alone; "
        "a sampler with one can't be saved",
        _sampler,
        default=None,
    )
    categorical_features: Parameter[Sequence[str] | None] = HasCategories.categorical_features.but(
        doc="features that are categories; strings and booleans by default. They are an error but for SMOTENC, SMOTEN "
        "and RandomUnderSampler: the others would take codes for numbers"
    )

    @property
    def sampling_type(self) -> Kind:  # type: ignore[override]  # by what it runs, not by class
        """How `sampling_strategy` is interpreted; "clean-sampling" if counts depend on the data."""
        return "clean-sampling" if self._combines else self._means

    @property
    def categories(self) -> bool:  # type: ignore[override]  # by what it runs, not by class
        """Whether the sampler takes categories."""
        names = {cls.__name__ for cls in type(self._inner).__mro__ if cls.__module__.startswith("imblearn.")}
        return bool(names & _BY_EQUALITY) or "categorical_features" in _params(self._inner)

    @property
    def neighbors(self) -> str | None:  # type: ignore[override]  # by what it runs, not by class
        """The parameter for neighbours, for errors."""
        return None

    @property
    def replaces(self) -> bool:  # type: ignore[override]  # by what it runs, not by class
        """Whether rows that are made stand for all rows of their class."""
        return self._means == "under-sampling"

    @property
    def makes_rows(self) -> bool:
        """Whether there may be synthetic rows in its results."""
        return self._means != "clean-sampling"

    @property
    def _inner(self) -> Any:
        found = self.getOrDefault("sampler")
        if found is None:
            raise InputError("sampler must be given: ImblearnSampler(sampler=imblearn.under_sampling.NearMiss())")
        return found

    @property
    def _means(self) -> Kind:
        kinds: dict[str, Kind] = {k: k for k in ("over-sampling", "under-sampling")}
        return kinds.get(getattr(self._inner, "_sampling_type", ""), "clean-sampling")

    @property
    def _combines(self) -> bool:
        return any(cls.__module__.startswith("imblearn.combine.") for cls in type(self._inner).__mro__)

    def _enough(self) -> int:
        k = _params(self._inner).get("k_neighbors", 1)
        return k if isinstance(k, int) else 1

    def _wrapped(self) -> Any:
        from sklearn.base import clone

        return clone(self._inner) if hasattr(self._inner, "get_params") else self._inner
