"""Where the time of tests goes: seconds by directory, at the end of a run.

`STEELYARD_TEST_TIMES` names a file that collects the tables of several runs.
`python tests/time_table.py FILE` shows it.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

Row = tuple[str, int, float]


def rows_of(reporter: pytest.TerminalReporter) -> list[Row]:
    """Return directory, tests and seconds, setting up included; the seconds of all processes are added."""
    tests: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for report in (r for of in reporter.stats.values() for r in of if isinstance(r, pytest.TestReport)):
        folder = str(Path(report.nodeid.split("::")[0]).parent)
        seconds[folder] += report.duration
        tests[folder] += report.when == "call"
    return [(folder, tests[folder], round(seconds[folder], 1)) for folder in sorted(seconds)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, where all tests together took a minute or more."""
    if hasattr(terminalreporter.config, "workerinput"):
        return  # one of xdist's processes, whose tests the main process counts too
    rows = rows_of(terminalreporter)
    collected = os.environ.get("STEELYARD_TEST_TIMES")
    if collected:
        with Path(collected).open("a") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
    if sum(seconds for _, _, seconds in rows) < 60:
        return
    terminalreporter.section("seconds by directory")
    for line in lines(rows):
        terminalreporter.write_line(line)


def lines(rows: Iterable[Row]) -> list[str]:
    """Return the table's lines."""
    return [f"{seconds:9,.1f}  {tests:6,}  {folder}" for folder, tests, seconds in rows]


if __name__ == "__main__":
    print(*lines(map(json.loads, Path(sys.argv[1]).read_text().splitlines())), sep="\n")  # noqa: T201
