"""All names that steelyard gives to columns, found in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import steelyard
from steelyard.columns import RESERVED, same_name

SOURCE = Path(steelyard.__file__).parent
# Calls that name columns, and the place of the name among their arguments.
_NAMING = {"alias": 0, "withColumn": 0, "withColumnRenamed": 1, "add": 0, "internal": 0, "col": 0, "check_free": 1}
_TYPES = ("array", "bigint", "binary", "boolean", "double", "int", "long", "string")
_OTHERS = ("datasets", "testing", "kernels", "config")  # make tables of their own, or none


def column_names() -> list[str]:
    """Return the names of internal and output columns, each once whatever its case, in the order of the alphabet.

    Of an internal name, what follows the prefix. A name with a number in it (`f"c{i}"`) counts with 0.
    """
    files = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in _OTHERS]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    given = [arg for node in nodes for arg in _given(node)]
    constants = {arg.id for arg in given if isinstance(arg, ast.Name) and arg.id.isupper()}
    given += [value for node in nodes for name, value in _assigned(node) if name in constants]
    texts = [text for node in nodes for text in _text(node) if isinstance(node, ast.Constant | ast.JoinedStr)]
    found = {text for arg in given for text in _text(arg)} | {name for text in texts for name in _of_schema(text)}
    kept = [n for n in sorted(found) if "\n" not in n and not same_name(n).startswith(RESERVED)]
    return sorted({same_name(n): n for n in kept}.values())


def _given(node: ast.AST) -> Iterator[ast.AST]:
    """Return what names columns in a call."""
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _NAMING and len(node.args) > _NAMING[name] + (name == "add"):
        arg = node.args[_NAMING[name]]
        yield from ast.walk(arg) if name == "check_free" else node.args if name == "alias" else [arg]
    if name == "withColumns":
        yield from (key for arg in node.args if isinstance(arg, ast.Dict) for key in arg.keys if key is not None)


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Return the values that an assignment gives names to; of a tuple, each of its values."""
    if not isinstance(node, ast.Assign):
        return
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from ((t.id, v) for t, v in zip(target.elts, value.elts, strict=True) if isinstance(t, ast.Name))
    elif isinstance(target, ast.Name):
        yield from ((target.id, v) for v in (value.elts if isinstance(value, ast.Tuple) else [value]))


def _text(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(p.value) if isinstance(p, ast.Constant) else "0" for p in node.values)]
    return []


def _of_schema(text: str) -> Iterator[str]:
    """Return the names in a schema that is written as text, such as `row_id bigint, own int`."""
    fields = [field.split() for field in text.split(", ")]
    if all(len(f) == 2 and f[1].partition("<")[0] in _TYPES for f in fields):
        yield from (name for name, _ in fields)
