"""Judgements on labels and class counts: pure functions from counts to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.guards._counts import LabelCounts
from steelyard.guards._verdict import (
    Verdict,
    between,
    inside,
    listed,
    more,
    named,
    number,
    percent,
    span,
)


def labels_match(column: str, counts: LabelCounts, classes: Sequence[str], all_present: bool) -> Verdict:
    """Judge whether the labels that occur are the wanted classes, or at least among them."""
    seen = counts.by_class
    strange = {label: n for label, n in seen.items() if label not in set(classes)}
    absent = [c for c in classes if c not in seen] if all_present else []
    faults = [listed(strange)] if strange else []
    faults += [f"no row of {named(absent)}"] if absent else []
    wanted = f"{'exactly' if all_present else 'no others than'} the classes {named(classes)}"
    if faults:
        message = f"column {column!r} holds {' and '.join(faults)}; expected {wanted}"
    else:
        message = f"column {column!r} holds {listed(seen)}, as expected"
    rows = {**seen, **dict.fromkeys(absent, 0)}
    table = [{"class": c, "rows": n, "expected": c in set(classes)} for c, n in rows.items()]
    success = not strange and not absent
    return Verdict(success, message, {"classes": seen}, {"classes": list(classes)}, table)


def no_nulls(column: str, counts: LabelCounts) -> Verdict:
    """Judge whether every row has a label."""
    nulls, total = counts.nulls, counts.total
    found = f"{number(nulls) if nulls else 'none'} of {number(total)} rows"
    return Verdict(
        nulls == 0,
        f"column {column!r} is null in {found}" + ("; expected none" if nulls else ""),
        {"null": nulls, "rows": total},
        {"null": 0},
    )


def minority_share(column: str, counts: LabelCounts, low: float | None, high: float | None) -> Verdict:
    """Judge the share of the rarest class among the rows that have a label."""
    classes = counts.by_class
    total = sum(classes.values())
    if not total:
        return Verdict(False, f"column {column!r} has no label", {"rows": 0}, between(low, high))
    rarest = min(classes, key=lambda c: (classes[c], c))
    share = classes[rarest] / total
    seen = f"{number(classes[rarest])} of {number(total)} rows ({percent(share)})"
    ok = inside(share, low, high)
    wanted = f"a share {span(_percent_or_none(low), _percent_or_none(high))}"
    return Verdict(
        ok,
        f"in column {column!r} the rarest class {rarest!r} has {seen}; expected {wanted}",
        {"class": rarest, "share": share, "count": classes[rarest]},
        between(low, high),
    )


def imbalance_ratio(column: str, counts: LabelCounts, low: float | None, high: float | None) -> Verdict:
    """Judge the size of the largest class over that of the smallest, of those that occur."""
    classes = counts.by_class
    if not classes:
        return Verdict(False, f"column {column!r} has no label", {"rows": 0}, between(low, high))
    largest, smallest = max(classes, key=lambda c: (classes[c], c)), min(classes, key=lambda c: (classes[c], c))
    ratio = classes[largest] / classes[smallest]
    seen = f"{number(classes[largest])} of class {largest!r} for {number(classes[smallest])} of class {smallest!r}"
    return Verdict(
        inside(ratio, low, high),
        f"column {column!r} has {seen}, a ratio of {ratio:.6g}; expected {span(low, high)}",
        {"ratio": ratio, "largest": largest, "smallest": smallest},
        between(low, high),
    )


def class_counts_between(
    column: str, counts: LabelCounts, low: int | None, high: int | None, splits: Sequence[str] | None
) -> Verdict:
    """Judge the number of rows of each class, in each of `splits` or in the whole table."""
    classes = list(counts.by_class)
    parts = {s: counts.within(s).by_class for s in splits} if splits else {None: counts.by_class}
    rows: list[dict[str, Any]] = [
        {"split": s, "class": c, "rows": part.get(c, 0)} for s, part in parts.items() for c in classes
    ]
    wrong = [r for r in rows if not inside(r["rows"], low, high)]
    wanted = f"{span(low, high)} of each class" + (f" in each of {named(splits)}" if splits else "")
    if not classes:
        message = f"column {column!r} has no class; expected {wanted}"
    elif wrong:
        shown = listed({_place(r): r["rows"] for r in wrong}, quote=False)
        message = f"column {column!r} has {shown}; expected {wanted}"
    else:
        message = f"column {column!r} has {wanted}"
    observed = {s: dict(part) for s, part in parts.items()} if splits else counts.by_class
    table = [_without_none(r) for r in wrong]
    return Verdict(bool(classes) and not wrong, message, observed, between(low, high), table)


def class_counts_equal(
    column: str, counts: LabelCounts, wanted: Mapping[str, int], tolerance: int, where: str | None
) -> Verdict:
    """Judge whether each class has the wanted number of rows, and no other class has any."""
    seen = counts.by_class
    rows: list[dict[str, Any]] = [
        {"class": c, "rows": seen.get(c, 0), "expected": wanted.get(c, 0)} for c in {**wanted, **seen}
    ]
    wrong = [r for r in rows if abs(r["rows"] - r["expected"]) > tolerance]
    place = f" in split {where!r}" if where else ""
    if wrong:
        faults = ", ".join(
            f"{number(r['rows'])} of class {r['class']!r} instead of {number(r['expected'])}" for r in wrong[:5]
        )
        message = f"column {column!r} has{place} {faults}{more(wrong, 5)}"
    else:
        message = f"column {column!r} has{place} the wanted rows: {listed(dict(wanted))}"
    return Verdict(not wrong, message, seen, dict(wanted), wrong)


def _percent_or_none(share: float | None) -> str | None:
    return None if share is None else percent(share)


def _without_none(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if v is not None}


def _place(row: Mapping[str, Any]) -> str:
    return f"of class {row['class']!r}" + (f" in {row['split']}" if row.get("split") else "")
