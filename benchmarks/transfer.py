"""Transfer against no transfer, on four pairs of source and target.

    PYTHONPATH=pipelines python benchmarks/transfer.py --data DIR --runs FILE [--seeds 0 1 2] [--pairs adult]
    python benchmarks/transfer.py --runs FILE --write

Each pair is a pipeline with `train.transfer`, run once for each seed and method. The seed draws the target's rows and
splits them. The run itself fits the same recipe without transfer and judges both on the same test rows. FILE collects
one line of JSON for each run; `--write` makes the tables of the results page from it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

import steelyard
from steelyard.config import load
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.store import Store

FRAUD = "fraud_handbook_apr2018"
TARGET_POSITIVES = 100  # of the later weeks in training and validation
NEGATIVES = 30_000  # of a fraud table, at most
RESULTS = Path(__file__).parent / "results" / "transfer.md"
NOTES = "## What it shows"
METHODS = {"importance_weighting": "xgboost", "warm_start": "xgboost", "fine_tune": "neural_network"}
_LEAKS = ("TX_FRAUD_SCENARIO", "TX_TIME_SECONDS", "TX_TIME_DAYS", "CUSTOMER_ID", "TERMINAL_ID", "TX_DATETIME")
_DATA, _MODEL, _VERDICT = ("profile", "split", "resample"), ("train",), ("decide", "evaluate")
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
    "fraud: scenario 2 → 1, fine bins": scenarios,
}
PARAMS = {"fraud: scenario 2 → 1, fine bins": {"max_bin": 16384}}  # of XGBoost


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


def measure(spark: Any, folder: Path, name: str, data: Path, seed: int, methods: list[str]) -> Iterable[dict[str, Any]]:
    """Run a pair's pipeline with some methods, and one on the source for the models that training continues from."""
    for side, table in zip(("source", "target"), PAIRS[name](data, np.random.default_rng(seed)), strict=True):
        kept = table.drop(columns=[c for c in _LEAKS if c in table])
        kept.to_parquet(folder / f"{side}.parquet", index=False)
    ready = dict[str, bool]()

    def run(side: str, test: float, train: dict[str, Any], stages: tuple[str, ...]) -> Any:
        config = _pipeline(folder, side, seed, train, test)
        made = start_run(Store(folder / "runs"), config, f"s{seed}", {}, resume=side in ready)
        run_pipeline(Context(made, config, lambda: spark), stages=stages if side in ready else (*_DATA, *stages))
        ready[side] = True
        return made

    for method in methods:
        model: dict[str, Any] = {"model": METHODS[method], "params": PARAMS.get(name, {})}
        began = perf_counter()
        place = str(folder / "source.parquet")
        if method != "importance_weighting":
            place = run("source", 0.05, model, _MODEL).location
        how = {**model, "transfer": {"source": place, "method": method}}
        found = run("target", 0.5, how, (*_MODEL, *_VERDICT)).read_json("metrics.json")
        yield {"seed": seed, "method": method, "seconds": perf_counter() - began, **summary(found)}


def _pipeline(folder: Path, name: str, seed: int, train: dict[str, Any], test: float) -> Any:
    return load(
        {
            "version": 1,
            "name": name,
            "data": {"path": str(folder / f"{name}.parquet"), "label": "label", "key": "row"},
            "split": {"validation": 0.15, "test": test, "seed": seed},
            "train": {"seed": seed, "fold_models": "none", **train},
        }
    )


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the tables show of a run's metrics."""
    positive, facts, gain = found["positive"], found["transfer"], found["baseline"]["gain"]
    areas = {
        name: of["per_class"][positive]["pr_auc"]["value"]
        for name, of in (("ours", found["splits"]["test"]), ("plain", found["baseline"]["test"]))
    }
    rare = facts.get("classes", {}).get(positive, {})
    return {
        **areas,
        "positives": found["splits"]["test"]["support"][positive],
        "gain": gain["pr_auc"],
        "log_loss": gain.get("log_loss"),
        "verdict": facts["verdict"],
        **{key: rare.get(key) for key in ("rows", "weight", "effective_rows", "domain_auc")},
    }


def overview(runs: list[dict[str, Any]]) -> list[str]:
    """Return the table of means over seeds: the interval is that of Student's t over the seeds' paired gains."""
    lines = [
        "| pair | method | no transfer | transfer | gain | 95 % over seeds | log loss less by | verdicts |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pair, method, found in _grouped(runs):
        plain, ours = (float(np.mean([r[name] for r in found])) for name in ("plain", "ours"))
        low, high = _interval([r["gain"]["value"] for r in found])
        losses = [r["log_loss"]["value"] for r in found if r["log_loss"] is not None]
        loss = f"{np.mean(losses):+.4f}" if losses else "–"
        words = [r["verdict"] for r in found]
        said = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(sorted(words)))
        cells = [pair, method, f"{plain:.3f}", f"{ours:.3f}", f"{ours - plain:+.3f}", f"{low:+.3f} to {high:+.3f}"]
        lines.append(f"| {' | '.join([*cells, loss, said])} |")
    return lines


def details(runs: list[dict[str, Any]]) -> list[str]:
    """Return the table of runs: the paired gain in PR area on the same test rows, with its bootstrap interval."""
    lines = [
        "| pair | method | seed | no transfer | transfer | gain | 95 % | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for pair, method, found in _grouped(runs):
        for of in found:
            gain, ci95 = of["gain"]["value"], of["gain"]["ci95"]
            sure = "–" if ci95 is None else f"{ci95[0]:+.3f} to {ci95[1]:+.3f}"
            cells = [pair, method, str(of["seed"]), f"{of['plain']:.3f}", f"{of['ours']:.3f}", f"{gain:+.3f}", sure]
            lines.append(f"| {' | '.join([*cells, of['verdict']])} |")
    return lines


def weights(runs: list[dict[str, Any]]) -> list[str]:
    """Return the table of what importance weighting took from the source: means over seeds, of the positive class."""
    lines = [
        "| pair | source positives | their weight | effective rows | domain AUC | test positives |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for pair, method, found in _grouped(runs):
        if method == "importance_weighting":
            means = [
                np.mean([r[key] for r in found])
                for key in ("rows", "weight", "effective_rows", "domain_auc", "positives")
            ]
            cells = [*(f"{m:,.0f}" for m in means[:3]), f"{means[3]:.3f}", f"{means[4]:,.0f}"]
            lines.append(f"| {' | '.join([pair, *cells])} |")
    return lines


def _grouped(runs: list[dict[str, Any]]) -> Iterable[tuple[str, str, list[dict[str, Any]]]]:
    for pair in PAIRS:
        for method in METHODS:
            found = [r for r in runs if (r["pair"], r["method"]) == (pair, method)]
            if found:
                yield pair, method, sorted(found, key=lambda r: int(r["seed"]))


def _interval(values: list[float]) -> tuple[float, float]:
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def write(runs: list[dict[str, Any]]) -> None:
    """Write the tables of the results page; its notes stay."""
    _, _, notes = RESULTS.read_text().partition(NOTES) if RESULTS.exists() else ("", "", "\n")
    parts = [
        "# Transfer against no transfer\n\n`benchmarks/transfer.py`. PR area on the test rows; means over seeds.",
        "\n".join(overview(runs)),
        f"{NOTES}{notes}".split("## Each run")[0].rstrip(),
        "## Each run\n\nThe interval is the run's own: a paired bootstrap over its test rows.",
        "\n".join(details(runs)),
        "## What importance weighting took\n\nThe positive class, means over seeds.",
        "\n".join(weights(runs)),
    ]
    RESULTS.write_text("\n\n".join(parts) + "\n")


def main() -> None:
    """Run the pairs, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pairs", default="", help="begin of the names")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no pair begins later; run again to go on")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write:
        write(_runs(given.runs))
        return
    began = perf_counter()
    done = {(r["pair"], r["seed"], r["method"]) for r in _runs(given.runs)}
    spark = steelyard.session()
    for seed in given.seeds:
        for name in (n for n in PAIRS if n.startswith(given.pairs)):
            wanted = [m for m in given.methods if METHODS[m] == "xgboost" or name not in PARAMS]
            methods = [m for m in wanted if (name, seed, m) not in done]
            if methods and perf_counter() - began < given.seconds:
                with tempfile.TemporaryDirectory() as folder:
                    for found in measure(spark, Path(folder), name, given.data, seed, methods):
                        with given.runs.open("a") as file:
                            file.write(json.dumps({"pair": name, **found}) + "\n")
                        print(name, found, flush=True)


def _runs(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
