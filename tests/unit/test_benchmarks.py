"""Scripts of benchmarks/ find what they import: from each other, from tests/ and from installed packages."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def imported(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield each imported module and the names that are taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]


def defined(tree: ast.Module) -> set[str]:
    """Return the names that a module defines or imports at any level."""
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    return names | {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_imports_of_a_benchmark_exist(script: Path) -> None:
    """A script that is renamed or removed is missed by those that import it."""
    for module, names in imported(ast.parse(script.read_text())):
        sibling = BENCHMARKS / f"{module}.py"
        if sibling.exists():
            assert set(names) <= defined(ast.parse(sibling.read_text())), f"{module} lacks a name"
        elif module.split(".")[0] not in ("torch", "safetensors"):  # an extra
            assert importlib.util.find_spec(module.split(".")[0]), f"no module {module}"
