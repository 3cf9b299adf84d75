"""Run a suite on a Spark DataFrame, classic or Spark Connect."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import ConfigError, closest, missing_column
from steelyard.guards._needs import Needs, shared
from steelyard.guards._outcomes import Quarantine, guard_result, with_rows
from steelyard.guards._report import GuardReport
from steelyard.guards._suites import is_shipped, load_suite, with_parameters

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame

_COLUMN_FIELDS = ("column", "column_A", "column_B", "column_list", "column_set")


def run_guard(
    checkpoint: str,
    suite: str,
    df: DataFrame,
    parameters: Mapping[str, Any] | None = None,
    docs_dir: str | None = None,
    key: Sequence[str] = (),
    quarantine: Quarantine | None = None,
) -> GuardReport:
    """Run a suite on a table.

    Parameters
    ----------
    checkpoint : str
        Position in the pipeline: `raw`, `split`, `resampled`, `scored`.
    suite : str
        The bare name of a shipped suite, or the path of another suite, which may also use the expectations of Great
        Expectations.
    df : DataFrame
        Classic or Spark Connect. The expectations of steelyard read it once, without a cache; see `look` in
        `steelyard.guards._table` for exceptions.
    parameters : mapping, optional
        Values for the suite's `$PARAMETER`s. A None disables the expectations that use it; a parameter that the suite
        does not use is ignored.
    docs_dir : str, optional
        A local folder for Data Docs of this run only: Great Expectations removes other pages from it.
    key : sequence of str
        Columns that identify a row. The report lists some keys of rows that break an expectation, at the cost of one
        more action. Data Docs do not show them.
    quarantine : callable, optional
        Called with the name of a failed expectation and the rows that break it; writes them and returns the place.

    Returns
    -------
    GuardReport
        Failed expectations are reported, not raised: see `GuardReport.raise_for_failures`.

    Raises
    ------
    ConfigError
        If there is no such suite, or it uses an unknown expectation, argument or parameter.
    InputError
        If the table lacks a column that an expectation names.
    EngineError
        If an expectation could not be evaluated.

    Examples
    --------
    >>> report = run_guard("raw", "raw.json", df, {"label": "is_fraud", "classes": ["0", "1"]})
    >>> report.raise_for_failures()
    """
    from steelyard.columns import check_names
    from steelyard.guards._gx import quiet, validate

    check_names(df.columns, ours=True)
    document = load_suite(suite)
    chosen, values, left_out = with_parameters(document, parameters or {})
    with quiet():
        made = [_expectation(e, values, df.columns, suite) for e in chosen]
        with shared(_needs(tried for _, tried in made)):
            expectations = [given for given, _ in made]
            results = validate(checkpoint, document["name"], expectations, df, values, docs_dir) if chosen else []
        outcomes = tuple(with_rows([guard_result(r, checkpoint) for r in results], results, df, key, quarantine))
    return GuardReport(
        checkpoint=checkpoint,
        suite=suite,
        success=not any(not r.success and r.severity == "critical" for r in outcomes),
        results=outcomes,
        left_out=tuple(left_out),
        docs=(Path(docs_dir).resolve() / "index.html").as_uri() if docs_dir and chosen else None,
    )


def check_suite(suite: str) -> None:
    """Check, before the table is read, that a suite is readable and its expectations exist.

    A shipped suite costs nothing. For another suite, Great Expectations is imported.

    Raises
    ------
    ConfigError
        If there is no such suite, or it names an unknown expectation.
    """
    document = load_suite(suite)
    if not is_shipped(suite):
        for source in document["expectations"]:
            _implementation(source["type"], suite)


def _implementation(kind: str, suite: str) -> type[Expectation]:
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    import steelyard.guards.expectations  # noqa: F401  # registers ours

    try:
        return get_expectation_impl(kind)
    except ExpectationNotFoundError as e:
        hint = closest(kind, list_registered_expectation_implementations())
        raise ConfigError(f"suite {suite!r}: there is no expectation {kind!r}.{hint}") from e


def _expectation(
    source: Mapping[str, Any], values: Mapping[str, Any], columns: Sequence[str], suite: str
) -> tuple[Expectation, Expectation]:
    """Build an expectation twice: as given, and with the values of its parameters."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kind = source["type"]
    _implementation(kind, suite)
    try:
        given = ExpectationConfiguration(**{**source, "id": None})
        settled = copy.deepcopy(given)
        settled.process_suite_parameters(dict(values))
        tried, expectation = settled.to_domain_obj(), given.to_domain_obj()
    except Exception as e:  # pydantic's and Great Expectations' errors have no common base
        raise ConfigError(f"suite {suite!r}: {kind} cannot be built from its arguments: {e}") from e
    for name in _columns(tried):
        if name not in columns:
            raise missing_column(name, columns, f"suite {suite!r}: {kind}: column")
    return expectation, tried


def _needs(expectations: Iterable[Expectation]) -> Iterator[Needs]:
    from steelyard.guards.expectations import JudgedExpectation

    return (e.needs() for e in expectations if isinstance(e, JudgedExpectation))


def _columns(expectation: Expectation) -> tuple[str, ...]:
    from steelyard.guards.expectations import JudgedExpectation

    if isinstance(expectation, JudgedExpectation):
        return expectation.columns()
    given = (getattr(expectation, name, None) for name in _COLUMN_FIELDS)
    lists = ([value] if isinstance(value, str) else value or [] for value in given)
    return tuple(name for names in lists for name in names)
