"""Prose of pages and of modules, and the words that plain technical English does not use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]

# What stands in for a word, by the pattern that finds it. Words that the field uses are not listed.
PLAIN = {
    r"anew": "again",
    r"aside": "apart, separately; 'quarantine' for rows",
    r"beside": "next to, in addition to",
    r"anyhow": "in any case; 'without groups' for rows",
    r"whoever|whosoever": "people who, the owner of",
    r"dear|dearer|dearest": "expensive",
    r"kin": "similar, related",
    r"told": "shown, given, reported",
    r"dares?|needn't|mustn't|oughtn't|lest|amiss|heed|whence|thereof|wherein|whither": "a modern word",
    r"mends?|mended|mending": "fix",
    r"for ever|for good": "without end, finally",
    r"at home": "frequent, valid",
    r"the very (?!\w+est\b)\w+": "exactly the",
    r"without a word": "without an outcome, silently",
    r"nobody": "no one, nothing",
    r"there is none that|there are none that": "no … exists",
    r"goes? on|going on|went on": "continues",
    r"honours?|honoured": "obeys",
    r"(?:data|tables?|files?|reports?|folders?) lies?|lies? there": "is in",
    r"stands? (?:in|there|under|nowhere|on|alone)": "is in",
    r"tells? (?:apart|more)": "distinguishes, shows",
    r"(?<!there )(?:is|are|be) no (?!more|such|(?:long|few|bett|high|low|great|small|larg|oth)er\b)\w+": "is not a",
    r"says? no|said no": "fails, failed",
    r"(?:rows?|classes|class|columns?) (?:say|says|speak|speaks|want|wants)": "the data states",
}
_FOUND = re.compile(r"\b(?:" + "|".join(f"(?:{word})" for word in PLAIN) + r")\b(?!`)", re.IGNORECASE)


def unusual(text: str) -> list[str]:
    """Return the words of `text` that have plain ones."""
    return [found.group() for found in _FOUND.finditer(" ".join(text.split()))]


def blocks(page: Path) -> Iterator[tuple[str, str, int]]:
    """Yield each code block of a page: what follows the fence, its text without the indent, its line."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start: int | None = None
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            if start is None:
                start = number
                continue
            head = lines[start - 1]
            indent = len(head) - len(head.lstrip())
            body = "\n".join(text[indent:] for text in lines[start : number - 1]) + "\n"
            yield head.strip().removeprefix("```"), body, start
            start = None
    assert start is None, f"{page}:{start}: a block without an end"


def prose(page: Path) -> str:
    """Return a page without code blocks, code spans and addresses."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "`", text)


_JOINED = re.compile(r"""["']\s*\n\s*[rf]*["']""")  # where two strings are one
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")  # or text in a string, whose words are checked anyway


def wording(module: Path) -> Iterator[tuple[int, str]]:
    """Yield comments, docstrings and other texts of several words in a module, each with its line.

    A module whose code has none of the words either is not parsed, which takes most of the time.
    """
    source = module.read_text(encoding="utf-8")
    if not unusual(_JOINED.sub("", source)):
        return
    for number, line in enumerate(source.splitlines(), 1):
        if "#" in line and (comment := _COMMENT.search(line)):
            yield number, comment[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, re.sub(r"`[^`]*`", "`", node.value)
