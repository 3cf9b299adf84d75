"""What a classic session, in a process of its own, makes of the checks' table."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from java_options import classic_environment


@pytest.fixture(scope="session")
def classic(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[tuple[Any, ...]]]:
    out = tmp_path_factory.mktemp("classic") / "rows.pickle"
    script = Path(__file__).with_name("rows_of_all_samplers.py")
    environment = {**classic_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, script, out], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows: dict[str, Counter[tuple[Any, ...]]] = pickle.loads(out.read_bytes())
    return rows
