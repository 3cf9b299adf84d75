"""Suggest a first suite for the raw table: bounds around the values of its profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.guards._verdict import number, percent

_ROOM = 2.0  # tolerated factor of a class's count and share


def suggest_suite(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Return a suite for `guards.raw` that the profiled table passes.

    Parameters
    ----------
    statistics : mapping
        A table's profile, as in `stats.json`: `rows`, `label`, `null_labels`, `imbalance_ratio` and `classes`.

    Returns
    -------
    dict
        The suite's JSON. Bounds, classes and the reference are in `suite_parameters`, where `guards.parameters` of a
        pipeline can override them.

    Examples
    --------
    >>> seen = {"rows": 100, "label": "y", "null_labels": 0, "imbalance_ratio": 9.0}
    >>> suite = suggest_suite({**seen, "classes": {"0": {"count": 90}, "1": {"count": 10}}})
    >>> suite["suite_parameters"]["minority_share_max"]
    0.2
    """
    counts = {c: of["count"] for c, of in statistics["classes"].items()}
    rarest, total = min(counts, key=lambda c: (counts[c], c)), sum(counts.values())
    share = counts[rarest] / total
    parameters = {
        "label": statistics["label"],
        "known_classes": sorted(counts),
        "class_count_min": max(1, int(counts[rarest] / _ROOM)),
        "minority_share_min": _rounded(share / _ROOM),
        "minority_share_max": min(_rounded(share * _ROOM), 1.0),
        "imbalance_ratio_max": _rounded(statistics["imbalance_ratio"] * _ROOM),
        "reference": counts,
        "reference_name": "the table that the suite was suggested from",
        "psi_max": 0.1,
        "js_max": 0.1,
        "class_change_max": 0.5,
        "class_increase_max": 1.0,
        "change_confidence": 0.99,
    }
    seen = (
        f"{number(total)} rows; class {rarest!r}, the rarest, has {number(counts[rarest])} of them ({percent(share)})"
    )
    nulls = statistics["null_labels"]
    left_out = f" {number(nulls)} further rows have no label, so null labels are allowed." if nulls else ""
    return {
        "name": "raw",
        "notes": f"Suggested from a profile of {seen}.{left_out} Review each bound before you rely on it.",
        "suite_parameters": parameters,
        "expectations": _expectations(bool(nulls)),
    }


def _expectations(nulls: bool) -> list[dict[str, Any]]:
    rows = [] if nulls else [_of("expect_no_null_labels", "critical", "Every row had a label.")]
    return [
        *rows,
        _of("expect_labels_to_match_classes", "critical", "The observed classes.", classes="known_classes"),
        _of(
            "expect_class_counts_to_be_between",
            "critical",
            "Half of the rarest class's rows, at least.",
            min_value="class_count_min",
        ),
        _of(
            "expect_minority_share_to_be_between",
            "warning",
            "Half to twice the observed share.",
            min_value="minority_share_min",
            max_value="minority_share_max",
        ),
        _of(
            "expect_imbalance_ratio_to_be_between",
            "warning",
            "Twice the observed ratio.",
            max_value="imbalance_ratio_max",
        ),
        _of(
            "expect_label_distribution_to_match",
            "warning",
            "The distribution as a whole. After a run is accepted, its classes replace this reference.",
            reference="reference",
            reference_name="reference_name",
            max_psi="psi_max",
            max_js="js_max",
        ),
        _of(
            "expect_label_distribution_to_match",
            "critical",
            "Each class by itself: half to twice its share, beyond chance.",
            reference="reference",
            reference_name="reference_name",
            max_change="class_change_max",
            max_increase="class_increase_max",
            confidence="change_confidence",
        ),
    ]


def _of(kind: str, severity: str, notes: str, **parameters: str) -> dict[str, Any]:
    named = {"column": "label", **parameters}
    kwargs = {argument: {"$PARAMETER": parameter} for argument, parameter in named.items()}
    return {"type": kind, "severity": severity, "kwargs": kwargs, "notes": notes}


def _rounded(value: float) -> float:
    """Return a bound rounded to three significant digits."""
    return float(f"{value:.3g}")
