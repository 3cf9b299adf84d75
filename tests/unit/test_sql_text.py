"""No SQL text is made of names or values: Spark substitutes variables in it, such as `${env:PASSWORD}`."""

from __future__ import annotations

import ast
import re

from column_names import SOURCE

# What is made of generated names, numbers and types alone.
GENERATED = {
    "datasets/_card_transactions.py",
    "frames/neighbors/_nearest.py",
    "frames/tasks.py",
    "hashing/_histograms.py",
    "over_sampling/parents.py",
    "sampling/parts.py",
    "sampling/survey.py",
    "splitting/_plan.py",
}
# Names of columns without "${", and a formula of the user, in which it is refused.
OF_USERS = {"columns.py", "sampling/domain.py"}


_METHODS = ("expr", "selectExpr", "where", "filter", "sql")
# What a file without such a call has no match of. A condition is text where an f-string follows.
_CALL = re.compile(r"\.\s*(?:expr|selectExpr|sql)\s*\(|\.\s*(?:where|filter)\s*\(.{0,300}?\bf[\"']", re.DOTALL)


def _takes_sql(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS


def _made(arg: ast.expr) -> bool:
    """Whether text is put together, or comes from elsewhere."""
    return not isinstance(arg, ast.Constant)


def test_sql_text_is_constant_or_generated() -> None:
    found = set()
    for path in SOURCE.rglob("*.py"):
        place, text = path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8")
        if place.startswith("testing/") or not _CALL.search(text):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not _takes_sql(node):
                continue
            assert isinstance(node.func, ast.Attribute)
            always = node.func.attr in {"expr", "selectExpr", "sql"}
            texts = [arg for arg in node.args if _made(arg) and (always or isinstance(arg, ast.JoinedStr | ast.BinOp))]
            if any(always or isinstance(part, ast.JoinedStr) for arg in texts for part in ast.walk(arg)):
                found.add(place)
    assert found == GENERATED | OF_USERS
