"""Transfer against no transfer in whole runs, on four pairs of source and target.

    PYTHONPATH=pipelines python benchmarks/transfer.py --data DIR --runs FILE [--seeds 0 1 2] [--pairs adult]
    PYTHONPATH=pipelines python benchmarks/transfer.py --runs FILE --found FILE [FILE] --write

Each pair is a pipeline with `train.transfer`, run once for each seed and method. The seed draws the target's rows and
splits them. The run itself fits the same recipe without transfer and judges both on the same test rows. FILE collects
one line of JSON for each run; `--write` makes the tables of the results page from it, and from the many seeds of
`transfer_arrays.py`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from scipy.stats import t
from transfer_arrays import LEAKS, METHODS, PAIRS, PARAMS

import steelyard
from steelyard.config import load
from steelyard.stages import Context, run_pipeline, start_run
from steelyard.store import Store

RESULTS = Path(__file__).parent / "results" / "transfer.md"
NOTES = "## What it shows"
MODELS = {"importance_weighting": "xgboost", "warm_start": "xgboost", "fine_tune": "neural_network"}
_DATA, _MODEL, _VERDICT = ("profile", "split", "resample"), ("train",), ("decide", "evaluate")


def measure(spark: Any, folder: Path, name: str, data: Path, seed: int, methods: list[str]) -> Iterable[dict[str, Any]]:
    """Run a pair's pipeline with some methods, and one on the source for the models that training continues from."""
    for side, table in zip(("source", "target"), PAIRS[name](data, np.random.default_rng(seed)), strict=True):
        kept = table.drop(columns=[c for c in LEAKS if c in table])
        kept.to_parquet(folder / f"{side}.parquet", index=False)
    ready = dict[str, bool]()

    def run(side: str, test: float, train: dict[str, Any], stages: tuple[str, ...]) -> Any:
        config = _pipeline(folder, side, seed, train, test)
        made = start_run(Store(folder / "runs"), config, f"s{seed}", {}, resume=side in ready)
        run_pipeline(Context(made, config, lambda: spark), stages=stages if side in ready else (*_DATA, *stages))
        ready[side] = True
        return made

    for method in methods:
        model: dict[str, Any] = {"model": MODELS[method], "params": PARAMS.get(name, {})}
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
    positive, gain = found["positive"], found["baseline"]["gain"]["pr_auc"]
    sides = {"ours": found["splits"]["test"], "plain": found["baseline"]["test"]}
    areas = {name: of["per_class"][positive]["pr_auc"]["value"] for name, of in sides.items()}
    return {**areas, "gain": gain["value"], "ci95": gain["ci95"], "verdict": found["transfer"]["verdict"]}


def overview(found: list[dict[str, Any]]) -> list[str]:
    """Return the table of means over seeds: the interval is that of Student's t over the seeds' paired gains."""
    lines = _head("pair", "method", "no transfer", "transfer", "gain", "95 % over seeds", "verdicts of the seeds")
    for pair, method, of in _grouped(found):
        plain, ours = (float(np.mean([r[name] for r in of])) for name in ("plain", "ours"))
        between = _interval([r["gain"] for r in of])
        words = [r["verdict"] for r in of]
        said = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
        cells = [pair, method, f"{plain:.3f}", f"{ours:.3f}", f"{ours - plain:+.3f}", between]
        lines.append(f"| {' | '.join([*cells, said])} |")
    return lines


def details(found: list[dict[str, Any]]) -> list[str]:
    """Return the table of seeds: the paired gain in PR area on the same test rows, with its bootstrap interval."""
    lines = _head("pair", "method", "seed", "no transfer", "transfer", "gain", "95 %", "verdict")
    for pair, method, of in _grouped(found):
        for r in of:
            sure = "–" if r["ci95"] is None else f"{r['ci95'][0]:+.3f} to {r['ci95'][1]:+.3f}"
            cells = [pair, method, str(r["seed"]), f"{r['plain']:.3f}", f"{r['ours']:.3f}", f"{r['gain']:+.3f}", sure]
            lines.append(f"| {' | '.join([*cells, r['verdict']])} |")
    return lines


def weights(found: list[dict[str, Any]]) -> list[str]:
    """Return the table of what importance weighting took from the source: means over seeds, of the positive class."""
    lines = _head("pair", "test positives", "source positives", "their weight", "effective rows", "domain AUC")
    for pair, method, of in _grouped(found):
        if method == "importance_weighting":
            names = ("positives", "rows", "weight", "effective", "domain_auc")
            means = [float(np.mean([r[name] for r in of])) for name in names]
            lines.append(f"| {' | '.join([pair, *(f'{m:,.0f}' for m in means[:4]), f'{means[4]:.3f}'])} |")
    return lines


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"| {' | '.join(['---'] * len(names))} |"]


def _grouped(found: list[dict[str, Any]]) -> Iterable[tuple[str, str, list[dict[str, Any]]]]:
    for pair in PAIRS:
        for method in METHODS:
            of = [r for r in found if (r["pair"], r["method"]) == (pair, method)]
            if of:
                yield pair, method, sorted(of, key=lambda r: int(r["seed"]))


def _interval(values: list[float]) -> str:
    if len(values) < 3:
        return f"{len(values)} seeds"
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{np.mean(values) - half:+.3f} to {np.mean(values) + half:+.3f}"


def write(found: list[dict[str, Any]], runs: list[dict[str, Any]]) -> None:
    """Write the tables of the results page; its notes stay."""
    _, _, notes = RESULTS.read_text().partition(NOTES) if RESULTS.exists() else ("", "", "\n")
    parts = [
        "# Transfer against no transfer\n\n"
        "PR area on the same test rows, with and without transfer: means over seeds\n"
        "(`benchmarks/transfer_arrays.py`).",
        "\n".join(overview(found)),
        f"{NOTES}{notes}".split("## Whole runs")[0].rstrip(),
        "## Whole runs\n\nVerdicts of `steelyard` itself (`benchmarks/transfer.py`), each with its own split.",
        "\n".join(details(runs)),
        "## Each seed\n\nIntervals are a paired bootstrap over the test rows.",
        "\n".join(details(found)),
        "## What importance weighting takes\n\nThe positive class, means over seeds.",
        "\n".join(weights(found)),
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
    parser.add_argument("--found", type=Path, nargs="+", default=[], help="files of transfer_arrays.py")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write:
        write([r for file in given.found for r in _runs(file)], _runs(given.runs))
        return
    began = perf_counter()
    done = {(r["pair"], r["seed"], r["method"]) for r in _runs(given.runs)}
    spark = steelyard.session()
    for seed in given.seeds:
        for name in (n for n in PAIRS if n.startswith(given.pairs)):
            wanted = [m for m in given.methods if MODELS[m] == "xgboost" or name not in PARAMS]
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
