"""Whether the closed-form prior correction gives calibrated probabilities, for each way of changing the class prior.

    PYTHONPATH=pipelines python benchmarks/prior_correction.py --data DIR

Real binary tables, split at random into 60 % training, 20 % validation and 20 % test rows, five times. A model learns
from training rows that are under-sampled, over-sampled or weighted, and stops early on validation rows as the trainers
do. Its test scores are corrected in closed form, by Platt's method, and by isotonic regression (both on validation
rows). The tables show the mean corrected score over the share of positives, and log loss relative to the model that
learned from unchanged rows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from steelyard.deciding import Prior
from steelyard.kernels.calibration import fit_platt, log_odds

Array = np.ndarray[Any, Any]
TABLES = {
    "creditcard_ulb_sample": ("Class", "1"),
    "creditcard_ulb_trunc40pct": ("Class", "1"),
    "cover_2v4": ("label", "1"),
    "mammography": ("label", "1"),
    "ai4i2020": ("Machine_failure", "1"),
    "polish_bankruptcy_5y": ("label", "1"),
    "wilt": ("Class", "2"),
    "adult": ("income", ">50K"),
}
MOST_ROWS = 100_000
METHODS = ("none", "under 1:1", "under 10:1", "over 1:1", "weights balanced", "weights sqrt")


def read(folder: Path, name: str) -> tuple[Array, Array]:
    """Return features, categories as numbers, and labels of a table."""
    label, positive = TABLES[name]
    frame = pd.read_parquet(folder / f"{name}.parquet")
    frame = frame.sample(min(len(frame), MOST_ROWS), random_state=0)
    y = (frame.pop(label).astype(str) == positive).to_numpy().astype(int)
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].apply(lambda c: c.astype("category").cat.codes)
    return frame.to_numpy(dtype=float), y


def distorted(y: Array, method: str, rng: np.random.Generator) -> tuple[Array, Array, tuple[float, float]]:
    """Return the places of the rows to learn from, their weights, and the rates of both classes."""
    places, n, p = np.arange(len(y)), float((y == 0).sum()), float((y == 1).sum())
    kind, _, how = method.partition(" ")
    if kind == "under":
        kept = min(n, p * (1 if how == "1:1" else 10))
        chosen = np.concatenate([np.flatnonzero(y == 1), rng.choice(np.flatnonzero(y == 0), int(kept), replace=False)])
        return chosen, np.ones(len(chosen)), (int(kept) / n, 1.0)
    if kind == "over":
        more = rng.choice(np.flatnonzero(y == 1), int(n - p))
        chosen = np.concatenate([places, more])
        return chosen, np.ones(len(chosen)), (1.0, n / p)
    if kind == "weights":
        ratio = n / p if how == "balanced" else (n / p) ** 0.5
        return places, np.where(y == 1, ratio, 1.0), (1.0, ratio)
    return places, np.ones(len(y)), (1.0, 1.0)


def xgboost_scores(x: list[Array], y: list[Array], weight: Array) -> list[Array]:
    """Return scores of validation and test rows, by the trainer's defaults."""
    params = {"objective": "binary:logistic", "eval_metric": "logloss", "learning_rate": 0.1, "max_depth": 6}
    train = xgb.QuantileDMatrix(x[0], y[0], weight=weight)
    stop = xgb.QuantileDMatrix(x[1], y[1], ref=train)
    model = xgb.train(params, train, 200, evals=[(stop, "v")], early_stopping_rounds=20, verbose_eval=False)
    best = (0, model.best_iteration + 1)
    return [model.predict(xgb.DMatrix(part), iteration_range=best).astype(float) for part in x[1:]]


def logistic_scores(x: list[Array], y: list[Array], weight: Array) -> list[Array]:
    """Return scores of validation and test rows, by the trainer's defaults."""
    model = LogisticRegression(C=1e4 / len(y[0]), max_iter=200)
    whole = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model)
    whole.fit(x[0], y[0], logisticregression__sample_weight=weight)
    return [whole.predict_proba(part)[:, 1] for part in x[1:]]


MODELS = {"xgboost": xgboost_scores, "logistic_regression": logistic_scores}


def corrected(scores: list[Array], y: Array, rates: tuple[float, float]) -> dict[str, Array]:
    """Return test scores after each correction; all but the closed form are fitted on validation rows."""
    order = np.argsort(-scores[0])
    slope, intercept = fit_platt(scores[0][order], y[order].astype(float), 1.0 - y[order])
    isotonic = IsotonicRegression(out_of_bounds="clip", y_min=1e-6, y_max=1 - 1e-6).fit(scores[0], y)
    return {
        "closed form": Prior(rates[1], rates[0]).apply_numpy(scores[1]),
        "platt": 1 / (1 + np.exp(-(slope * log_odds(scores[1]) + intercept))),
        "isotonic": isotonic.predict(scores[1]),
    }


def trials(folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """Yield a record for each table, repeat, model, method and correction."""
    for name in TABLES:
        x, y = read(folder, name)
        for repeat in range(repeats):
            rng = np.random.default_rng(repeat)
            shuffled = rng.permutation(len(y))
            parts = np.split(shuffled, [int(0.6 * len(y)), int(0.8 * len(y))])
            base: dict[str, float] = {}
            for model, fit in MODELS.items():
                for method in METHODS:
                    chosen, weight, rates = distorted(y[parts[0]], method, np.random.default_rng(repeat))
                    rows = [parts[0][chosen], parts[1], parts[2]]
                    scores = fit([x[r] for r in rows], [y[r] for r in rows], weight)
                    test = y[parts[2]]
                    for how, p in corrected(scores, y[parts[1]], rates).items():
                        loss = float(log_loss(test, np.clip(p, 1e-12, 1 - 1e-12)))
                        base.setdefault(model, loss)  # the first: unchanged rows, closed form of rates 1
                        yield {
                            "table": name,
                            "model": model,
                            "method": method,
                            "correction": how,
                            "mean": float(p.mean() / test.mean()),
                            "loss": loss / base[model],
                        }
        print(name, file=sys.stderr)


def main() -> None:
    """Run and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(TABLES)}")
    found = pd.DataFrame(trials(given.data, given.repeats))
    for value, title in (("mean", "Mean score over prevalence"), ("loss", "Log loss over that of unchanged rows")):
        print(f"\n{title}: median (least to greatest over the tables of the mean of the repeats)\n")
        print("| model | method | closed form | Platt | isotonic |")
        print("| --- | --- | --- | --- | --- |")
        by_table = found.groupby(["model", "method", "correction", "table"], sort=False)[value].mean()
        for model in MODELS:
            for method in METHODS:
                cells = [by_table[model, method, how] for how in ("closed form", "platt", "isotonic")]
                shown = [f"{c.median():.2f} ({c.min():.2f} to {c.max():.2f})" for c in cells]
                print(f"| {model} | {method} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
