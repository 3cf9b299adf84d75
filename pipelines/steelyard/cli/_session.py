"""The Spark session of a command, and its interrupts."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from steelyard.config import SparkConfig


def command_session(config: SparkConfig, *, small: bool = False) -> SparkSession:
    """Return a new session in which Ctrl-C and SIGTERM end the command, so that its temporary files are deleted.

    pyspark's own handler cancels Spark's jobs by a call into Java. During another call this fails: it prints two
    stacks and may lose the interrupt. Java ignores Ctrl-C, so the command ends it: threads need not wait for jobs.
    """
    from steelyard.stages.commands.session import own_session

    session = own_session(config, small=small)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ending(_java_process()))
    return session


def _java_process() -> subprocess.Popen[bytes] | None:
    """Return the process of Java, if this one has started it."""
    from pyspark import SparkContext

    return getattr(SparkContext._gateway, "proc", None)


def ending(process: subprocess.Popen[bytes] | None) -> Callable[[int, Any], None]:
    """Return a signal handler that ends a process, so that calls into Java fail at once, and raises an interrupt."""

    def handler(number: int, frame: Any) -> None:
        if process is not None:
            _expect_end()
            process.terminate()
        on_interrupt(number, frame)

    return handler


def _expect_end() -> None:
    """Keep pyspark from printing a traceback when Java closes its connection for accumulators."""
    from pyspark import SparkContext

    server: Any = getattr(SparkContext._active_spark_context, "_accumulatorServer", None)
    if server is not None:
        server.handle_error = lambda *_: None


came = threading.Event()
"""Set after Ctrl-C or SIGTERM."""


def was_interrupted() -> bool:
    """Whether Ctrl-C came: during a call into Java, it may surface as another error."""
    return came.is_set()


def on_interrupt(number: int, frame: Any) -> None:
    """Record the signal, and raise an interrupt."""
    came.set()
    raise KeyboardInterrupt


def interrupt_again(lost: Any) -> None:
    """Raise again an interrupt that came in a finalizer, where Python only prints exceptions: `sys.unraisablehook`."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.interrupt_main()
    else:
        sys.__unraisablehook__(lost)
