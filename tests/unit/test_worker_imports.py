"""Modules that workers import before a task needs them."""

from __future__ import annotations

import sys
import threading

from steelyard.frames.workers import begin_imports


def test_a_thread_imports_once_and_passes_over_what_fails() -> None:
    sys.modules.pop("colorsys", None)
    for again in (False, True):
        begin_imports(["steelyard.no_such_module", "colorsys"])
        for thread in threading.enumerate():
            if thread.name == "steelyard-imports":
                thread.join()
        found = sys.modules.pop("colorsys", None)
        assert (found is None) == again
