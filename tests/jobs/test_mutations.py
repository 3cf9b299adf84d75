"""Bad inputs by the hundred: exit code 2 and one short message that names what is wrong, early."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import bad_inputs
import pytest
import typer.main
from bad_inputs import Bad
from command_line import steelyard_here

from steelyard.cli._app import _ON_TABLES, app

_STACK = re.compile(r"Traceback|[Pp]y4[Jj]|\bat (?:org|java|scala)\.|\"stacktrace\"|JVM stacktrace")
SPARK_FREE = 195  # cases that must fail before there is a session


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEELYARD_MASTER", raising=False)
    monkeypatch.setenv("STEELYARD_STORE", str(tmp_path / "runs"))
    return tmp_path


def foreign_options(words: list[str], told: str) -> set[str]:
    """Return what an answer names that the command does not have: an option, or for a bare table a pipeline's key."""
    group = typer.main.get_command(app)
    known = getattr(group, "commands", {}).get(words[0]) if words else None
    if known is None:
        return set()
    known = getattr(known, "commands", {}).get(words[1] if len(words) > 1 else "", known)
    own = {"--help", "--debug", *(o for p in known.params for o in p.opts)}
    given = {word.partition("=")[0] for word in words}
    here = re.sub(r"--\w+[^()\n]{0,60}\(in a pipeline, data\.\w+\)", "", told)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", here)) - own - given
    keys = re.findall(r"(?<!in a pipeline, )(?<![\w/'\".])data\.[a-z]+", here) if words[0] in _ON_TABLES else []
    return named | set(keys)


def faults(cases: Iterable[Bad]) -> tuple[int, list[str]]:
    """Return how many cases there were, and what is wrong with the answers to them."""
    found, count = [], 0
    for count, case in enumerate(cases, 1):  # noqa: B007
        shown = f"{' '.join(word[-90:] for word in case.words)} ({case.names})"
        try:
            told = steelyard_here(*case.words, code=2).stderr
        except AssertionError as error:
            found.append(f"{shown}: not exit code 2: {error}")
            continue
        message = told[told.find("error: ") :].rstrip("\n") if "error: " in told else ""
        wrong = {
            "no message": not message,
            "more than five lines": message.count("\n") > 4,
            "a line without end": max(map(len, message.splitlines() or [""])) > 650,
            f"{case.names} is not named": case.names not in message,
            "a stack": _STACK.search(told),
            "what the command does not have": foreign_options(case.words, told),
        }
        found += [f"{shown}: {what}: {told[-600:]}" for what, is_so in wrong.items() if is_so]
    return count, found


def test_what_needs_no_spark(here: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("a session was started for an input that is wrong without one")

    monkeypatch.setattr("steelyard.stages.commands.session.own_session", started)
    cases = [
        *bad_inputs.misspelled(table),
        *bad_inputs.wrong_values(table),
        *bad_inputs.broken_files(here),
        *bad_inputs.commands(bad_inputs.COMMANDS, here, table),
    ]
    count, found = faults(cases)
    assert not found, "\n\n".join(found)
    assert count >= SPARK_FREE


@pytest.mark.usefixtures("spark")
def test_columns_and_tables(here: Path, table: str) -> None:
    cases = [*bad_inputs.commands(bad_inputs.COLUMNS, here, table), *bad_inputs.tables(here)]
    count, found = faults(cases)
    assert not found, "\n\n".join(found)
    assert count >= 40
    assert not (here / "new").exists()
