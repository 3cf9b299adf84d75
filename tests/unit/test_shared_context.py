"""A context that threads share is left once, by the last of them."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from steelyard.learning._neural_network_task import _QUIET


def test_output_comes_back_after_trainings_that_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of folds are trained in threads: the first to begin may also be the first to end."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before, first, second = sys.stdout, ExitStack(), ExitStack()
    printed = first.enter_context(_QUIET.entered())
    assert second.enter_context(_QUIET.entered()) is printed
    [logs] = tmp_path.iterdir()
    assert os.environ["PET_LOG_DIR"] == str(logs)
    first.close()
    sys.stdout.write("of the second")
    second.close()
    assert sys.stdout is before and printed.getvalue() == "of the second"
    assert "PET_LOG_DIR" not in os.environ and not list(tmp_path.iterdir())
