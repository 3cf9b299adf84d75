"""Judgements on rows that are the same in several parts of a table: pure functions from counts to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.guards._seen import Overlap
from steelyard.guards._verdict import Verdict, more, number, percent, plural


def near_duplicates(found: Iterable[Overlap], train: str, test: str, digits: int, max_share: float) -> Verdict:
    """Judge the share of test rows whose features, rounded, occur among the training rows."""
    total, twins = _rows_of(found, test, train)
    share = twins / max(total, 1)
    seen = f"{number(twins)} of {plural(total, 'row')} in {test!r} ({percent(share)})"
    wanted = f"at most {percent(max_share)}" if max_share else "none"
    message = f"to {digits} significant digits, {seen} have the features of a row in {train!r}; expected {wanted}"
    observed = {"rows": total, "twins": twins, "share": share}
    return Verdict(share <= max_share, message, observed, {"max_share": max_share})


def synthetic_duplicates(found: Iterable[Overlap], max_share: float) -> Verdict:
    """Judge the share of synthetic rows that have the features of a real one."""
    total, twins = _rows_of(found, "synthetic", "original")
    share = twins / max(total, 1)
    seen = f"{number(twins)} of {plural(total, 'synthetic row')} ({percent(share)})"
    message = f"{seen} have the very features of a real row; expected at most {percent(max_share)}"
    observed = {"rows": total, "copies": twins, "share": share}
    return Verdict(share <= max_share, message, observed, {"max_share": max_share})


def known_categories(found: Mapping[str, Iterable[Overlap]]) -> Verdict:
    """Judge whether synthetic rows have no category that no real row of their class has; by feature."""
    strange = {f: [o for o in of if o.parts == ("synthetic",)] for f, of in found.items()}
    counts = {f: (sum(o.values for o in of), sum(o.rows["synthetic"] for o in of)) for f, of in strange.items() if of}
    if counts:
        shown = [f"column {f!r} has {plural(n, 'value')} in {plural(rows, 'row')}" for f, (n, rows) in counts.items()]
        message = "synthetic rows have categories that no real row of their class has: "
        message += ", ".join(shown[:5]) + more(shown, 5)
    else:
        message = f"synthetic rows have categories of their class alone in all {plural(len(strange), 'feature')}"
    table = [{"feature": f, "values": n, "rows": rows} for f, (n, rows) in counts.items()]
    return Verdict(not counts, message, {"strange": {f: n for f, (n, _) in counts.items()}}, {"strange": {}}, table)


def _rows_of(found: Iterable[Overlap], part: str, other: str) -> tuple[int, int]:
    """Return the rows of a part, and those of them that another part has the like of."""
    here = [o for o in found if part in o.parts]
    return sum(o.rows[part] for o in here), sum(o.rows[part] for o in here if other in o.parts)
