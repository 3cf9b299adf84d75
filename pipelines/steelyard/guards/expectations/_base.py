"""Bases of all expectations: the metrics that they need, the verdict, and its form in Data Docs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from great_expectations.compatibility import pydantic
from great_expectations.core.suite_parameters import SuiteParameterDict, is_suite_parameter
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.render.components import (
    CollapseContent,
    LegacyDiagnosticRendererType,
    LegacyRendererType,
    RenderedStringTemplateContent,
    RenderedTableContent,
)
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.renderer_configuration import RendererConfiguration, RendererValueType
from great_expectations.validator.metric_configuration import MetricConfiguration

from steelyard.guards import metrics as _registered  # noqa: F401  # the metrics, with Great Expectations
from steelyard.guards._counts import LabelCounts
from steelyard.guards._needs import CELLS, Needs, asked, cells
from steelyard.guards._verdict import TABLE_ROWS, Verdict, named

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.execution_engine.execution_engine import ExecutionEngine
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.validator.validator import ValidationDependencies
    from pyspark.sql import DataFrame

# A field may hold a reference to a parameter; Great Expectations inserts the value before the judgement.
if TYPE_CHECKING:
    Parameter: TypeAlias = Any
else:
    Parameter = SuiteParameterDict

SPLITS = ["train", "validation", "test"]
_COLUMN_FIELDS = ("column", "key", "features")


class JudgedExpectation(BatchExpectation, ABC):
    """An expectation that judges the values of metrics and explains the verdict in one sentence.

    Subclasses define the metrics, the judgement, and the `template` for Data Docs, in which `$field` stands for a
    field. A field may hold `{"$PARAMETER": "name"}`; its value is given when the suite runs. A field called
    `column`, `key`, `features` or `..._column` names columns that the table must have.
    """

    template: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Tell Great Expectations which fields decide the verdict."""
        super().__init_subclass__()
        own = [name for name in cls.__fields__ if name not in BatchExpectation.__fields__]
        cls.domain_keys = ("batch_id", *(name for name in own if name == "column"))
        cls.success_keys = tuple(name for name in own if name != "column")

    @pydantic.validator("shares", "counts", check_fields=False)
    def _numbers_by_name(cls, value: Any) -> Any:  # noqa: N805  # pydantic passes the class
        return value if is_suite_parameter(value) else {str(name): value[name] + 0 for name in value}

    @abstractmethod
    def needs(self) -> Needs:
        """Return what the judgement needs to know of the table: see `steelyard.guards._needs`."""

    @abstractmethod
    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        """Judge the values of the metrics."""

    def offending(self, df: DataFrame) -> DataFrame | None:
        """Return the rows that break the expectation; None if it does not concern single rows."""
        return None

    def columns(self) -> tuple[str, ...]:
        """Return the columns that the table must have."""
        fields = (name for name in self.__fields__ if name in _COLUMN_FIELDS or name.endswith("_column"))
        given = (getattr(self, name) for name in fields)
        lists = ([value] if isinstance(value, str) else value or [] for value in given)
        return tuple(name for names in lists for name in names)

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine[Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """Tell Great Expectations which metrics to compute; it computes equal ones once for all expectations."""
        dependencies = super().get_validation_dependencies(execution_engine, runtime_configuration)
        for name, arguments in asked(self.needs()).items():
            dependencies.set_metric_configuration(
                name, MetricConfiguration(name, {"batch_id": self.batch_id}, dict(arguments))
            )
        return dependencies

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        verdict = self._judge(metrics)
        details = {
            "message": verdict.message,
            "expected": verdict.expected,
            # Lists, since Great Expectations sorts the keys of what it stores.
            "header": [*verdict.table[0]] if verdict.table else [],
            "rows": [[*row.values()] for row in verdict.table[:TABLE_ROWS]],
        }
        return {
            "success": verdict.success,
            "result": {"observed_value": verdict.observed, "details": details},
        }

    @classmethod
    def _words(cls, fields: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
        """Return the template that fits the given fields, and the text of each of them."""
        defaults = {name: field.default for name, field in cls.__fields__.items()}
        values = {**defaults, **fields}
        return cls._template_for(values), {name: _in_words(value) for name, value in values.items()}

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        return cls.template

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: RendererConfiguration[Any]) -> RendererConfiguration[Any]:
        template, words = cls._words(renderer_configuration.kwargs)
        for name, text in words.items():
            if _uses(template, name):
                renderer_configuration.add_param(name=name, param_type=RendererValueType.STRING, value=text)
        renderer_configuration.template_str = template
        return renderer_configuration

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> list[RenderedStringTemplateContent]:
        shown = configuration or (result and result.expectation_config)
        template, words = cls._words(shown.kwargs if shown else {})
        styling = (runtime_configuration or {}).get("styling")
        return [_text(template, {n: w for n, w in words.items() if _uses(template, n)}, styling)]

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> Any:
        styling = {} if result and result.success else {"classes": ["text-danger"]}
        return _text("$message", {"message": _details(result).get("message", "--")}, styling)

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.UNEXPECTED_TABLE)
    def _diagnostic_unexpected_table_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> list[RenderedTableContent | CollapseContent] | None:
        details = _details(result)
        if not details.get("rows") or (result and result.success):
            return None
        return [
            RenderedTableContent(
                content_block_type="table",
                header_row=details["header"],
                table=[[_text("$cell", {"cell": _in_words(value)}) for value in row] for row in details["rows"]],
                styling={"body": {"classes": ["table-bordered", "table-sm", "mt-3"]}},
            )
        ]


class LabelExpectation(JudgedExpectation, ABC):
    """An expectation on the number of rows of each class.

    Parameters
    ----------
    column : str
        The label.
    split_column : str, optional
        The split of a row; null for a row in no split.
    synthetic_column : str, optional
        Whether resampling made the row.
    """

    column: str
    split_column: str | Parameter | None = None
    synthetic_column: str | Parameter | None = None

    def needs(self) -> Needs:
        return cells(label=self.column, split=self.split_column, synthetic=self.synthetic_column)

    def _counts(self, metrics: Mapping[str, Any]) -> LabelCounts:
        counts: LabelCounts = metrics[CELLS].labels(self.column, self.split_column, self.synthetic_column)
        return counts


def _uses(template: str, name: str) -> bool:
    return re.search(rf"\${name}\b", template) is not None


def _details(result: ExpectationValidationResult | None) -> dict[str, Any]:
    return (result.result or {}).get("details", {}) if result else {}


def _text(template: str, params: Mapping[str, str], styling: Any = None) -> RenderedStringTemplateContent:
    # Great Expectations escapes the parameters of a string template and nothing else; so all that comes from
    # the data is a parameter.
    content = {"template": template, "params": dict(params), **({"styling": styling} if styling else {})}
    return RenderedStringTemplateContent(content_block_type="string_template", string_template=content)


def _in_words(value: Any) -> str:
    if is_suite_parameter(value):
        return f"the parameter {value['$PARAMETER']}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_in_words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return named(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) else f"{value:.10g}"
    return str(value)
