"""Judgements on splits: pure functions from counts to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from steelyard.guards._counts import LabelCounts, SharedKeys, TimeRange
from steelyard.guards._verdict import Verdict, more, named, number, percent, plural


def split_shares(
    column: str, counts: LabelCounts, shares: Mapping[str, float], remainder: str, tolerance: float
) -> Verdict:
    """Judge the size of each split among the rows that are in a split.

    In addition to the tolerance, one row per class is allowed, because counts are rounded class by class.
    """
    sizes = counts.by_split
    total = sum(sizes.values())
    wanted = {name: float(share) for name, share in complete(shares, remainder).items()}
    slack = tolerance * total + len(counts.by_class)
    rows: list[dict[str, Any]] = [
        {"split": s, "rows": n, "share": round(n / max(total, 1), 6), "expected": wanted.get(s)}
        for s, n in ({**dict.fromkeys(wanted, 0), **sizes}).items()
    ]
    wrong = [r for r in rows if r["expected"] is None or abs(r["rows"] - r["expected"] * total) > slack]
    if wrong or not total:
        message = f"column {column!r} " + ("; ".join(map(_share_fault, wrong)) or "puts no row in any split")
    else:
        held = ", ".join(f"{r['split']!r} {percent(r['share'])}" for r in rows)
        message = f"column {column!r} holds the wanted shares: {held}"
    observed = {r["split"]: r["share"] for r in rows}
    return Verdict(not wrong and total > 0, message, observed, {**wanted, "tolerance": tolerance}, wrong)


def every_row_placed(column: str, counts: LabelCounts, max_share: float) -> Verdict:
    """Judge the number of rows that are in no split."""
    left, total = counts.within(None), counts.total
    share = left.total / max(total, 1)
    ok = share <= max_share
    seen = f"{number(left.total)} of {number(total)} rows ({percent(share)})"
    wanted = "none" if max_share == 0 else f"at most {percent(max_share)}"
    table = [{"class": c, "rows in no split": n} for c, n in left.by_class.items()] if not ok else []
    return Verdict(
        ok,
        f"column {column!r} leaves {seen} in no split; expected {wanted}",
        {"rows": left.total, "share": share},
        {"max_share": max_share},
        table,
    )


def stratified(
    column: str, counts: LabelCounts, shares: Mapping[str, float], remainder: str, tolerance: int
) -> Verdict:
    """Judge whether each class is divided in the requested shares, exact to the row."""
    seen = {split: counts.within(split).by_class for split in complete(shares, remainder)}
    rows: list[dict[str, Any]] = [
        {"class": name, "split": split, "rows": seen[split].get(name, 0), "expected": wanted}
        for name, total in counts.placed.by_class.items()
        for split, wanted in quotas(total, shares, remainder).items()
    ]
    wrong = [r for r in rows if abs(r["rows"] - r["expected"]) > tolerance]
    if wrong:
        message = f"the splits don't hold the wanted shares of the classes of column {column!r}: "
        message += ", ".join(map(_quota_fault, wrong[:5])) + more(wrong, 5)
    else:
        message = f"each class of column {column!r} is divided in the wanted shares"
    worst = max((abs(r["rows"] - r["expected"]) for r in rows), default=0)
    observed = {"largest_deviation": worst, "counts": _nested(rows)}
    wanted_shares = {name: float(share) for name, share in complete(shares, remainder).items()}
    return Verdict(not wrong, message, observed, {"shares": wanted_shares, "tolerance": tolerance}, wrong)


def keys_in_one_split(key: Sequence[str], shared: Iterable[SharedKeys]) -> Verdict:
    """Judge whether no key occurs in more than one split."""
    found = list(shared)
    keys, rows = sum(s.keys for s in found), sum(s.rows for s in found)
    what = f"{'column' if len(key) == 1 else 'columns'} {named(key)}"
    if found:
        where = ", ".join(f"{number(s.keys)} in {' and '.join(s.splits)}" for s in found)
        message = (
            f"the splits share {plural(keys, 'value')} of {what} ({where}), in {plural(rows, 'row')}; expected none. "
            "If rows that share a value belong together, declare it as the group"
        )
    else:
        message = f"no value of {what} occurs in more than one split"
    table = [{"splits": ", ".join(s.splits), "keys": s.keys, "rows": s.rows} for s in found]
    return Verdict(not found, message, {"keys": keys, "rows": rows}, {"keys": 0}, table)


def in_time_order(column: str, ranges: Iterable[TimeRange], order: Sequence[str], gap: float = 0.0) -> Verdict:
    """Judge whether each split ends before the next begins, by at least `gap` seconds."""
    present = {r.split: r for r in ranges}
    held = [present[s] for s in order if s in present]
    faults = [
        f"{a.split} ends at {a.last_text}, {b.split} begins at {b.first_text}"
        for a, b in pairwise(held)
        if not a.last < b.first  # type: ignore[operator]  # one column, so one type
        or (gap and b.first - a.last < gap * 1e6)  # type: ignore[operator]  # of times, which are in microseconds
    ]
    shown = [{"split": r.split, "first": r.first_text, "last": r.last_text} for r in held]
    follow = " before ".join(repr(s) for s in order) + (f", {number(round(gap))} seconds apart" if gap else "")
    if faults:
        what = "are too close to each other" if gap else "overlap"
        message = f"by column {column!r} the splits {what}: {'; '.join(faults)}; expected {follow}"
    else:
        message = f"by column {column!r} the splits follow each other: {follow}"
    observed = {r["split"]: [r["first"], r["last"]] for r in shown}
    return Verdict(not faults, message, observed, {"order": list(order)}, shown if faults else [])


def complete(shares: Mapping[str, float], remainder: str) -> dict[str, Decimal]:
    """Return the exact shares of all splits: the rest for `remainder` first, then the given ones.

    Examples
    --------
    >>> complete({"validation": 0.1, "test": 0.2}, "train")
    {'train': Decimal('0.7'), 'validation': Decimal('0.1'), 'test': Decimal('0.2')}
    """
    given = {name: Decimal(str(share)) for name, share in shares.items() if name != remainder}
    return {remainder: 1 - sum(given.values(), Decimal(0)), **given}


def quotas(total: int, shares: Mapping[str, float], remainder: str) -> dict[str, int]:
    """Return the number of a class's rows per split: shares rounded half up, test first.

    Examples
    --------
    >>> quotas(25, {"validation": 0.1, "test": 0.2}, "train")
    {'test': 5, 'validation': 3, 'train': 17}
    """
    exact = complete(shares, remainder)
    del exact[remainder]
    counts: dict[str, int] = {}
    for name in sorted(exact, key=lambda s: s != "test"):
        wanted = int((exact[name] * total).to_integral_value(ROUND_HALF_UP))
        counts[name] = min(wanted, total - sum(counts.values()))
    return {**counts, remainder: total - sum(counts.values())}


def _nested(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for r in rows:
        counts.setdefault(r["class"], {})[r["split"]] = r["rows"]
    return counts


def _quota_fault(row: Mapping[str, Any]) -> str:
    seen = f"{number(row['rows'])} of class {row['class']!r} in {row['split']}"
    return f"{seen} instead of {number(row['expected'])}"


def _share_fault(row: Mapping[str, Any]) -> str:
    seen = f"puts {number(row['rows'])} rows ({percent(row['share'])}) in {row['split']!r}"
    wanted = row["expected"]
    return f"{seen}, which is not a requested split" if wanted is None else f"{seen} instead of {percent(wanted)}"
