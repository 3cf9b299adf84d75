"""Compare a document with limits; say in words what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.kernels.intervals import sum_interval


@dataclass(frozen=True)
class Limits:
    """Changes up to which there is no alert. A change must also be larger than chance explains.

    Parameters
    ----------
    psi : float, default 0.2
        Population stability index of the scores, and of each feature.
    prevalence : float, default 2.0
        Factor by which the share of the positive class grows or shrinks.
    recall_drop : float, default 0.1
        By how much recall falls. Only labels show that.
    """

    psi: float = 0.2
    prevalence: float = 2.0
    recall_drop: float = 0.1


def alerts(document: Mapping[str, Any], limits: Limits) -> list[dict[str, str]]:
    """Return the alerts of a document: `what` changed, the name, and a `message`."""
    found = [*_scores(document, limits), *_features(document, limits), *_prevalence(document, limits)]
    return [*found, *_recall(document, limits)]


def exceeds(drift: Mapping[str, Any], limits: Limits) -> bool:
    """Whether a PSI is larger than tolerated and larger than chance explains."""
    return bool(drift["psi"] > limits.psi and drift["psi"] > drift["by_chance"])


def _alert(what: str, name: str, message: str) -> dict[str, str]:
    return {"what": what, "name": name, "message": message}


def _scores(document: Mapping[str, Any], limits: Limits) -> Iterator[dict[str, str]]:
    of = document["score"]
    if of is not None and exceeds(of, limits):
        yield _alert(
            "score",
            "score",
            f"the scores have drifted: PSI {of['psi']:.2f}, limit {limits.psi:g}. {_percent(of['alarm_rate'])} of the "
            f"rows raise an alarm, {_percent(of['reference_alarm_rate'])} in the reference",
        )


def _features(document: Mapping[str, Any], limits: Limits) -> Iterator[dict[str, str]]:
    for of in document["features"]:
        if exceeds(of, limits):
            yield _alert(
                "feature",
                of["name"],
                f"feature {of['name']!r} has drifted: PSI {of['psi']:.2f}, limit {limits.psi:g}. Most changed: "
                f"{of['cell']}, in {_percent(of['share'])} of the rows, {_percent(of['reference_share'])} in the "
                "reference",
            )


def _prevalence(document: Mapping[str, Any], limits: Limits) -> Iterator[dict[str, str]]:
    """Judge the labels' estimate where there is one, because it needs no assumption, else that of label shift."""
    shift, labels = document["label_shift"], document["labels"]
    if shift is None:
        return
    before, by = shift["reference_prevalence"], labels and labels["prevalence"]
    now = by or shift["prevalence"]
    if not now or not before or now["ci95"] is None:
        return
    ratio, (low, high) = now["value"] / before, now["ci95"]
    if not by:
        ratio, (low, high) = shift["ratio"]["value"], (end * before for end in shift["ratio"]["ci95"])
    more = ratio > limits.prevalence and low > before
    if not more and not (ratio < 1 / limits.prevalence and high < before):
        return
    times = (
        f"{ratio:.3g} times as frequent"
        if more
        else f"{1 / ratio:.3g} times as rare"
        if ratio
        else "absent or nearly so"
    )
    ends = " to ".join(map(_percent, now["ci95"]))
    yield _alert(
        "prevalence",
        document["positive"],
        f"class {document['positive']!r} has become {times}: {_percent(now['value'])} of the rows ({ends}) by "
        f"{'labels and scores' if by else 'the scores'}, {_percent(before)} in the reference; limit "
        f"{limits.prevalence:g} times",
    )


def _recall(document: Mapping[str, Any], limits: Limits) -> Iterator[dict[str, str]]:
    labels, before, known = document["labels"], document["reference"]["recall"], document["reference"]["recall_ci95"]
    now = labels and labels["recall"]
    if not now or known is None or now["ci95"] is None:
        return
    least, _ = sum_interval([(before, tuple(known)), (-now["value"], (-now["ci95"][1], -now["ci95"][0]))])
    if before - now["value"] > limits.recall_drop and least > 0:
        ends = " to ".join(f"{end:.2f}" for end in now["ci95"])
        yield _alert(
            "recall",
            document["positive"],
            f"recall has fallen from {before:.2f} to {now['value']:.2f} ({ends}), by {labels['known']:,} labels; limit "
            f"{limits.recall_drop:g}",
        )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
