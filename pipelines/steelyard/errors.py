"""The exceptions of steelyard: one tree, each with its exit code."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Literal

Kind = Literal["guard", "input", "engine", "interrupt"]
INTERRUPTED = 130
"""The exit code of an interrupted process, as in shells."""


class SteelyardError(Exception):
    """Base of all errors of steelyard.

    Attributes
    ----------
    kind : {"engine", "input", "guard", "interrupt"}
        Who has to act: the operator of Spark, the author of the input, or the owner of the data.
    exit_code : int
        The exit code of a process that ends with this error.
    details : dict
        Facts for programs, such as the place of a guard's report.
    """

    kind: ClassVar[Kind] = "engine"
    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = dict(details or {})


class EngineError(SteelyardError):
    """Spark, the store or a library failed, or something was not foreseen."""


class InputError(SteelyardError):
    """The user's input is wrong: a configuration, a column, the data."""

    kind: ClassVar[Kind] = "input"
    exit_code: ClassVar[int] = 2


class ConfigError(InputError):
    """A pipeline's configuration is wrong; the message names the path in it."""


class InterruptedRunError(SteelyardError):
    """The user stopped a run; the message names the command that continues it."""

    kind: ClassVar[Kind] = "interrupt"
    exit_code: ClassVar[int] = INTERRUPTED


class GuardError(SteelyardError):
    """A guard or the gate failed."""

    kind: ClassVar[Kind] = "guard"
    exit_code: ClassVar[int] = 1


_LINES, _WIDTH = 5, 600


def short(message: str) -> str:
    """Return a message of at most five lines of limited length, without stacks of Java and Python."""
    lines = [line.rstrip() for line in message.splitlines() if line.strip()]
    stack = next((i for i, line in enumerate(lines) if _STACK.match(line)), len(lines))
    kept = [line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in lines[:stack]]
    more = len(kept) - _LINES
    return "\n".join(kept if more <= 0 else [*kept[: _LINES - 1], f"and {more + 1} more"])


def unusable(error: OSError | ValueError, place: str) -> InputError:
    """Return the error for a place where files cannot be read or written.

    Parameters
    ----------
    error : OSError or ValueError
        Of the file system; pyarrow raises a ValueError for a URI of an unknown scheme.
    place : str
    """
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"{place} can't be used: {getattr(error, 'strerror', None) or said}")


_RAISED = "[USER_RAISED_EXCEPTION] "
_LOST = "[CHECKPOINT_RDD_BLOCK_ID_NOT_FOUND]"
_OF_VALUES = ("ArithmeticException", "DateTimeException", "NumberFormatException")  # Spark's, in ANSI mode
_TRACEBACK = "Traceback (most recent call last):"
_STACK = re.compile(r"\s*(?:at [\w.$]+|JVM stacktrace:|Caused by: |Traceback \(most recent)|== Physical Plan|;$")
_TWICE = re.compile(r"\[COLUMN_ALREADY_EXISTS\] The column `(.+?)` already exists")
_PYTHON_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception): .")


def reason(error: BaseException) -> str:
    """Return the first line of an engine error's root cause, without Java's stack.

    For an error in one of Spark's Python workers, it is the error that was raised there.
    """
    java = getattr(error, "java_exception", None)
    text = str(error)
    if java is not None:
        while java.getCause() is not None:
            java = java.getCause()
        text = java.getMessage() or java.toString()
    twice = _TWICE.search(text)
    if twice is not None:
        return f"the table has two columns {twice[1]!r} (Spark ignores case); rename one of them"
    raised = [line for line in text.partition(_TRACEBACK)[2].splitlines() if _PYTHON_ERROR.match(line)]
    lines = raised[:1] or [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[0][:500] if lines else type(error).__name__


_FILE = re.compile(r"\[(?:FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER)[.\w]*\] .*?reading file (.+?)\.(?:\s|$)")
_TRANSPORT = re.compile(
    r"Timeout|Connect(?:ion)?(?:Exception|Refused| reset| refused)|UnknownHost|NoHttpResponse|SlowDown"
    r"|ServiceUnavailable|AccessDenied|AccessControl|Broken pipe|SdkClientException|BlockMissing"
)


def damaged_file(error: BaseException) -> str | None:
    """Return a message that names the damaged file, or None if the error has another cause.

    A store that does not answer is another cause.
    """
    found = _FILE.search(str(error))
    if found is None or _TRANSPORT.search(str(error)):
        return None
    return f"cannot read {found[1]}: {reason(error)}; the file is damaged, or not of the table's format and types"


_WRAPPERS = (
    *(f"steelyard.frames.{name}" for name in ("caching", "parts", "tables", "tasks")),
    "steelyard.stages._runner",
    "steelyard.cli",
)
"""Modules whose functions only run an action: the step is the function that called them."""


def step_of(error: BaseException) -> str:
    """Return the innermost function of steelyard that an error passed through, or an empty string.

    This names the step whose Spark action failed, wherever it was called. Private modules are left out of the name.

    Examples
    --------
    >>> from steelyard.kernels.allocate import largest_remainder
    >>> try:
    ...     largest_remainder([1, 2], None)
    ... except TypeError as error:
    ...     step_of(error)
    'steelyard.kernels.allocate.largest_remainder'
    """
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("steelyard.") and not module.startswith(_WRAPPERS):
            public = [part for part in module.split(".") if not part.startswith("_")]
            return ".".join([*public, frame.f_code.co_qualname.partition(".<")[0]])
    return ""


def translated(error: Exception, what: str) -> SteelyardError:
    """Return an engine's error as one of steelyard's.

    It is an `InputError` if one of our checks inside a query raised it, or if a file is damaged. The loss of an
    executor with rows of `frames.caching.checkpointed` has a message of its own.

    Parameters
    ----------
    error : Exception
    what : str
        The step that failed, for the message.
    """
    if isinstance(error, SteelyardError):
        return error
    said = reason(error)
    if _LOST in str(error):
        return EngineError(
            f"{what} failed: an executor was lost with rows that only it held; run it again, it gives the same rows"
        )
    damaged = damaged_file(error)
    if damaged is not None and _RAISED not in str(error):
        return InputError(damaged)
    if _RAISED in str(error):
        return InputError(str(error).partition(_RAISED)[2].partition(" SQLSTATE")[0].splitlines()[0].strip())
    if type(error).__name__ in _OF_VALUES:
        return InputError(f"{what} failed on a value of the table or an expression (in a pipeline, data.where): {said}")
    step = step_of(error)
    return EngineError(f"{what} failed{f' in {step}' if step else ''}: {type(error).__name__}: {said}")


def closest(name: str, available: Iterable[str]) -> str:
    """Return a hint with the available name most similar to `name`, or an empty string.

    Examples
    --------
    >>> closest("lable", ["label", "amount"])
    " Did you mean 'label'?"
    """
    by_case = {a.casefold(): a for a in available}
    near = get_close_matches(name.casefold(), list(by_case), n=3, cutoff=0.6)
    longer = [a for a in by_case if name and a.startswith(name.casefold())]
    near = near or (longer if len(longer) == 1 else [])
    # Swapped letters are the most frequent slip, but the matcher does not prefer them to a wrong letter.
    near.sort(key=lambda candidate: sorted(candidate) != sorted(name.casefold()))
    return f" Did you mean {by_case[near[0]]!r}?" if near else ""


def missing_column(name: str, available: Iterable[str], role: str = "column") -> InputError:
    """Return the error for a column that is not in a table."""
    columns = list(available)
    hint = closest(name, columns)
    # The first and the last ones: a label is often the last column.
    shown = columns if len(columns) <= 20 else [*columns[:10], "…", *columns[-5:]]
    return InputError(f"{role} {name!r} is not in the table.{hint} It has: {', '.join(shown)}")
