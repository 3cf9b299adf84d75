"""A private module is imported by its own package alone, so that what others extend is public and documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "pipelines"

# Private modules that other packages still import. The list only gets shorter: what is needed elsewhere is made public.
ALLOWED: dict[str, set[str]] = {
    "cli": {
        "stages._check",
        "stages._current",
        "stages._java",
        "stages._logging",
        "stages._model",
        "stages._order",
        "stages._reference",
        "stages._resampling",
        "stages._retention",
        "stages._schema",
        "stages._session",
        "stages._tables",
    },
    "stages": {"splitting._plan"},
}


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
    found: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        for name in imports(path):
            if name.startswith("steelyard.") and (module := private(name, path)):
                found.setdefault(path.relative_to(ROOT).parts[1], set()).add(module.removeprefix("steelyard."))
    new = {p: sorted(of - ALLOWED.get(p, set())) for p, of in found.items() if of - ALLOWED.get(p, set())}
    assert new == {}, "make these modules public (no leading underscore, a docstring), or import from their package"
    gone = {p: sorted(of - found.get(p, set())) for p, of in ALLOWED.items() if of - found.get(p, set())}
    assert gone == {}, "take these out of ALLOWED: nothing imports them any more"
