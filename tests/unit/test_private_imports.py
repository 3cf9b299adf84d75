"""A private module is imported by its own package alone, so that what others extend is public and documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "pipelines"


def statements(of: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements in a module or a statement, and theirs; expressions, which are most nodes, hold none."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in value if isinstance(value := getattr(of, name, None), list) else ():
            yield inner
            yield from statements(inner)


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, anywhere in it."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
