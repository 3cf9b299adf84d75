"""Failures inside the engine that a user can do something about, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from steelyard.errors import EngineError, InputError, SteelyardError
from steelyard.learning._features import HUGE, RAGGED

_FEATURE = re.compile(rf"feature ('[^\n]*?'|\"[^\n]*?\") ({HUGE} \S+|{RAGGED})")
_KNOWN = (
    (
        "barrier execution mode with dynamic",
        "XGBoost's workers must run at the same time, which dynamic allocation can't promise: set "
        "spark.dynamicAllocation.enabled=false",
    ),
    (
        "requires more slots",
        "XGBoost's workers must run at the same time, and the cluster has too few free cores for them: lower "
        "train.num_workers, or give the application more cores",
    ),
    (
        "executor has no steelyard",
        "the executors have no steelyard: ship it with --py-files steelyard.zip, or install it there",
    ),
    ("No module named 'xgboost'", "the executors lack xgboost: install it there"),
)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what Spark raises for known reasons into this library's errors; anything else passes.

    Raises
    ------
    InputError
        For a value that only the reading of it showed to be wrong.
    EngineError
    """
    try:
        yield
    except SteelyardError:
        raise
    except Exception as error:
        text = str(error)
        if found := _FEATURE.search(text):
            raise InputError(f"feature {found[1]} {found[2]}") from error
        for sign, advice in _KNOWN:
            if sign.casefold() in text.casefold():
                raise EngineError(advice) from error
        raise
