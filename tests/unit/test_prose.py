"""Pages are short lines of plain English, their links lead somewhere, and messages use the same words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prose import PAGES, ROOT, blocks, prose, unusual, wording

# Packages and modules whose docstrings, comments and messages are checked: all, and the DAG files.
PLACES = [ROOT / "dags", *sorted(p for p in (ROOT / "pipelines/steelyard").iterdir() if p.stem[0] != "_")]
LANGUAGES = {"bash", "json", "python", "text", "toml", "yaml"}
page = pytest.mark.parametrize("page", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in PAGES])


def test_the_first_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@page
def test_lines_are_short(page: Path) -> None:
    output = {n for kind, text, at in blocks(page) if kind == "text" for n in range(at, at + text.count("\n") + 1)}
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    long = [n for n, line in lines if len(line) > 100 and not line.startswith("|") and n not in output]
    assert long == [], "wrap at 100 characters; tables and printed output are exempt"


@page
def test_words_are_plain(page: Path) -> None:
    assert unusual(prose(page)) == [], "see PLAIN in tests/prose.py"


@page
def test_blocks_name_their_language(page: Path) -> None:
    assert [at for kind, _, at in blocks(page) if kind.split(" ")[0] not in LANGUAGES] == []


@page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8"))
    for target, place in links:
        if "://" in target:
            continue
        file = page.parent / target
        assert file.exists(), target
        if place:
            heads = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert place in {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}, target


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = {p.name for p in ROOT.glob("docs/*.md")} - {"README.md"}
    assert pages == set(re.findall(r"^\| \[([\w-]+\.md)\]", index, flags=re.MULTILINE))


@pytest.mark.parametrize("place", [pytest.param(p, id=p.name) for p in PLACES])
def test_words_of_modules_are_plain(place: Path) -> None:
    modules = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    found = {f"{m.name}:{line}": words for m in modules for line, text in wording(m) if (words := unusual(text))}
    assert found == {}, "see PLAIN in tests/prose.py"


def test_unusual_words_are_found() -> None:
    assert unusual("Rows are set aside, and\nthe run begins anew. The file lies in a folder.") == [
        "aside",
        "anew",
        "file lies",
    ]
    assert unusual("Rows are written to a separate table, besides others; no longer than a day.") == []
