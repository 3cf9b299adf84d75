"""The table of speed: whole runs next to a script of one process, and each part next to its best peer.

    python benchmarks/bench.py                       small sizes, 15 minutes on two quiet cores
    python benchmarks/bench.py --full                full sizes, two hours and 20 GB of disk
    python benchmarks/bench.py --only smote random   some of the parts

Writes benchmarks/results/bench.md, or bench_full.md; with --only or --tiny it only prints.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import one_process
import parts
import samplers
from timing import HEAD, OURS, Row, conditions, page, session, show

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results"
ADULT = REPOSITORY.parent / "shared" / "data" / "dev" / "adult.parquet"
# Rows of each part: tiny (to try this script), small, full.
SIZES: dict[str, tuple[list[int], list[int], list[int]]] = {
    "run": ([20_000], [20_000, 500_000], [20_000, 500_000, 3_000_000, 10_000_000]),
    "split": ([100_000], [5_000_000], [10_000_000, 100_000_000]),
    "random": ([100_000], [2_000_000], [10_000_000]),
    "smote": ([2_000], [50_000], [50_000, 200_000, 800_000]),
    "smotenc": ([0], [0], [0]),
    "cleaning": ([5_000], [50_000], [50_000, 1_000_000]),
    "metrics": ([100_000], [2_000_000], [10_000_000, 100_000_000]),
    "score": ([100_000], [2_000_000], [10_000_000]),
    "starts": ([0], [0], [0]),
}
GOALS = {20_000: "≤ 2.5", 500_000: "≤ 3", 3_000_000: "≤ 1.7", 10_000_000: "≤ 1.0"}
FEATURES = {"cleaning": ["--features", "20"], "smotenc": ["--table", str(ADULT), "--label", "income"]}
TEXT = """`{command}` on {conditions}

`run` is a whole process from the command to the verdict, its peer the script in `one_process.py`. The other
rows run in one warm session, in turns with their peers, from Parquet to Parquet or without output; medians of
{repeats}. Ratios are steelyard's seconds divided by the peer's. Parts and peers are described in `parts.py` and
`samplers.py`."""


def runs(folder: Path, sizes: list[int], repeats: int) -> Iterator[Row]:
    """Whole runs; without a session in this process, so that they have both cores."""
    for n in sizes:
        script, ours = one_process.compare(str(folder / f"cards{n}.parquet"), repeats if n < 10_000_000 else 1)
        yield Row(f"run, {n:,} rows, 12 features", {"script": script, OURS: ours}, GOALS.get(n, ""))


def measured(folder: Path, chosen: list[str], size: int, repeats: int) -> Iterator[Row]:
    """Run the chosen parts."""
    sizes = {name: of[size] for name, of in SIZES.items()}
    spark = session()
    if "run" in chosen:
        for n in sizes["run"]:
            parts.cards(spark, folder, n)
        spark.stop()
        yield from runs(folder, sizes["run"], repeats)
    for name in chosen:
        if name == "run" or (name == "smotenc" and not ADULT.exists()):
            continue
        module = samplers if hasattr(samplers, name) else parts
        given = ["random", "--rows", *map(str, sizes[name]), "--repeats", str(repeats), *FEATURES.get(name, [])]
        yield from getattr(module, name)(session(), folder, samplers.parser().parse_args(given))


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="only to try this script")
    parser.add_argument("--only", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where tables are made and kept; by default a temporary folder")
    options = parser.parse_args()
    size = 2 if options.full else 0 if options.tiny else 1
    command = "python benchmarks/bench.py" + (" --full" if options.full else "")
    text = TEXT.format(command=command, conditions=conditions(), repeats=options.repeats)
    print(f"{text}\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        rows = [show(row) for row in measured(folder, options.only, size, options.repeats)]
    if size and options.only == list(SIZES):
        path = RESULTS / ("bench_full.md" if options.full else "bench.md")
        path.write_text(page("How long does it take?", text, rows))


if __name__ == "__main__":
    main()
