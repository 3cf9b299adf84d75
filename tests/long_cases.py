"""The cases of a check that `make test` runs, and those that it leaves to `make test-long`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], kept: Iterable[Any]) -> list[Any]:
    """Return all cases for `parametrize`, those marked as long that are not among `kept`."""
    wanted = list(kept)
    return [case if case in wanted else _long(case) for case in cases]


def _long(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.long)
