"""A private module is imported by its own package alone, so that what others extend is public and documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "pipelines"


# As ruff formats it. To parse all files takes most of a second.
_IMPORT = re.compile(r"^ *(?:from (\S+) )?import (\([^)]*\)|[^\n]+)", re.MULTILINE)


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, anywhere in it, and those of aliases."""
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        yield from (f"{module}.{name}" if module else name for name in re.findall(r"[\w.]+", names))


@cache
def is_module(name: str) -> bool:
    """Whether a dotted name is that of a file."""
    return (ROOT / f"{name.replace('.', '/')}.py").exists()


def private(name: str, path: Path) -> str | None:
    """Return the private module of another package that is part of an imported name."""
    package, parts = ".".join(path.relative_to(ROOT).parent.parts), name.split(".")
    for i, part in enumerate(parts):
        owner = ".".join(parts[:i])
        if part.startswith("_") and not part.startswith("__") and is_module(f"{owner}.{part}"):
            return None if f"{package}.".startswith(f"{owner}.") else ".".join(parts[: i + 1])
    return None


def test_private_modules_are_imported_by_their_own_package() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), module)
        for path in ROOT.rglob("*.py")
        for name in imports(path)
        if name.startswith("steelyard.") and (module := private(name, path))
    }
    assert not found, "make these modules public (no leading underscore, a docstring), or import from their package"
