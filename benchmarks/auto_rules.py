"""Regret of `auto` against fixed recipes, and of other rules of choice, from the scores of `benchmarks/auto_choice.py`.

    PYTHONPATH=pipelines python benchmarks/auto_rules.py --store DIR [--folds 3]

Regret is the PR area of the table's best fixed recipe on test rows, by its mean over the seeds, less that of the
choice. Regrets are means over the tables of a source, then over sources. Where under-sampling or SMOTE would do nothing
to a table, the recipe's area is that of the same model on all rows. Other rules are judged leave-one-source-out: the
rule with the smallest mean regret on all other sources chooses on the source that is left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from auto_choice import source_of

from steelyard.comparing import PLAIN, Candidate, more_candidates, standard_candidates
from steelyard.comparing._choice import Contender, choose
from steelyard.comparing._estimates import Draws
from steelyard.comparing._fold_scores import FoldScores

LR = "logistic_regression"
INSTEAD = {"xgboost 20:1": PLAIN, "xgboost 100:1": PLAIN, "logistic_regression smote": LR}
"""What a recipe is on a table where it is no candidate, because its sampler would do nothing or cannot work."""


ORDERS = ("as built", "xgboost first", "weights first")


@dataclass(frozen=True)
class Case:
    """A table and a seed: the candidates with the metrics of their folds, and their areas on the test rows."""

    table: str
    seed: int
    contenders: Sequence[Contender]
    draws: Draws
    areas: Mapping[str, float]


@dataclass(frozen=True)
class Rule:
    """A rule of choice: widths of the near sets in standard errors, and the order of simplicity.

    `order` is "as built", "xgboost first" (the plain baseline before logistic regression) or "weights first" (class
    weights before everything).
    """

    loss: float = 1.0
    area: float = 1.0
    order: str = "as built"

    def __str__(self) -> str:
        return f"log loss within {self.loss:g}, PR area within {self.area:g} | {self.order}"

    def place(self, c: Contender) -> tuple[Any, ...]:
        """Return the place in the order of simplicity."""
        first = {"xgboost first": PLAIN, "weights first": "xgboost balanced"}.get(self.order)
        return (c.name != first, c.simplicity, c.rows, c.name)

    def choose(self, of: Case) -> str:
        """Return the name of the choice."""
        near = self._near(of, of.contenders, "log_loss", -1.0, self.loss)
        near = self._near(of, near, "pr_auc", 1.0, self.area)
        return min(near, key=self.place).name

    def _near(self, of: Case, among: Sequence[Contender], metric: str, sign: float, width: float) -> list[Contender]:
        best = min(among, key=lambda c: (-sign * c.values[metric].value, self.place(c)))
        own = best.values[metric]

        def is_near(c: Contender) -> bool:
            gap = own.minus(c.values[metric])
            return bool(sign * gap.value <= width * max(gap.error(of.draws), 0.0))

        return [c for c in among if c is best or is_near(c)]


RULES = [Rule(area=area, order=of) for area, of in product((1.0, 0.5, 0.25, 0.0), ORDERS)]
Chooser = Callable[[Case], str]


def as_built(of: Case) -> str:
    """Return the choice of the library."""
    return choose(of.contenders, "log_loss", of.draws).name


def cases(store: Path, folds: int) -> Iterator[Case]:
    """Yield what is stored."""
    for path in sorted(store.glob(f"*.*.{folds}.json.gz")):
        name, seed, *_ = path.name.split(".")
        test = store / f"{name}.{seed}.test.json.gz"
        if test.exists():
            yield case(name, int(seed), parsed(_read(path)), parsed(_read(test)))


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def parsed(found: Mapping[str, Any]) -> dict[str, list[FoldScores]]:
    """Return the scores of recipes that all rows allowed."""
    return {n: [FoldScores.from_json(of) for of in parts] for n, parts in found.items() if None not in parts}


def case(name: str, seed: int, folds: Mapping[str, list[FoldScores]], test: Mapping[str, list[FoldScores]]) -> Case:
    """Return a table and a seed from the scores of folds and of test rows."""
    draws = Draws.of(folds[PLAIN])
    both = [c for c in _candidates() if c.name in folds and c.name in test]
    return Case(
        name,
        seed,
        [Contender.of(c, folds[c.name], draws) for c in both],
        draws,
        {c.name: test[c.name][0].pr_auc for c in both},
    )


def _candidates() -> list[Candidate]:
    counts = {"0": 10**5, "1": 100}  # so that none is left out; simplicity does not depend on counts
    return [*standard_candidates(counts), *more_candidates(counts, categories=False)]


class Areas:
    """Areas on test rows: of recipes and choices, by table, as means over the seeds."""

    def __init__(self, found: Sequence[Case]) -> None:
        self.cases = defaultdict[str, list[Case]](list)
        for of in found:
            self.cases[of.table].append(of)
        self.sources = defaultdict[str, list[str]](list)
        for name in self.cases:
            self.sources[source_of(name)].append(name)
        names = {n for of in found for n in of.areas}
        self.recipes = sorted(names, key=lambda n: (n != PLAIN, n))
        self.fixed = {t: {n: self._mean(t, n) for n in self.recipes} for t in self.cases}
        self.best = {t: max(a for a in of.values() if np.isfinite(a)) for t, of in self.fixed.items()}

    def _mean(self, name: str, recipe: str) -> float:
        found = [of.areas.get(recipe, of.areas.get(INSTEAD.get(recipe, ""), np.nan)) for of in self.cases[name]]
        return float(np.mean(found))

    def regret(self, recipe: str) -> dict[str, float]:
        """Return the mean regret of a fixed recipe on each source that allows it."""
        return self._by_source({t: self.best[t] - of[recipe] for t, of in self.fixed.items()})

    def regret_of(self, rule: Chooser) -> dict[str, float]:
        """Return the mean regret of a rule on each source."""
        gaps = {t: self.best[t] - float(np.mean([c.areas[rule(c)] for c in of])) for t, of in self.cases.items()}
        return self._by_source(gaps)

    def _by_source(self, gaps: Mapping[str, float]) -> dict[str, float]:
        found = {s: [gaps[t] for t in of if np.isfinite(gaps[t])] for s, of in self.sources.items()}
        return {s: float(np.mean(of)) for s, of in found.items() if of}


def left_out(regrets: Mapping[Any, Mapping[str, float]]) -> tuple[dict[str, float], dict[str, Any]]:
    """Return for each source the regret of the rule that is best on the others, and that rule."""
    sources = list(next(iter(regrets.values())))
    best = {
        s: min(regrets, key=lambda r, s=s: np.mean([v for other, v in regrets[r].items() if other != s]))
        for s in sources
    }
    return {s: regrets[r][s] for s, r in best.items()}, best


def paired(one: Mapping[str, float], other: Mapping[str, float]) -> tuple[int, float, float, float]:
    """Return sources, the mean of one, its mean difference to the other, and the standard error of that."""
    both = [s for s in one if s in other]
    gap = np.array([one[s] - other[s] for s in both])
    error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else np.nan
    return len(both), float(np.mean([one[s] for s in both])), float(gap.mean()), float(error)


def table(areas: Areas) -> list[str]:
    """Return the regrets of fixed recipes, and that of `auto`."""
    auto = areas.regret_of(as_built)
    lines = [
        "| recipe | sources | mean regret | less that of auto | standard error |",
        "| --- | --- | --- | --- | --- |",
        f"| auto | {len(auto)} | {np.mean(list(auto.values())):.4f} | | |",
    ]
    for name in areas.recipes:
        n, mean, gap, error = paired(areas.regret(name), auto)
        lines.append(f"| {name} | {n} | {mean:.4f} | {gap:+.4f} | {error:.4f} |")
    return lines


def rules_table(areas: Areas, rules: Sequence[Rule]) -> list[str]:
    """Return the regrets of other rules, and leave-one-source-out."""
    auto = areas.regret_of(as_built)
    regrets = {rule: areas.regret_of(rule.choose) for rule in rules}
    out, _ = left_out(regrets)
    lines = [
        "| standard errors | order | mean regret | less that of auto | standard error |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, of in [*regrets.items(), ("the best of these, leave-one-source-out | ", out)]:
        _, mean, gap, error = paired(of, auto)
        lines.append(f"| {name} | {mean:.4f} | {gap:+.4f} | {error:.4f} |")
    return lines


def sources_table(areas: Areas) -> list[str]:
    """Return the regret on each source of `auto` and of the fixed recipes, and the choices."""
    auto = areas.regret_of(as_built)
    fixed = {name: areas.regret(name) for name in areas.recipes}
    lines = [
        f"| source | tables | auto | {' | '.join(fixed)} | chosen |",
        "| --- " * (len(fixed) + 4) + "|",
    ]
    for source in sorted(auto, key=lambda s: -auto[s]):
        cells = [f"{of[source]:.3f}" if source in of else "–" for of in [auto, *fixed.values()]]
        chosen = Counter(as_built(c) for t in areas.sources[source] for c in areas.cases[t])
        words = ", ".join(f"{n} {name}" for name, n in chosen.most_common())
        lines.append(f"| {source} | {len(areas.sources[source])} | {' | '.join(cells)} | {words} |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=3)
    given = parser.parse_args()
    areas = Areas(list(cases(given.store, given.folds)))
    seeds = Counter(len(of) for of in areas.cases.values())
    counts = ", ".join(f"{n} with {k}" for k, n in sorted(seeds.items()))
    print(f"{len(areas.cases)} tables of {len(areas.sources)} sources; tables by seeds: {counts}\n")
    print("\n".join([*table(areas), "", *sources_table(areas), "", *rules_table(areas, RULES)]))


if __name__ == "__main__":
    main()
