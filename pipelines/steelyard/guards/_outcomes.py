"""From the results of Great Expectations to those of a guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steelyard.errors import EngineError, InputError
from steelyard.guards._report import GuardResult

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult


def guard_result(result: ExpectationValidationResult, checkpoint: str) -> GuardResult:
    """Return the verdict of Great Expectations in our words.

    Raises
    ------
    InputError, EngineError
        If the expectation could not be evaluated.
    """
    config = result.expectation_config
    assert config is not None
    _raise_what_was_raised(result, checkpoint)
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


def _raise_what_was_raised(result: ExpectationValidationResult, checkpoint: str) -> None:
    info = result.exception_info or {}
    # One exception of the expectation itself, or those of its metrics by their ids.
    raised = [info] if "raised_exception" in info else list(info.values())
    for one in raised:
        if one["raised_exception"]:
            kind = result.expectation_config.type if result.expectation_config else "an expectation"
            # Of the exception that a metric raised, Great Expectations keeps the text alone.
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
