"""Recommend a resampling from the evidence: a short table of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

FEW = 30  # rows of the rarest class
PLENTY = 300
HUGE = 100_000  # rows of the table
STEEP = 100  # imbalance ratio
KEPT = 20  # random rows kept for each of the rarest class
GUIDED = 5  # the same, where a pilot model chooses them
LEAST = 30_000  # rows that guided sampling keeps at least
FOR_SMOTE = 100  # different rows of the rarest class
SMALL = 1_000_000  # rows of the table
UNEVEN = 5  # imbalance ratio
HALF = 0.5
MEASURED = (
    "Measured with XGBoost on two public tables of 168:1 and 103:1, PR area: 0.698 and 0.9995 with 30,000 guided rows, "
    "0.679 and 0.9987 with 20 random rows per rare one, 0.670 and 0.9994 with all rows."
)


@dataclass(frozen=True)
class Evidence:
    """The evidence for a recommendation, from training rows.

    Parameters
    ----------
    name : str
        The rarest class.
    counts : mapping of str to int
        Rows of each class.
    shares : mapping of str to float
        Of each type of its rows: safe, borderline, rare, outlier.
    different : int
        Rows of the rarest class that differ in some feature, among those that were looked at.
    contradictory : int
        Its rows whose features are those of a row of another class.
    categories : bool
        Whether some features are categories.
    takes_offsets : bool
        Whether the model that is to be trained takes an offset of each row's margin.
    """

    name: str
    counts: Mapping[str, int]
    shares: Mapping[str, float]
    different: int
    contradictory: int = 0
    categories: bool = False
    takes_offsets: bool = False

    @property
    def rare(self) -> int:
        """Rows of the rarest class."""
        return self.counts[self.name]

    @property
    def total(self) -> int:
        """Rows of the table."""
        return sum(self.counts.values())

    @property
    def ratio(self) -> float:
        """Rows of the largest class over those of the rarest."""
        return max(self.counts.values()) / self.rare

    @property
    def alone(self) -> float:
        """Share of rare and outlying rows."""
        return self.shares["rare"] + self.shares["outlier"]


@dataclass(frozen=True)
class Recommendation:
    """A sampler, and why.

    Parameters
    ----------
    method : str
        Its name, or "none".
    params : mapping
        Its parameters.
    summary : str
        One sentence.
    reasons, warnings : list of str
        The evidence; what to check before a model is trusted.
    """

    method: str
    params: Mapping[str, Any]
    summary: str
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {**vars(self), "params": dict(self.params)}


Rule = Callable[[Evidence, str | None], Recommendation | None]


def recommend(found: Evidence, weak_learner: str | None = None) -> Recommendation:
    """Recommend a sampler by the first rule that applies; by default, resample nothing and tune the threshold.

    ====================================================== ==========================================================
    evidence                                               recommendation
    ====================================================== ==========================================================
    fewer than 30 rows of the class                        none; collect more
    more than two classes                                  none
    100,000 rows, more than 100:1, 300 rows of the class   guided under-sampling to 5:1 and 30,000 rows at least, if
                                                           the model takes offsets, else random under-sampling to
                                                           20:1; probabilities corrected
    half of its rows are rare or outliers                  none: new rows between them would be in the other class
    a weak learner, 5:1, 100 different rows, a table of    SMOTE (SMOTENC with categories) to 1:2
    a million rows at most
    anything else                                          none
    ====================================================== ==========================================================

    Strong learners gain nothing from new rows [1]_, and their probabilities become worse [2]_; moving the threshold
    costs nothing. Dropping rows of a huge majority class saves time and keeps the ranking; the closed-form correction
    restores the probabilities.

    Parameters
    ----------
    found : Evidence
    weak_learner : str, optional
        Name of the model, if its trainer `gains_from_balance`.

    References
    ----------
    .. [1] Elor, Averbuch-Elor, "To SMOTE, or not to SMOTE?", arXiv:2201.08528, 2022.
    .. [2] Carriero et al., "The harms of class imbalance corrections for machine learning based prediction models",
       arXiv:2404.19494, 2024.
    """
    made = next(r for rule in _RULES if (r := rule(found, weak_learner)) is not None)
    return Recommendation(made.method, made.params, made.summary, made.reasons, _warnings(found))


def _too_few(found: Evidence, _: str | None) -> Recommendation | None:
    if found.rare >= FEW:
        return None
    return Recommendation(
        "none",
        {},
        f"Resample nothing, and collect more rows of class {found.name}.",
        [f"{found.rare:,} training rows describe a class poorly, and new rows would only repeat them."],
    )


def _several_classes(found: Evidence, _: str | None) -> Recommendation | None:
    if len(found.counts) == 2:
        return None
    return Recommendation(
        "none",
        {},
        "Resample nothing; if classes must count equally, weight them or decide by costs.",
        [f"With {len(found.counts)} classes, no sampler is known to be better in general; compare some by hand."],
    )


def _huge(found: Evidence, _: str | None) -> Recommendation | None:
    if found.total < HUGE or found.ratio <= STEEP or found.rare < PLENTY:
        return None
    if found.takes_offsets:
        return _guided(found)
    kept = found.rare * (KEPT + 1)
    return Recommendation(
        "random_under_sampler",
        {"sampling_strategy": 1 / KEPT},
        f"Keep {KEPT} random rows of the other class per row of class {found.name}, and correct the probabilities.",
        [
            f"{found.total:,} training rows at {found.ratio:,.0f}:1 become {kept:,}: training is faster.",
            f"All {found.rare:,} rows of the class stay; most of the other rows resemble many others.",
            "The sampling rate is known, so the probabilities are corrected in closed form.",
        ],
    )


def _guided(found: Evidence) -> Recommendation:
    """Return guided under-sampling, with what was measured (benchmarks/results/guided_sampling.md)."""
    kept = min(max(found.rare * (GUIDED + 1), LEAST), found.total)
    return Recommendation(
        "guided_under_sampler",
        {"sampling_strategy": 1 / GUIDED, "min_rows": LEAST},
        f"Keep {GUIDED} rows of the other class per row of class {found.name}, mostly those that resemble it, and at "
        f"least {LEAST:,} rows.",
        [
            f"{found.total:,} training rows at {found.ratio:,.0f}:1 become {kept:,}: training is faster.",
            f"All {found.rare:,} rows of the class stay; a pilot model chooses the others.",
            MEASURED,
            "Offsets in training make up for the choice, so the probabilities are those of the whole table.",
        ],
    )


def _scattered(found: Evidence, _: str | None) -> Recommendation | None:
    if found.alone < HALF:
        return None
    return Recommendation(
        "none",
        {},
        "Resample nothing, and tune the threshold.",
        [
            f"{found.alone:.0%} of the rows of class {found.name} are rare or outliers: they are among rows of other "
            "classes, and so would be new rows between them (SMOTE and its variants)."
        ],
    )


def _weak_learner(found: Evidence, learner: str | None) -> Recommendation | None:
    if learner is None or found.ratio < UNEVEN or found.different < FOR_SMOTE or found.total > SMALL:
        return None
    return Recommendation(
        "smotenc" if found.categories else "smote",
        {"sampling_strategy": HALF, "missing": "impute"},
        f"Interpolate new rows of class {found.name}, up to half as many as of the other class; it may help.",
        [
            f"{learner} is a model that gains from balance, as trees do not.",
            f"{1 - found.alone:.0%} of the class's rows are safe or borderline: rows between are mostly of it.",
            "New rows distort the probabilities, which are calibrated on validation rows.",
        ],
    )


def _default(found: Evidence, _: str | None) -> Recommendation:
    return Recommendation(
        "none",
        {},
        "Resample nothing, and tune the threshold.",
        [
            f"At {found.ratio:,.0f}:1 and {found.rare:,} rows of class {found.name}, resampling has no benefit: "
            "strong models gain nothing from it, and their probabilities become worse."
        ],
    )


_RULES: tuple[Rule, ...] = (_too_few, _several_classes, _huge, _scattered, _weak_learner, _default)


def _warnings(found: Evidence) -> list[str]:
    said = []
    if found.contradictory:
        said.append(
            f"{found.contradictory:,} of {found.rare:,} rows of class {found.name} have the same features as a row of "
            "another class: no model can separate them."
        )
    return said
