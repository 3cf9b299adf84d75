"""The command `steelyard`: as a process of its own, or inside this one, in the suite's session."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from steelyard.cli import main

BIN = Path(sys.executable).parent


def steelyard(*args: object, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the command; its exit code must be `code`."""
    done = subprocess.run(
        [str(BIN / "steelyard"), *map(str, args)], capture_output=True, text=True, timeout=600, **more
    )
    assert done.returncode == code, done.stderr
    return done


def steelyard_here(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Do what the command does in this process, which must have a session: a JVM of its own costs ten seconds."""
    done = ended_here(*args)
    assert done.returncode == code, done.stderr
    return done


def ended_here(*args: object) -> subprocess.CompletedProcess[str]:
    """Do what the command does in this process, whatever its exit code.

    Its handlers of signals go with it: they end the Java process, which here is that of the suite.
    """
    said, complained = StringIO(), StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    words = ["steelyard", *map(str, args)]
    with patch.object(sys, "argv", words), redirect_stdout(said), redirect_stderr(complained):
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
        finally:
            for number, handler in handlers.items():
                if signal.getsignal(number) is not handler:
                    signal.signal(number, handler)
    return subprocess.CompletedProcess(words, ended, said.getvalue(), complained.getvalue())
