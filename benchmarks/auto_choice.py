"""Regret of `auto` against fixed recipes on real tables, in memory and without Spark.

    PYTHONPATH=pipelines python benchmarks/auto_choice.py --data DIR [--out FILE] [--seeds N] [--most N]

Each table is divided at random into 70 % training and 30 % test rows. Recipes are compared on three folds of the
training rows, as the stage `compare` does; the one that is chosen and each fixed one are then trained on all training
rows and judged on the test rows. Regret is the PR area of the table's best fixed recipe, by its mean over the seeds,
less that of the choice. Tables of one origin (the name before the first digit or underscore) are one source.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from steelyard.comparing import PLAIN, Candidate, more_candidates, standard_candidates
from steelyard.comparing._comparison import compared
from steelyard.comparing._worker import Setting, Table, judged
from steelyard.errors import SteelyardError

OTHERS = {
    "mammography": ("label", "1", []),
    "wilt": ("Class", "2", []),
    "oil_spill": ("label", "1", []),
    "polish_bankruptcy_5y": ("label", "1", []),
    "ai4i2020": ("Machine_failure", "1", ["TWF", "HDF", "PWF", "OSF", "RNF", "UDI", "Product_ID"]),
}
FOLDS, HELD, TEST = 3, 0.125, 0.3


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return features (categories as 0 and 1) and labels of a table."""
    df = pd.read_parquet(path)
    label, positive, out = OTHERS.get(path.stem, (df.columns[-1], None, []))
    y = df[label].astype(str)
    rare = positive or y.value_counts().idxmin()
    x = pd.get_dummies(df.drop(columns=[label, *[c for c in out if c in df]]), dtype=float)
    return x.to_numpy(np.float32), (y == rare).to_numpy(float)


def table(x: np.ndarray, y: np.ndarray, test: np.ndarray, seed: int) -> Table:
    """Return rows as a task gets them."""
    rng, n = np.random.default_rng(seed), len(y)
    one = np.ones(n)
    return Table(x, y, one, rng.permutation(n), rng.permutation(n), test, rng.integers(0, 200, n), one, one)


def scores(of: Table, candidate: Candidate):
    """Return a fold's scores of a candidate; None where its rows do not allow it."""
    setting = Setting(candidate.to_json(), ("0", "1"), HELD, (1.0, 1.0), (1.0, 1.0), {})
    try:
        return judged(of, setting)
    except (SteelyardError, ValueError):
        return None


def areas(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[dict[str, float], str]:
    """Return the PR area of each recipe on test rows, and the choice."""
    index = np.arange(len(y))
    train, test = train_test_split(index, test_size=TEST, stratify=y, random_state=seed)
    counts = {"0": int((y[train] == 0).sum()), "1": int((y[train] == 1).sum())}
    candidates = [*standard_candidates(counts, seed), *more_candidates(counts, categories=False, seed=seed)]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x[train], y[train])
    parts = [table(x[train], y[train], np.isin(np.arange(len(train)), inside), seed) for _, inside in folds]
    found = {c.name: [scores(part, c) for part in parts] for c in candidates}
    whole = table(x, y, np.isin(index, test), seed)
    last = {c.name: scores(whole, c) for c in candidates}
    kept = {name: of for name, of in found.items() if None not in of and last[name] is not None}
    choice = compared(kept, candidates, "log_loss", {}, costs=False)
    return {name: last[name].pr_auc for name in kept}, choice.chosen


def main() -> None:
    """Print the table of mean regrets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=1000, help="tables of a source")
    given = parser.parse_args()
    paths = [*sorted((given.data / "keel").glob("*.parquet")), *(given.data / f"{name}.parquet" for name in OTHERS)]
    by_source: dict[str, list[dict[str, float]]] = defaultdict(list)
    for path in paths:
        source = re.split(r"[\d_]", path.stem)[0]
        if len(by_source[source]) >= given.most:
            continue
        x, y = read(path)
        if y.sum() * (1 - TEST) < 2 * FOLDS + 2:
            continue
        found = [areas(x, y, seed) for seed in range(given.seeds)]
        names = set.intersection(*[set(of) for of, _ in found])
        means = {name: float(np.mean([of[name] for of, _ in found])) for name in names}
        best = max(means.values())
        regrets = {name: best - mean for name, mean in means.items()}
        regrets["auto"] = best - float(np.mean([of[chosen] for of, chosen in found]))
        by_source[source].append(regrets)
        print(path.stem, {n: round(r, 3) for n, r in regrets.items()}, [chosen for _, chosen in found], flush=True)
    text = summary(by_source, given.seeds)
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


def summary(by_source: dict[str, list[dict[str, float]]], seeds: int) -> str:
    """Return the mean regret of each recipe over sources, and its paired difference to that of auto."""
    lines = [
        "# Regret of `auto` in PR area",
        "",
        f"`benchmarks/auto_choice.py`: {sum(map(len, by_source.values()))} tables of {len(by_source)} sources, {seeds} "
        "seeds; one vote per source.",
        "",
        "| recipe | sources | mean regret | less that of auto | standard error |",
        "| --- | --- | --- | --- | --- |",
    ]
    names = sorted(
        {n for of in by_source.values() for one in of for n in one}, key=lambda n: (n != "auto", n != PLAIN, n)
    )
    for name in names:
        pairs = np.array(
            [
                (np.mean([t[name] for t in of if name in t]), np.mean([t["auto"] for t in of if name in t]))
                for of in by_source.values()
                if any(name in t for t in of)
            ]
        )
        gap = pairs[:, 0] - pairs[:, 1]
        error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else float("nan")
        lines.append(f"| {name} | {len(gap)} | {pairs[:, 0].mean():.4f} | {gap.mean():+.4f} | {error:.4f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
