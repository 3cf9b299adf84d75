"""The result of a comparison: a table of candidates, the choice, and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.comparing._candidates import PLAIN, Candidate
from steelyard.comparing._choice import Chosen, Contender, choose
from steelyard.comparing._estimates import METRICS, Draws, values_of
from steelyard.comparing._fold_scores import FoldScores


@dataclass(frozen=True)
class Comparison:
    """Candidates on the same folds.

    Parameters
    ----------
    metric : {"cost", "log_loss", "pr_auc"}
    chosen : str
        A candidate's name.
    reason : str
    candidates : list of dict
        Name, recipe, metrics with intervals, differences to the plain baseline with paired intervals, and rows.
    chosen_recipe : dict
        `resample` and `train`.
    better_than_plain : bool
        Whether the paired 95 % interval of the difference says so.
    facts : dict
        Folds, rows, and how rows were thinned.
    """

    metric: str
    chosen: str
    reason: str
    candidates: list[dict[str, Any]]
    chosen_recipe: dict[str, Any]
    better_than_plain: bool
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; the same for the same rows."""
        return dict(vars(self))


def compared(
    found: Mapping[str, Sequence[FoldScores]],
    candidates: Sequence[Candidate],
    metric: str,
    facts: Mapping[str, Any],
    *,
    costs: bool,
) -> Comparison:
    """Return the comparison of candidates by the scores of their folds.

    Parameters
    ----------
    found : mapping of str to sequence of FoldScores
        By the name of the candidate; those without are left out.
    candidates : sequence of Candidate
    metric : str
    facts : mapping
    costs : bool
        Whether costs are given.
    """
    of = {c.name: c for c in candidates if c.name in found}
    draws = Draws.of(found[PLAIN])
    contenders = [Contender(n, c.simplicity, _rows(found[n]), values_of(found[n], draws)) for n, c in of.items()]
    allowed = [c for c in contenders if of[c.name].eligible]
    chosen = choose(allowed or contenders, metric, draws)
    plain = next(c for c in contenders if c.name == PLAIN)
    shown = [name for name in METRICS if costs or name != "cost"]
    table = [_row(c, of[c.name], found[c.name], plain, shown, draws) for c in contenders]
    best = next(row for row in table if row["name"] == chosen.name)
    better = _is_better(best["difference"].get(metric), metric)
    return Comparison(
        metric, chosen.name, _reason(chosen, better), table, of[chosen.name].to_json(), better, dict(facts)
    )


def _row(
    one: Contender,
    candidate: Candidate,
    folds: Sequence[FoldScores],
    plain: Contender,
    shown: Sequence[str],
    draws: Draws,
) -> dict[str, Any]:
    differences = {}
    if one.name != plain.name:
        differences = {n: one.values[n].minus(plain.values[n]).number(draws) for n in shown}
    return {
        "name": one.name,
        **candidate.to_json(),
        "eligible": candidate.eligible,
        "simplicity": list(one.simplicity),
        "rows": one.rows,
        **{name: one.values[name].number(draws) for name in shown},
        "difference": differences,
        "folds": [fold.facts for fold in folds],
    }


def _is_better(number: Mapping[str, Any] | None, metric: str) -> bool:
    if number is None or number["ci95"] is None:
        return False
    low, high = number["ci95"]
    return bool(low > 0 if METRICS[metric] else high < 0)


def _reason(chosen: Chosen, better: bool) -> str:
    if chosen.name == PLAIN or better:
        return chosen.reason
    return f"{chosen.reason}; no better than plain beyond the 95 % interval of their paired difference"


def _rows(folds: Sequence[FoldScores]) -> int:
    return int(np.sum([fold.facts["rows"] for fold in folds]))
