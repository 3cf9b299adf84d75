"""What a classic session, in a process of its own, makes of the checks' table."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import pytest
from classic_process import run_classic


@pytest.fixture(scope="session")
def classic(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[tuple[Any, ...]]]:
    out = tmp_path_factory.mktemp("classic") / "rows.pickle"
    run_classic("rows_of_all_samplers.py", out)
    rows: dict[str, Counter[tuple[Any, ...]]] = pickle.loads(out.read_bytes())
    return rows
