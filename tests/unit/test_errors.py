"""What an unforeseen error of the engine becomes: one line that names the step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steelyard.errors import EngineError, step_of, translated
from steelyard.frames.caching import checkpointed
from steelyard.params import number
from steelyard.sampling import get_sampler
from steelyard.sampling.strategy import resolve


def failure(run: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        run()
    return caught.value


def test_the_step_that_failed_is_named() -> None:
    wrong: Any = object()
    error = failure(lambda: resolve("auto", wrong, "over-sampling"))
    assert step_of(error).startswith("steelyard.")
    known = translated(error, "stage resample")
    assert isinstance(known, EngineError)
    assert str(known) == f"stage resample failed in {step_of(error)}: TypeError: {error}"


def test_methods_are_named_by_their_class_and_inner_functions_by_the_outer_one() -> None:
    wrong: Any = object()
    assert step_of(failure(lambda: get_sampler("smote").targets(wrong))) == "steelyard.sampling.base.Sampler.targets"
    assert step_of(failure(lambda: number(0, 1, wrong)("x", wrong + 1))) == ""
    assert step_of(failure(lambda: number(0, wrong, "a number")("x", 1))) == "steelyard.params.number"


def test_helpers_that_only_run_an_action_are_not_the_step() -> None:
    wrong: Any = object()
    error = failure(lambda: checkpointed(wrong))
    assert step_of(error) == ""
    assert str(translated(error, "the command")) == f"the command failed: AttributeError: {error}"
