"""The result of a comparison: a table of candidates, the choice, and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.comparing._candidates import PLAIN, Candidate
from steelyard.comparing._choice import Chosen, Contender, choose
from steelyard.comparing._estimates import METRICS, Draws
from steelyard.comparing._fold_scores import FoldScores

_NAMES = {"cost": "cost", "log_loss": "log loss", "pr_auc": "PR area"}
_GIVEN = "resample and train are given, so the comparison only informs"


@dataclass(frozen=True)
class Comparison:
    """Candidates on the same folds.

    Parameters
    ----------
    metric : {"cost", "log_loss", "pr_auc"}
    chosen : str
        A candidate's name.
    reason : str
    recipe : dict
        `resample` and `train` of the chosen candidate.
    better_than_plain : bool
        Whether the paired 95 % interval of its difference to the plain baseline excludes 0, in its favour.
    suggestion : str, optional
        The candidate that would have been chosen if all might be: always where the choice was given, else where it is
        another one.
    candidates : list of dict
        Name, recipe, metrics with intervals, differences to the plain baseline with paired intervals, and rows.
    facts : dict
        Folds, rows, and how many of them were taken.
    """

    metric: str
    chosen: str
    reason: str
    recipe: dict[str, Any]
    better_than_plain: bool
    suggestion: str | None
    candidates: list[dict[str, Any]]
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; the same for the same rows."""
        return dict(vars(self))

    def messages(self) -> list[str]:
        """Return the rungs of a search, the table of candidates and the choice as lines of text."""
        width = max(len(c["name"]) for c in self.candidates)
        rows = [f"{c['name']:<{width}}  {_shown(c, self.metric)}{self._note(c)}" for c in self.candidates]
        hint = [] if self.suggestion is None else [f"suggested: {self.suggestion}"]
        chosen = f"chosen: {self.chosen}, of {counted(self.to_json())} ({self.reason})"
        return [*self._rungs(), *rows, chosen, *hint]

    def _note(self, row: Mapping[str, Any]) -> str:
        return ", only informs" if not row["eligible"] and not self.reason.startswith(_GIVEN) else ""

    def _rungs(self) -> list[str]:
        found = list[str]()
        for rung in self.facts.get("search", {}).get("rungs", ()):
            found.append(f"search on {sum(rung['rows'].values()):,} rows:")
            width = max(len(one["name"]) for one in rung["candidates"])
            for one in rung["candidates"]:
                value = "undefined" if one[self.metric] is None else f"{one[self.metric]:.4g}"
                end = "kept" if one["kept"] else "left out"
                found.append(f"  {one['name']:<{width}}  {_NAMES[self.metric]} {value}, {end}")
        return found


def counted(choice: Mapping[str, Any]) -> str:
    """Return how many recipes were compared as text, those that a search left out included.

    Parameters
    ----------
    choice : mapping
        The JSON types of a `Comparison`.

    Examples
    --------
    >>> counted({"candidates": [{}, {}, {}], "facts": {"search": {"left_out": ["a", "b"]}}})
    '5 compared recipes, 2 of them left out by the search'
    """
    out = len(choice["facts"].get("search", {}).get("left_out", ()))
    text = f"{len(choice['candidates']) + out} compared recipes"
    return f"{text}, {out} of them left out by the search" if out else text


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
        If only one of them may be chosen, the comparison informs.
    metric : str
    facts : mapping
    costs : bool
        Whether costs are given.
    """
    of = {c.name: c for c in candidates if c.name in found}
    draws = Draws.of(found[PLAIN])
    contenders = [Contender.of(c, found[n], draws) for n, c in of.items()]
    allowed = [c for c in contenders if of[c.name].eligible] or contenders
    best, informs = choose(contenders, metric, draws), len(allowed) == 1
    chosen = Chosen(allowed[0].name, _GIVEN) if informs else choose(allowed, metric, draws)
    plain = next(c for c in contenders if c.name == PLAIN)
    shown = [name for name in METRICS if costs or name != "cost"]
    table = [_row(c, of[c.name], found[c.name], plain, shown, draws) for c in contenders]
    own = next(row for row in table if row["name"] == chosen.name)
    better = _is_better(own["difference"].get(metric), metric)
    return Comparison(
        metric=metric,
        chosen=chosen.name,
        reason=_reason(chosen, better),
        recipe=of[chosen.name].to_json(),
        better_than_plain=better,
        suggestion=f"{best.name} ({best.reason})" if informs or best.name != chosen.name else None,
        candidates=table,
        facts=dict(facts),
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


def _shown(row: Mapping[str, Any], metric: str) -> str:
    """Return the metrics of a candidate as text."""
    parts = [f"{text} {row[name]['value']:.4g}" for name, text in _NAMES.items() if name in row]
    number = row["difference"].get(metric)
    if number is not None:
        ci95 = number["ci95"]
        parts.append(
            f"{_NAMES[metric]} to plain {number['value']:+.3g}" + (f" [{ci95[0]:.3g}, {ci95[1]:.3g}]" if ci95 else "")
        )
    return ", ".join(parts)
