"""Show the progress of a run: one line per stage, on stderr."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.cli._output import console
from steelyard.stages import STAGES, time_left
from steelyard.store import Outcome

_MARKS = {"done": "✓", "skip": "·", "fail": "✗"}


class Progress:
    """Print one line per stage to stderr: number, name, rows, seconds, and the estimated time left."""

    def __init__(self, stages: Sequence[str] = STAGES, *, quiet: bool = False) -> None:
        self._stages = stages
        self._console = console(err=True)
        self._quiet = quiet
        self._began = time.monotonic()
        self._spent: dict[str, float] = {}
        self._kept: set[str] = set()

    def warn(self, message: str) -> None:
        """Show a warning."""
        if not self._quiet:
            self._console.print(f"  note: {message}", style="yellow", markup=False)

    def __call__(self, event: str, stage: str, outcome: Outcome | None) -> None:
        """Show what has happened to a stage."""
        if self._quiet:
            return
        number = f"[{self._stages.index(stage) + 1:>2}/{len(self._stages)}]"
        if event == "start":
            self._began = time.monotonic()
            if self._console.is_terminal:
                self._console.print(f"{number}   {stage} …{self._left()}", end="\r", markup=False)
            return
        seconds = time.monotonic() - self._began
        if event == "skip":
            self._kept.add(stage)
        if event == "done":
            self._spent[stage] = seconds
        words = [f"{number} {_MARKS[event]} {stage:<16}"]
        words.append("kept" if event == "skip" else f"{seconds:5.1f} s")
        words.append(_rows(outcome))
        line = "  ".join(words).rstrip()
        after = self._left() if event == "done" and stage != self._stages[-1] else ""
        self._console.print(f"{line}{after}", markup=False, style="red" if event == "fail" else None)
        for message in (outcome.details.get("messages") or []) if outcome is not None else []:
            self._console.print(f"        {message}", markup=False)

    def _left(self) -> str:
        if not self._spent:
            return ""
        return f"  (about {max(round(time_left(self._spent, self._kept, self._stages)), 1)} s left)"


def _rows(outcome: Outcome | None) -> str:
    if outcome is None or not outcome.rows:
        return ""
    totals = [_total(outcome.rows[side]) for side in ("in", "out") if side in outcome.rows]
    texts = [f"{t:,}" for t in dict.fromkeys(totals)]
    return " → ".join(texts) + " rows"


def _total(rows: Any) -> int:
    return sum(_total(v) for v in rows.values()) if isinstance(rows, Mapping) else int(rows)
