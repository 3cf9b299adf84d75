"""The exceptions that steelyard raises: one tree, each with the exit code that the command line gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Literal

Kind = Literal["guard", "input", "engine", "interrupt"]
INTERRUPTED = 130
"""The exit code of a process that the user stopped, as shells give it."""


class SteelyardError(Exception):
    """Base of all errors of steelyard.

    Attributes
    ----------
    kind : {"engine", "input", "guard", "interrupt"}
        Who has to act: whoever runs the engine, whoever gave the input, or whoever owns the data.
    exit_code : int
        What a process that ends with this error exits with.
    details : dict
        Facts for programs, such as where a guard's report lies.
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
    """The user stopped a run; the message says what goes on with it."""

    kind: ClassVar[Kind] = "interrupt"
    exit_code: ClassVar[int] = INTERRUPTED


class GuardError(SteelyardError):
    """A guard or the gate said no."""

    kind: ClassVar[Kind] = "guard"
    exit_code: ClassVar[int] = 1


_LINES, _WIDTH = 5, 600


def short(message: str) -> str:
    """Return a message of at most five lines, none of them endless; stacks of Java and Python are cut."""
    lines = [line.rstrip() for line in message.splitlines() if line.strip()]
    stack = next((i for i, line in enumerate(lines) if _STACK.match(line)), len(lines))
    kept = [line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in lines[:stack]]
    more = len(kept) - _LINES
    return "\n".join(kept if more <= 0 else [*kept[: _LINES - 1], f"and {more + 1} more"])


def unusable(error: OSError | ValueError, place: str) -> InputError:
    """Return the error for a place that files can't be read from or written to.

    Parameters
    ----------
    error : OSError or ValueError
        Of the file system; pyarrow has a ValueError for a URI that none is known for.
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
    """Return the first line of what an engine's error says, without the stack that Java adds; of the first cause.

    Of an error in one of Spark's Python workers it is what was raised there.
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
    """Return a message that names the file which an engine could not read, or None if the error is another.

    A store that does not answer is no damaged file.
    """
    found = _FILE.search(str(error))
    if found is None or _TRANSPORT.search(str(error)):
        return None
    return f"cannot read {found[1]}: {reason(error)}; the file is damaged, or not of the table's format and types"


def translated(error: Exception, what: str) -> SteelyardError:
    """Return an engine's error as one of ours: `InputError` where a check of ours inside a query raised it.

    A file that is damaged inside is an `InputError` too.

    An executor that is lost with rows of `frames.caching.held` is told as such.

    Parameters
    ----------
    error : Exception
    what : str
        What was going on, for the message.
    """
    if isinstance(error, SteelyardError):
        return error
    said = reason(error)
    if _LOST in str(error):
        return EngineError(
            f"{what} failed: an executor was lost, and with it rows that only it held; run it again: the rows will be "
            "the same"
        )
    damaged = damaged_file(error)
    if damaged is not None and _RAISED not in str(error):
        return InputError(damaged)
    if _RAISED in str(error):
        return InputError(str(error).partition(_RAISED)[2].partition(" SQLSTATE")[0].splitlines()[0].strip())
    if type(error).__name__ in _OF_VALUES:
        return InputError(f"{what} failed on a value of the table or an expression (in a pipeline, data.where): {said}")
    return EngineError(f"{what} failed: {type(error).__name__}: {said}")


def closest(name: str, available: Iterable[str]) -> str:
    """Return a hint at the available name nearest to `name`, or an empty string.

    Examples
    --------
    >>> closest("lable", ["label", "amount"])
    " Did you mean 'label'?"
    """
    by_case = {a.casefold(): a for a in available}
    near = get_close_matches(name.casefold(), list(by_case), n=3, cutoff=0.6)
    longer = [a for a in by_case if name and a.startswith(name.casefold())]
    near = near or (longer if len(longer) == 1 else [])
    # Swapped letters are the commonest slip, and the matcher rates them no higher than a wrong letter.
    near.sort(key=lambda candidate: sorted(candidate) != sorted(name.casefold()))
    return f" Did you mean {by_case[near[0]]!r}?" if near else ""


def missing_column(name: str, available: Iterable[str], role: str = "column") -> InputError:
    """Return the error for a column that a table doesn't have."""
    columns = list(available)
    hint = closest(name, columns)
    shown = ", ".join(columns[:20]) + (", …" if len(columns) > 20 else "")
    return InputError(f"{role} {name!r} is not in the table.{hint} It has: {shown}")
