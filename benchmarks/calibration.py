"""Whether `calibrate: auto` is better than no calibration, after each way of changing the training rows.

    PYTHONPATH=pipelines python benchmarks/calibration.py --data DIR

Tables, splits and models are those of `benchmarks/prior_correction.py`, with SMOTE. After the correction that is exact,
if there is one, the test scores are calibrated as `auto` chooses on validation rows, and not at all. The table shows
log loss, calibration error (ECE of ten bins of equal mass) and mean score over the share of positives, for both; how
often log loss on test rows is worse than without a calibration beyond the 95 % interval of the paired difference; and
what `auto` chose.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from imblearn.over_sampling import SMOTE
from prior_correction import MODELS, TABLES, Array, distorted, read
from sklearn.impute import SimpleImputer

from steelyard.config import parse_loss
from steelyard.deciding import Prior, choose_calibrator
from steelyard.learning._losses import objective_of
from steelyard.learning._xgboost_worker import Rows, Task, train_booster
from steelyard.metrics import ScoreTable

LOSSES = {
    "focal": {"focal": {}},
    "focal, alpha 0.75": {"focal": {"alpha": 0.75}},
    "class-balanced focal": {"class_balanced_focal": {}},
}
METHODS = ("none", "weights balanced", "smote", "under 10:1", "under 1:1", *LOSSES)
EXACT = ("none", "under 10:1", "under 1:1", "focal")


def learned(x: Array, y: Array, method: str, seed: int) -> tuple[Array, Array, Array, tuple[float, float]]:
    """Return the rows to learn from, their labels and weights, and the rates of both classes."""
    if method == "smote":
        made, labels = SMOTE(random_state=seed).fit_resample(SimpleImputer(strategy="median").fit_transform(x), y)
        return made, labels, np.ones(len(labels)), (1.0, 1.0)
    chosen, weight, rates = distorted(y, method, np.random.default_rng(seed))
    return x[chosen], y[chosen], weight, rates


def focal_scores(x: list[Array], y: list[Array], loss: dict[str, Any]) -> list[Array]:
    """Return probabilities of validation and test rows of XGBoost with a focal loss, by the trainer's defaults."""
    sizes = tuple(np.bincount(y[0], minlength=2).astype(float))
    objective = objective_of(parse_loss(loss), sizes, sizes, offsets=False)
    assert objective.focal is not None
    how = {"learning_rate": 0.1, "max_depth": 6, "max_bin": 256, "nthread": 2, **objective.booster()}
    task = Task(how, 200, x[0].shape[1], 20, starts=objective.starts, focal=asdict(objective.focal))
    rows = [Rows(*(np.float32(part) for part in (a, b, np.ones(len(b))))) for a, b in zip(x, y, strict=True)]
    model = xgb.Booster()
    model.load_model(bytearray(train_booster(rows[0], rows[1], task)[0]))
    margins = [model.inplace_predict(r.features, predict_type="margin") for r in rows[1:]]
    return [1 / (1 + np.exp(-objective.focal.log_odds(z))) for z in margins]


def losses(y: Array, p: Array) -> Array:
    """Return the log loss of each row."""
    kept = np.clip(p, 1e-15, 1 - 1e-15)
    return np.where(y == 1, -np.log(kept), -np.log1p(-kept))


def calibration_error(y: Array, p: Array) -> float:
    """Return the mean distance of predicted from observed shares in ten bins of equal mass."""
    bins = np.array_split(np.argsort(p, kind="stable"), 10)
    return float(sum(len(b) * abs(p[b].mean() - y[b].mean()) for b in bins) / len(y))


def trials(folder: Path, repeats: int, methods: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a record for each table, repeat, model and method."""
    for name in TABLES:
        x, y = read(folder, name)
        for repeat in range(repeats):
            shuffled = np.random.default_rng(repeat).permutation(len(y))
            train, validation, test = np.split(shuffled, [int(0.6 * len(y)), int(0.8 * len(y))])
            for model, fit in MODELS.items():
                for method in methods:
                    if method in LOSSES and model != "xgboost":
                        continue
                    rows, labels, weight, rates = learned(x[train], y[train], method, repeat)
                    given = [rows, x[validation], x[test]], [labels, y[validation], y[test]]
                    scores = focal_scores(*given, LOSSES[method]) if method in LOSSES else fit(*given, weight)
                    if method in EXACT:
                        scores = [Prior(rates[1], rates[0]).apply_numpy(s) for s in scores]
                    table = ScoreTable.from_rows(scores[0], y[validation] == 1)
                    chosen = choose_calibrator(table, exact=method in EXACT).calibrator
                    yield {"table": name, "model": model, "method": method, **judged(y[test], scores[1], chosen)}
        print(name, file=sys.stderr)


def judged(y: Array, raw: Array, chosen: Any) -> dict[str, Any]:
    """Return the figures of the raw and of the calibrated scores."""
    p = chosen.apply_numpy(raw)
    worse = losses(y, p) - losses(y, raw)
    beyond = worse.mean() - 1.96 * worse.std() / np.sqrt(len(y))
    figures = {"chosen": chosen.method, "worse": float(beyond > 1e-9)}
    for how, score in (("raw", raw), ("auto", p)):
        figures[f"loss {how}"] = losses(y, score).mean()
        figures[f"ece {how}"] = calibration_error(y, score)
        figures[f"mean {how}"] = score.mean() / y.mean()
    return figures


def main() -> None:
    """Run and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder: this benchmark needs the real tables {', '.join(TABLES)}")
    found = pd.DataFrame(trials(given.data, given.repeats, given.methods))
    print("| model | training rows | log loss, auto / raw | ECE raw | auto | mean raw | auto | worse | chosen |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    found["ratio"] = found["loss auto"] / found["loss raw"]
    for (model, method), rows in found.groupby(["model", "method"], sort=False):
        tables = rows.groupby("table").mean(numeric_only=True)
        ratio = f"{tables['ratio'].median():.3f} ({tables['ratio'].min():.3f} to {tables['ratio'].max():.3f})"
        shown = [f"{tables[f'ece {how}'].median():.4f}" for how in ("raw", "auto")]
        shown += [
            f"{of.median():.2f} ({of.min():.2f} to {of.max():.2f})" for of in (tables["mean raw"], tables["mean auto"])
        ]
        kinds = ", ".join(f"{kind} {n}" for kind, n in rows["chosen"].value_counts().items())
        worse = f"{int(rows['worse'].sum())} of {len(rows)}"
        print(f"| {model} | {method} | {ratio} | {' | '.join(shown)} | {worse} | {kinds} |")


if __name__ == "__main__":
    main()
