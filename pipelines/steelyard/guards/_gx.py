"""Great Expectations, without a project on disk, network access and repeated log lines."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import great_expectations as gx
from great_expectations.checkpoint.actions import UpdateDataDocsAction, ValidationAction
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.data_context.context_factory import project_manager
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.exceptions.exceptions import DataContextRequiredError
from great_expectations.render.view.view import DefaultJinjaPageView

from steelyard.guards._pages import readable

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import DataFrame

# Counts, but no values of rows: those reach Data Docs only if a user's expectation aggregates them itself.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_SITE = "docs"


class PageView(DefaultJinjaPageView):
    """A page of Data Docs. All pages of a process share their templates: to compile them takes a guard longest."""

    _environment: ClassVar[Any] = None

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        self.env = PageView._environment = PageView._environment or self.env


class NoIndex:
    """No index of pages: `steelyard.guards._pages.readable` writes one that leads to the verdict."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, **_: Any) -> tuple[None, dict[str, Any]]:
        """Build nothing."""
        return None, {}


def validate(
    checkpoint: str,
    name: str,
    expectations: Sequence[Expectation],
    df: DataFrame,
    values: Mapping[str, Any],
    docs_dir: str | None,
) -> list[ExpectationValidationResult]:
    """Run expectations on a table, and write Data Docs that load nothing from a network."""
    with _context(docs_dir) as context:
        # GX would persist the table and leave it so.
        source = context.data_sources.add_spark("spark", persist=False)
        batch = source.add_dataframe_asset(checkpoint).add_batch_definition_whole_dataframe("all rows")
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=list(expectations)))
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=checkpoint, data=batch, suite=suite)
        )
        pages = [UpdateDataDocsAction(name="update_data_docs", site_names=[_SITE])] if docs_dir else []
        runner = context.checkpoints.add(
            gx.Checkpoint(
                name=checkpoint,
                validation_definitions=[definition],
                actions=list[ValidationAction](pages),
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
    page = {"module_name": __name__, "class_name": "PageView"}
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(Path(docs_dir or "").resolve()),
        },
        "site_section_builders": {"expectations": {"view": page}, "validations": {"view": page}, "profiling": "None"},
        "site_index_builder": {"module_name": __name__, "class_name": "NoIndex"},
    }
    try:
        current = project_manager.get_current_project()
    except DataContextRequiredError:
        current = None
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={_SITE: site} if docs_dir else {},
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    try:
        yield context
    finally:
        project_manager.set_project(current)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence log lines of Great Expectations that repeat the report."""
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
