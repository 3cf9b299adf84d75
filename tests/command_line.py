"""The command `steelyard` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


def steelyard(*args: object, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the command; its exit code must be `code`."""
    done = subprocess.run(
        [str(BIN / "steelyard"), *map(str, args)], capture_output=True, text=True, timeout=600, **more
    )
    assert done.returncode == code, done.stderr
    return done
