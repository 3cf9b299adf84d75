"""The session of a command, and what an interrupt does to it."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.config import SparkConfig


def command_session(config: SparkConfig) -> SparkSession:
    """Return a session of our own in which Ctrl-C ends the command.

    pyspark's own handler cancels Spark's jobs by a call into Java, which fails in the middle of another call: that
    prints two stacks and may lose the interrupt. When the command ends, so does its Java, and all jobs with it.
    """
    from steelyard.stages._session import own_session

    session = own_session(config)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, on_interrupt)
    return session


came = threading.Event()
"""Set once Ctrl-C has come."""


def was_interrupted() -> bool:
    """Whether Ctrl-C came: in the middle of a call into Java it may end as another error."""
    return came.is_set()


def on_interrupt(number: int, frame: Any) -> None:
    """Note that Ctrl-C came, and raise it."""
    came.set()
    raise KeyboardInterrupt


def interrupt_again(lost: Any) -> None:
    """Raise again an interrupt that came in a finalizer, where Python only prints exceptions: `sys.unraisablehook`."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.interrupt_main()
    else:
        sys.__unraisablehook__(lost)
