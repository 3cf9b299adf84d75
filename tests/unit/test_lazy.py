"""Imports without an optional part."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from steelyard.lazy import import_without


def test_a_module_is_absent_during_one_import_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy.py").write_text("")
    (tmp_path / "lists_all.py").write_text("try:\n    import heavy\nexcept ImportError:\n    heavy = None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert import_without("lists_all", "heavy").heavy is None
    assert "heavy" not in sys.modules
    del sys.modules["lists_all"]
    heavy = import_without("heavy", "absent")
    assert import_without("lists_all", "heavy").heavy is heavy
    for name in ("heavy", "lists_all"):
        del sys.modules[name]
