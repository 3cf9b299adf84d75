"""Every command of the pages is one: its options exist, its scripts and targets too."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from prose import PAGES, ROOT, blocks
from typer.exceptions import TyperException

from steelyard.cli._app import app

COMMAND = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
OPTIONS = {"--pipeline", "--run-id", "--run-dir", "--store", "--set", "--var"}  # of every job


def shells() -> Iterator[Any]:
    for page in PAGES:
        for kind, text, at in blocks(page):
            if kind.split(" ")[0] == "bash":
                yield pytest.param(text, id=f"{page.relative_to(ROOT)}:{at}")


def spans() -> Iterator[Any]:
    """Yield the commands between backquotes, most with placeholders in capitals."""
    for page in PAGES:
        text = " ".join(page.read_text(encoding="utf-8").split())
        for span in dict.fromkeys(re.findall(r"`(steelyard [^`]+)`", text)):
            yield pytest.param(span, id=f"{page.relative_to(ROOT)}: {span}")


def parse(words: list[str]) -> None:
    """Parse the words after `steelyard`, as the command does before it runs anything."""
    command, context = COMMAND, typer.Context(COMMAND)
    while hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    with command.make_context(command.name, words, parent=context):
        pass


def check(words: list[str]) -> None:
    """Check one command line; of other programs only what is ours."""
    while words and "=" in words[0]:
        words = words[1:]  # variables of the environment
    if "job" in words and words[:2] == ["docker", "compose"] and "run" in words:
        words = words[words.index("job") + 1 :]
    if ">" in words:
        words = words[: words.index(">")]
    if not words:
        return
    program, *rest = words
    if program.removeprefix(".venv/bin/") == "steelyard":
        parse(rest)
    elif program == "make":
        assert {w for w in rest if "=" not in w} <= TARGETS
    elif program == "spark-submit":
        job = next(i for i, w in enumerate(rest) if w.endswith(".py"))
        script = rest[job].removeprefix("local:///srv/steelyard/")
        assert (ROOT / script).exists(), script
        assert {w for w in rest[job:] if w.startswith("--")} <= OPTIONS
    elif program == "docker":
        files = [rest[i + 1] for i, w in enumerate(rest) if w == "-f"]
        assert files and all((ROOT / file).exists() for file in files)
    else:
        assert program in {"airflow", "python"} or program.startswith("environment/bin/"), program


@pytest.mark.parametrize("text", list(shells()))
def test_blocks(text: str) -> None:
    syntax = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert syntax.returncode == 0 and syntax.stderr == "", syntax.stderr
    for line in text.replace("\\\n", " ").splitlines():
        check(shlex.split(re.sub(r"\s#.*$", "", line)))  # shlex would take x.tar.gz#name for a comment


@pytest.mark.parametrize("span", list(spans()))
def test_commands_in_sentences(span: str) -> None:
    words = shlex.split(span)[1:]
    command = COMMAND
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    named = command is not COMMAND
    assert named or words[0] in {"COMMAND", "--help"}, span
    known = {option for p in command.params for option in p.opts} | {"--help"}
    assert {w for w in words if w.startswith("--")} <= known


def test_every_command_is_listed() -> None:
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `steelyard ([a-z]+)", page, flags=re.MULTILINE))
    assert listed == set(COMMAND.commands)


def test_summaries_fit_the_list_of_commands() -> None:
    for command in commands(COMMAND):
        assert not command.get_short_help_str(limit=66).endswith("..."), command.name
        assert all(getattr(p, "help", "") != "" for p in command.params), command.name


def commands(command: Any) -> Iterator[Any]:
    for below in getattr(command, "commands", {}).values():
        yield below
        yield from commands(below)


def test_a_wrong_option_is_found() -> None:
    for line in ("steelyard split t.parquet --label y --out o --fold 3", "steelyard splt t.parquet", "make everything"):
        with pytest.raises((AssertionError, TyperException)):
            check(shlex.split(line))
