"""A private module is imported by its own package alone, so that what others extend is public and documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "pipelines"


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def private(name: str, path: Path) -> str | None:
    """Return the private module of another package that is part of an imported name."""
    package, parts = ".".join(path.relative_to(ROOT).parent.parts), name.split(".")
    for i, part in enumerate(parts):
        owner = ".".join(parts[:i])
        file = ROOT / owner.replace(".", "/") / f"{part}.py"
        if part.startswith("_") and not part.startswith("__") and file.exists():
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
