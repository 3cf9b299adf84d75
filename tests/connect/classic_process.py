"""A classic session in a process of its own: Spark Connect is compared with what it gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from interpreters import python_that_has_imported
from java_options import classic_environment


def run_classic(script: str, *words: object) -> None:
    """Run a script of this folder, which starts a classic session."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *map(str, words)]
    with TemporaryDirectory() as folder:
        own = {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYSPARK_PYTHON": python_that_has_imported(Path(folder)),
        }
        environment = {**classic_environment(), **own}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
