"""Transfer against no transfer, on four pairs of source and target, in one process.

    PYTHONPATH=pipelines python benchmarks/transfer_arrays.py --data DIR --found FILE [--seeds 0 1 2] [--pairs adult]

Domain classifiers, network and defaults are those of steelyard; XGBoost is called directly. The seed draws the target's
rows and divides them: 35 % train, 15 % stop training, 50 % are the test rows of both sides. FILE collects one line of
JSON for each method, and a later call goes on with those that it lacks. `transfer.py` runs pipelines on the same
pairs, and writes the results page.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from steelyard.kernels.importance import density_ratio, effective_size, ranges_meet
from steelyard.learning import get_trainer
from steelyard.learning.arrays import Standardiser
from steelyard.learning.domain import _LEARNER, FEWEST, FOLDS

FRAUD = "fraud_handbook_apr2018"
TARGET_POSITIVES = 100  # of the later weeks in training and validation
NEGATIVES = 30_000  # of a fraud table, at most
FINE = "fraud: scenario 2 → 1, fine bins"
METHODS = ("importance_weighting", "warm_start", "fine_tune")
DRAWS, CLIP, SAMPLE = 200, 20.0, 20_000
LEAKS = ("TX_FRAUD_SCENARIO", "TX_TIME_SECONDS", "TX_TIME_DAYS", "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME")
Array = NDArray[Any]
Pair = Callable[[Path, np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]


def sexes(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Men are the source; the target is 3,000 women."""
    table = _adult(data)
    return _divided(table, table["sex"] == "Male", draws)


def hours(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who works 40 hours a week and more is the source; the target is 3,000 who work less."""
    table = _adult(data)
    return _divided(table, table["hours_per_week"] >= 40, draws)


def weeks(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The first two weeks are the source; of the later ones, `TARGET_POSITIVES` positives and half of the test rows."""
    table = _fraud(data)
    early = table["TX_DATETIME"] < table["TX_DATETIME"].min() + pd.Timedelta(days=14)
    later, seed = table[~early], int(draws.integers(2**31))
    rare = later[later["label"] == 1].sample(2 * TARGET_POSITIVES, random_state=seed)
    return _fewer(table[early], draws), pd.concat([_fewer(later[later["label"] == 0], draws), rare])


def scenarios(data: Path, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scenario 2 (compromised terminals) is the source, scenario 1 (amounts above 220) the target.

    Each has genuine rows of its own.
    """
    table = _fraud(data)
    genuine, of = table[table["label"] == 0], table["TX_FRAUD_SCENARIO"]
    ours = draws.random(len(genuine)) < 0.5
    source, target = pd.concat([genuine[~ours], table[of == 2]]), pd.concat([genuine[ours], table[of == 1]])
    return _fewer(source, draws), _fewer(target, draws)


PAIRS: dict[str, Pair] = {
    "adult: men → women": sexes,
    "adult: 40 hours → fewer": hours,
    "fraud: early → later weeks": weeks,
    "fraud: scenario 2 → 1": scenarios,
    FINE: scenarios,
}
PARAMS = {FINE: {"max_bin": 16384}}  # of XGBoost


def _adult(data: Path) -> pd.DataFrame:
    table = pd.read_parquet(data / "adult.parquet").reset_index(names="row")
    return table.rename(columns={"income": "label"}).drop(columns="split")


def _fraud(data: Path) -> pd.DataFrame:
    return pd.read_parquet(data / f"{FRAUD}.parquet").rename(columns={"TX_FRAUD": "label", "TRANSACTION_ID": "row"})


def _divided(table: pd.DataFrame, source: pd.Series, draws: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    return table[source], table[~source].sample(3000, random_state=int(draws.integers(2**31)))


def _fewer(table: pd.DataFrame, draws: np.random.Generator) -> pd.DataFrame:
    """Return all positives, and at most `NEGATIVES` other rows."""
    negative = table["label"] == 0
    drawn = table[negative].sample(min(NEGATIVES, int(negative.sum())), random_state=int(draws.integers(2**31)))
    return pd.concat([drawn, table[~negative]])


@dataclass(frozen=True)
class Rows:
    """Features, labels and weights."""

    x: Array
    y: Array
    weight: Array

    def at(self, chosen: Array) -> Rows:
        """Return some of the rows."""
        return Rows(self.x[chosen], self.y[chosen], self.weight[chosen])


@dataclass(frozen=True)
class Case:
    """A pair with one seed: the source, and the parts of the target."""

    source: Rows
    train: Rows
    stop: Rows
    test: Rows
    params: dict[str, Any]
    seed: int


def case(name: str, data: Path, seed: int) -> Case:
    """Return the rows of a pair; categories are flags, and each class is divided alike."""
    source, target = PAIRS[name](data, np.random.default_rng(seed))
    both = pd.concat([source, target])
    y = (both["label"] == ">50K" if name.startswith("adult") else both["label"] == 1).to_numpy().astype(int)
    features = both.drop(columns=["label", "row", *(c for c in LEAKS if c in both)])
    x = pd.get_dummies(features).to_numpy(np.float32)
    rows = Rows(x, y, np.ones(len(y)))
    place, draws = np.zeros(len(y)), np.random.default_rng(seed + 1000)
    at = np.arange(len(y)) >= len(source)
    for label in (0, 1):
        own = np.flatnonzero(at & (y == label))
        place[own] = (draws.permutation(len(own)) + 0.5) / len(own)
    parts = [at & (place < 0.5), at & (place >= 0.5) & (place < 0.65), at & (place >= 0.65)]
    test, stop, train = (rows.at(part) for part in parts)
    return Case(rows.at(~at), train, stop, test, PARAMS.get(name, {}), seed)


def weighted(of: Case) -> tuple[Rows, dict[str, float]]:
    """Return the source with its importance, and facts about its positives: as `fit_domain_classifier` weighs them."""
    ends = [np.stack([rows.x.min(axis=0), rows.x.max(axis=0)]) for rows in (of.train, of.source)]
    low, high = (np.stack([end[i] for end in ends]).astype(float) for i in (0, 1))
    seen = ranges_meet(low, high, np.zeros(low.shape, bool))
    weight, facts = np.ones(len(of.source.y)), dict[str, float]()
    for label in (0, 1):
        sides = [np.flatnonzero(rows.y == label) for rows in (of.train, of.source)]
        if min(map(len, sides)) < FEWEST:
            continue
        weight[sides[1]], area = _ratios(of.train.x[sides[0]][:, seen], of.source.x[sides[1]][:, seen], of.seed)
        own = weight[sides[1]]
        facts = {"rows": len(own), "weight": own.sum(), "effective": effective_size(own.sum(), (own**2).sum())}
        facts["domain_auc"] = area
    return replace(of.source, weight=weight), {k: float(v) for k, v in facts.items()}


def _ratios(target: Array, source: Array, seed: int) -> tuple[Array, float]:
    """Return the density ratio of each source row by the classifier that has not seen it, and the area."""
    from sklearn.metrics import roc_auc_score

    draws = np.random.default_rng(seed)
    x = np.concatenate([target, source])
    y = np.arange(len(x)) < len(target)
    fold = draws.integers(FOLDS, size=len(x))
    sampled = np.concatenate([draws.permutation(len(part)) < SAMPLE for part in (target, source)])
    least = min(sampled[y].sum(), sampled[~y].sum())
    weight = np.where(y, least / sampled[y].sum(), least / sampled[~y].sum())
    p = np.zeros(len(x))
    for k in range(FOLDS):
        own = sampled & (fold != k)
        model = _LEARNER.fit(x[own], y[own], sample_weight=weight[own], seed=seed)
        p[fold == k] = _LEARNER.load(model)(x[fold == k].astype(np.float32))[:, 1]
    return density_ratio(p[~y], CLIP), float(roc_auc_score(y, p, sample_weight=weight))


def boosted(of: Case, train: Rows, start: Any = None, stop: Rows | None = None) -> xgboost.Booster:
    """Return a booster with steelyard's defaults, at its best round."""
    given = get_trainer("xgboost", of.params, seed=of.seed).params
    stop = of.stop if stop is None else stop
    params = {
        k: v for k, v in given.items() if k not in ("n_estimators", "early_stopping_rounds", "enable_categorical")
    }
    share = np.average(train.y, weights=train.weight)
    params |= {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "base_score": float(share)}
    if start is not None:
        del params["base_score"]  # that of the source's booster
    data = [xgboost.DMatrix(rows.x, rows.y, weight=rows.weight) for rows in (train, stop)]
    found = xgboost.train(
        params,
        data[0],
        given["n_estimators"],
        evals=[(data[1], "stop")],
        early_stopping_rounds=given["early_stopping_rounds"],
        xgb_model=start,
        verbose_eval=False,
    )
    return found[: found.best_iteration + 1]


def network(of: Case, train: Rows, scale: Rows, start: bytes | None = None, factor: float = 1.0) -> tuple[bytes, Array]:
    """Return the weights of a network with steelyard's defaults, and its scores of the test rows."""
    import torch
    from safetensors.numpy import load

    from steelyard.kernels.network import forward
    from steelyard.learning._losses import objective_of
    from steelyard.learning._neural_network_task import Task
    from steelyard.learning._neural_network_worker import Rows as Batch
    from steelyard.learning._neural_network_worker import train_network

    torch.set_num_threads(1)
    standardiser = Standardiser.of(scale.x)
    x = [standardiser.apply(rows.x).astype(np.float32) for rows in (train, of.stop, of.test)]
    sizes = np.bincount(train.y, minlength=2).astype(float)
    how = {k: v for k, v in get_trainer("neural_network").params.items() if k != "shards"}
    how["learning_rate"] *= factor
    objective = objective_of("log_loss", sizes, sizes, offsets=True)
    fixed = {"shards": "", "features": x[0].shape[1], "starts": objective.starts, "shift": (0.0,), "focal": None}
    task = Task(**{**how, **fixed, "seed": of.seed, "start": start})
    batches = [Batch(a, rows.y, rows.weight, np.zeros(len(a))) for a, rows in zip(x, (train, of.stop), strict=False)]
    weights, _ = train_network(task, *batches, rank=0)
    return weights, forward(load(weights), x[2])[:, 0]


def scores(of: Case, method: str) -> tuple[Array, Array, dict[str, float]]:
    """Return the scores of the test rows with and without transfer, and facts."""
    test = xgboost.DMatrix(of.test.x)
    if method == "fine_tune":
        parts = _parted(of.source, of.seed)
        start, _ = network(replace(of, stop=parts[1]), parts[0], parts[0])
        return network(of, of.train, parts[0], start, 0.1)[1], network(of, of.train, of.train)[1], {}
    plain, facts = boosted(of, of.train).predict(test), dict[str, float]()
    if method == "importance_weighting":
        source, facts = weighted(of)
        pairs = zip(vars(of.train).values(), vars(source).values(), strict=True)
        model = boosted(of, Rows(*(np.concatenate(pair) for pair in pairs)))
    else:
        train, stop = _parted(of.source, of.seed)
        model = boosted(of, of.train, boosted(of, train, stop=stop))
    return model.predict(test), plain, facts


def _parted(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    stop = np.random.default_rng(seed).random(len(rows.y)) < 0.15
    return rows.at(~stop), rows.at(stop)


def compared(of: Case, ours: Array, plain: Array) -> dict[str, Any]:
    """Return both PR areas and the gain, with the interval of a paired bootstrap over the test rows."""
    area = partial(average_precision_score, of.test.y)
    draws, n = np.random.default_rng(of.seed), len(of.test.y)
    gains = []
    for _ in range(DRAWS):
        times = np.bincount(draws.integers(n, size=n), minlength=n)
        gains.append(area(ours, sample_weight=times) - area(plain, sample_weight=times))
    gain, half = float(area(ours) - area(plain)), 1.96 * float(np.std(gains, ddof=1))
    ci95 = [gain - half, gain + half]
    verdict = "gains" if ci95[0] > 0 else "harms" if ci95[1] < 0 else "no gain shown"
    return {"plain": area(plain), "ours": area(ours), "gain": gain, "ci95": ci95, "verdict": verdict}


def main() -> None:
    """Append a line for each pair, seed and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pairs", default="", help="begin of the names")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    given = parser.parse_args()
    lines = given.found.read_text().splitlines() if given.found.exists() else []
    done = {(r["pair"], r["seed"], r["method"]) for r in map(json.loads, lines)}
    for seed in given.seeds:
        for name in (n for n in PAIRS if n.startswith(given.pairs)):
            wanted = [m for m in given.methods if m != "fine_tune" or name not in PARAMS]
            for method in (m for m in wanted if (name, seed, m) not in done):
                began, of = perf_counter(), case(name, given.data, seed)
                ours, plain, facts = scores(of, method)
                found = {"pair": name, "seed": seed, "method": method, **compared(of, ours, plain), **facts}
                found |= {"positives": int(of.test.y.sum()), "seconds": perf_counter() - began}
                with given.found.open("a") as file:
                    file.write(json.dumps(found) + "\n")
                print(found, flush=True)


if __name__ == "__main__":
    main()
