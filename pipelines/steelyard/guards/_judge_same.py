"""Judgements on rows that are the same in several parts of a table: pure functions from counts to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.guards._seen import Overlap
from steelyard.guards._verdict import Verdict, more, number, percent, plural

TIMES_CHANCE = 2
"""Near-duplicates are allowed to this multiple of what chance gives, as features may depend on each other in ways that
the estimate does not know."""

_CONFIDENCE = 0.99


def near_duplicates(
    found: Iterable[Overlap], train: str, test: str, digits: int, max_share: float, chance: float | None = None
) -> Verdict:
    """Judge the number of test rows whose features, rounded, occur among the training rows.

    Parameters
    ----------
    found : iterable of Overlap
    train, test : str
    digits : int
    max_share : float
        The share of test rows that is allowed in addition to what chance gives.
    chance : float, optional
        The share of test rows that chance gives; None where it was not needed.
    """
    total, twins = rows_of(found, test, train)
    share, most = twins / max(total, 1), most_twins(total, max_share, chance or 0.0)
    seen = f"{number(twins)} of {plural(total, 'row')} in {test!r} ({percent(share)})"
    wanted = f"expected at most {number(most)}" if most else "expected none"
    message = f"to {digits} significant digits, {seen} have the features of a row in {train!r}; "
    message += wanted if chance is None else f"chance gives {_about(chance * total)}; {wanted}"
    message += "" if twins <= most else ". Drop copies, or keep them in one split (data.group)"
    observed = {"rows": total, "twins": twins, "share": share, "chance": chance}
    return Verdict(twins <= most, message, observed, {"max_share": max_share, "max_twins": most})


def most_twins(rows: int, max_share: float, chance: float = 0.0) -> int:
    """Return how many of `rows` test rows may have twins: the 99 % quantile of a Poisson distribution.

    Its mean is a share of `max_share` plus twice what chance gives.

    Examples
    --------
    >>> most_twins(1000, 0.001), most_twins(1000, 0.001, 0.1), most_twins(1000, 0.0)
    (4, 235, 0)
    """
    from scipy.special import pdtr  # tenths of a second of each command's start

    mean = rows * (max_share + TIMES_CHANCE * chance)
    most = int(mean)  # the quantile is not below it
    while pdtr(most, mean) < _CONFIDENCE:
        most += 1
    return most


def _about(rows: float) -> str:
    return f"about {number(round(rows))}" if rows >= 0.5 else "none" if rows < 0.05 else "fewer than 1"


def synthetic_duplicates(found: Iterable[Overlap], max_share: float) -> Verdict:
    """Judge the share of synthetic rows that have the features of a real one."""
    total, twins = rows_of(found, "synthetic", "original")
    share = twins / max(total, 1)
    seen = f"{number(twins)} of {plural(total, 'synthetic row')} ({percent(share)})"
    message = f"{seen} have exactly the features of a real row; expected at most {percent(max_share)}"
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
        message = f"synthetic rows have only categories of their class in all {plural(len(strange), 'feature')}"
    table = [{"feature": f, "values": n, "rows": rows} for f, (n, rows) in counts.items()]
    return Verdict(not counts, message, {"strange": {f: n for f, (n, _) in counts.items()}}, {"strange": {}}, table)


def rows_of(found: Iterable[Overlap], part: str, other: str) -> tuple[int, int]:
    """Return the number of rows of a part, and how many of them equal a row of another part."""
    here = [o for o in found if part in o.parts]
    return sum(o.rows[part] for o in here), sum(o.rows[part] for o in here if other in o.parts)
