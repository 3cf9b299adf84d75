"""Convert the results of Great Expectations to those of a guard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from steelyard.errors import EngineError, InputError
from steelyard.guards._report import GuardResult

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from pyspark.sql import DataFrame

Quarantine: TypeAlias = "Callable[[str, DataFrame], str]"
SHOWN_KEYS = 20


def guard_result(result: ExpectationValidationResult, checkpoint: str) -> GuardResult:
    """Return the result of Great Expectations as a `GuardResult`.

    Raises
    ------
    InputError, EngineError
        If the expectation could not be evaluated.
    """
    config = result.expectation_config
    assert config is not None
    _raise_failure(result, checkpoint)
    observed, kwargs = result.result, {k: v for k, v in config.kwargs.items() if k != "batch_id"}
    details = observed.get("details") or {}
    ours = "message" in details and "expected" in details
    columns = [kwargs[k] for k in ("column", "key", "column_A", "column_B", "column_list") if k in kwargs]
    flat = [name for c in columns for name in (c if isinstance(c, list) else [c])]
    seen = observed.get("observed_value") if ours else _observed_of(observed)
    return GuardResult(
        expectation=config.type,
        column=", ".join(flat) or None,
        success=bool(result.success),
        severity=config.severity.value,
        observed=seen,
        expected=details["expected"] if ours else kwargs,
        message=details["message"] if ours else _message_of(seen, kwargs, flat),
    )


def with_rows(
    outcomes: Sequence[GuardResult],
    results: Sequence[ExpectationValidationResult],
    df: DataFrame,
    key: Sequence[str],
    quarantine: Quarantine | None,
) -> Iterator[GuardResult]:
    """Add the keys of rows that break a failed expectation, and the place of their copies."""
    names: Counter[str] = Counter()
    for outcome, result in zip(outcomes, results, strict=True):
        rows = None if outcome.success else _offending(result, df)
        if rows is None:
            yield outcome
            continue
        names[outcome.expectation] += 1
        nth = names[outcome.expectation]
        keys = _some_keys(rows, key)
        yield replace(
            outcome,
            message=outcome.message + _words(keys),
            keys=keys[:SHOWN_KEYS],
            quarantine=quarantine(outcome.expectation + (f"_{nth}" if nth > 1 else ""), rows) if quarantine else None,
        )


def _offending(result: ExpectationValidationResult, df: DataFrame) -> DataFrame | None:
    from steelyard.guards.expectations import JudgedExpectation

    assert result.expectation_config is not None
    expectation = result.expectation_config.to_domain_obj()
    return expectation.offending(df) if isinstance(expectation, JudgedExpectation) else None


def _some_keys(rows: DataFrame, key: Sequence[str]) -> list[dict[str, Any]]:
    if not key:
        return []
    from steelyard.columns import col

    columns = [*map(col, key)]
    first = rows.select(*columns).distinct().orderBy(*columns).limit(SHOWN_KEYS + 1)
    return [r.asDict() for r in first.select(*(col(name).cast("string").alias(name) for name in key)).collect()]


def _words(keys: Sequence[Mapping[str, Any]]) -> str:
    if not keys:
        return ""
    shown = [", ".join(f"{name} = {value}" for name, value in k.items()) for k in keys[:5]]
    return f" (rows of {'; '.join(shown)}{'; …' if len(keys) > len(shown) else ''})"


def _raise_failure(result: ExpectationValidationResult, checkpoint: str) -> None:
    info = result.exception_info or {}
    # One exception of the expectation itself, or those of its metrics by their ids.
    raised = [info] if "raised_exception" in info else list(info.values())
    for one in raised:
        if one["raised_exception"]:
            kind = result.expectation_config.type if result.expectation_config else "an expectation"
            # Great Expectations keeps only the text of an exception that a metric raised.
            ours = "steelyard.errors.InputError" in one["exception_traceback"]
            error = InputError if ours else EngineError
            raise error(f"guard {checkpoint!r}: {kind} can't be evaluated: {one['exception_message']}")


def _observed_of(result: Mapping[str, Any]) -> Any:
    if result.get("observed_value") is not None:
        return result["observed_value"]
    return {k: v for k, v in result.items() if k in ("element_count", "unexpected_count", "unexpected_percent")}


def _message_of(observed: Any, kwargs: Mapping[str, Any], columns: Sequence[str]) -> str:
    wanted = ", ".join(f"{k} = {v!r}" for k, v in kwargs.items() if k not in ("column", "column_list"))
    subject = f"column {', '.join(map(repr, columns))}" if columns else "the table"
    return f"{subject}: observed {observed!r}" + (f"; expected {wanted}" if wanted else "")
