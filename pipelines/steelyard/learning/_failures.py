"""Engine failures that a user can act on, each explained in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from steelyard.errors import EngineError, InputError, SteelyardError
from steelyard.learning._features import RAGGED
from steelyard.learning._preprocessing import HUGE

_FEATURE = re.compile(rf"feature ('[^\n]*?'|\"[^\n]*?\") ({HUGE} \S+|{RAGGED})")
_KNOWN = (
    (
        "executor has no steelyard",
        "the executors have no steelyard: ship it with --py-files steelyard.zip, or install it there",
    ),
)


@contextmanager
def translate_spark_errors(known: Iterable[tuple[str, str]] = ()) -> Iterator[None]:
    """Translate Spark's errors with a known cause into this library's errors; all others pass.

    `known` are a trainer's `failures`: a part of Spark's message, in any case, and the explanation.
    """
    try:
        yield
    except SteelyardError:
        raise
    except Exception as error:
        text = str(error)
        if found := _FEATURE.search(text):
            raise InputError(f"feature {found[1]} {found[2]}") from error
        for sign, advice in (*_KNOWN, *known):
            if sign.casefold() in text.casefold():
                raise EngineError(advice) from error
        raise
