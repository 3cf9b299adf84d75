"""Running a suite by Great Expectations itself, on a Spark DataFrame of either kind."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.errors import ConfigError, closest, missing_column
from steelyard.guards._needs import Needs, shared
from steelyard.guards._outcomes import Quarantine, guard_result, with_rows
from steelyard.guards._pages import readable
from steelyard.guards._report import GuardReport
from steelyard.guards._suites import is_shipped, load_suite, with_parameters

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame

# Counts, but no values of rows: they reach Data Docs only where a user's expectation aggregates them itself.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_COLUMN_FIELDS = ("column", "column_A", "column_B", "column_list", "column_set")
_SITE = "docs"


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
        Where in the pipeline: `raw`, `split`, `resampled`, `scored`.
    suite : str
        The bare name of a shipped suite, or the path of another suite, which may also use the expectations of Great
        Expectations.
    df : DataFrame
        Classic or Spark Connect. The expectations of steelyard read it at most twice, without a cache: once in an
        aggregation, once to compare rows.
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

    check_names(df.columns, ours=True)
    document = load_suite(suite)
    chosen, values, left_out = with_parameters(document, parameters or {})
    with _quiet():
        made = [_expectation(e, values, df.columns, suite) for e in chosen]
        with shared(_needs(tried for _, tried in made)):
            expectations = [given for given, _ in made]
            results = _validate(checkpoint, document["name"], expectations, df, values, docs_dir) if chosen else []
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

    A shipped suite costs nothing; for one of the user's own Great Expectations is imported.

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


def _validate(
    checkpoint: str,
    name: str,
    expectations: Sequence[Expectation],
    df: DataFrame,
    values: Mapping[str, Any],
    docs_dir: str | None,
) -> list[ExpectationValidationResult]:
    import great_expectations as gx
    from great_expectations.checkpoint.actions import UpdateDataDocsAction, ValidationAction
    from great_expectations.core.run_identifier import RunIdentifier

    with _context(docs_dir) as context:
        # GX would persist the table and leave it so.
        source = context.data_sources.add_spark("spark", persist=False)
        batch = source.add_dataframe_asset(checkpoint).add_batch_definition_whole_dataframe("all rows")
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=list(expectations)))
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=checkpoint, data=batch, suite=suite)
        )
        actions: list[ValidationAction] = (
            [UpdateDataDocsAction(name="update_data_docs", site_names=[_SITE])] if docs_dir else []
        )
        runner = context.checkpoints.add(
            gx.Checkpoint(
                name=checkpoint,
                validation_definitions=[definition],
                actions=actions,
                result_format=RESULT_FORMAT,
            )
        )
        outcome = runner.run(
            batch_parameters={"dataframe": df},
            expectation_parameters=dict(values),
            run_id=RunIdentifier(run_name=checkpoint, run_time=datetime.now(UTC)),
        )
    if docs_dir:
        readable(Path(docs_dir))
    return [result for run in outcome.run_results.values() for result in run.results]


@contextmanager
def _context(docs_dir: str | None) -> Iterator[EphemeralDataContext]:
    """Provide an in-memory context of Great Expectations, and restore the previous one."""
    import great_expectations as gx
    from great_expectations.data_context.data_context.context_factory import project_manager
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from great_expectations.exceptions.exceptions import DataContextRequiredError

    try:
        current = project_manager.get_current_project()
    except DataContextRequiredError:
        current = None
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={_SITE: _site(docs_dir)} if docs_dir else {},
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    try:
        yield context
    finally:
        project_manager.set_project(current)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence log lines of Great Expectations that repeat the report."""
    import great_expectations  # noqa: F401  # some of its modules set levels of their own

    names = [n for n in logging.root.manager.loggerDict if n.partition(".")[0] == "great_expectations"]
    before = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in before:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="great_expectations")
            yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


def _site(docs_dir: str) -> Any:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(Path(docs_dir).resolve()),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
