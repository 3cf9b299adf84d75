"""Follow the recipes of CONTRIBUTING.md: write each code block to the file that it names."""

from __future__ import annotations

from pathlib import Path

from prose import ROOT, blocks

PAGE = ROOT / "CONTRIBUTING.md"


def recipe(title: str) -> list[tuple[str, str, str]]:
    """Return the code blocks below a heading: language, file (may be empty) and text."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    heads = [n for n, line in enumerate(lines, 1) if line.startswith(("## ", "### "))]
    start = next(n for n in heads if lines[n - 1].strip("# ") == title)
    end = next((n for n in heads if n > start), len(lines) + 1)
    found = [(kind, text) for kind, text, at in blocks(PAGE) if start < at < end]
    assert found, f"{title} has no code"
    return [(*_split(kind), text) for kind, text in found]


def _split(kind: str) -> tuple[str, str]:
    language, _, file = kind.partition(" ")
    return language, file


def follow(title: str, place: Path) -> list[str]:
    """Write the blocks of a recipe to their files below a folder; return the commands among them."""
    commands = []
    for language, file, text in recipe(title):
        if language == "bash":
            commands += text.splitlines()
        elif file and (place / file).exists():
            _insert(place / file, text)
        elif file:
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(text, encoding="utf-8")
    return commands


def _insert(file: Path, text: str) -> None:
    """Insert all lines of a block but its first after the line that the first one shows."""
    first, *rest = text.splitlines(keepends=True)
    shown = first.rstrip("\n").removesuffix("…")
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [n for n, line in enumerate(lines, 1) if line.startswith(shown)]
    assert len(places) == 1, f"{file.name} has {len(places)} lines that begin with {shown!r}"
    file.write_text("".join([*lines[: places[0]], *rest, *lines[places[0] :]]), encoding="utf-8")
