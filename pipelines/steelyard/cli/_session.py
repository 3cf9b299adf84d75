"""The Spark session of a command, and its interrupts."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.config import SparkConfig


def command_session(config: SparkConfig, *, small: bool = False) -> SparkSession:
    """Return a new session in which Ctrl-C ends the command.

    pyspark's own handler cancels Spark's jobs by a call into Java. During another call this fails: it prints two
    stacks and may lose the interrupt. The end of the command also ends its Java process and all jobs.
    """
    from steelyard.stages.commands.session import own_session

    session = own_session(config, small=small)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, on_interrupt)
    return session


came = threading.Event()
"""Set after Ctrl-C."""


def was_interrupted() -> bool:
    """Whether Ctrl-C came: during a call into Java, it may surface as another error."""
    return came.is_set()


def on_interrupt(number: int, frame: Any) -> None:
    """Record Ctrl-C, and raise it."""
    came.set()
    raise KeyboardInterrupt


def interrupt_again(lost: Any) -> None:
    """Raise again an interrupt that came in a finalizer, where Python only prints exceptions: `sys.unraisablehook`."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.interrupt_main()
    else:
        sys.__unraisablehook__(lost)
