"""Tables with odd names, values and labels, in files of several formats. Pure functions of a seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

NAMES = (
    "x", "a.b", "a b", "`tick`", "'quote\"", "<b>html</b>", "name=value", "${env:HOME}", "{{ ds }}",
    "größe", "数", "🐟", "%s", "x,y", "line\nbreak", "row_id", "is_synthetic", "split", "Fold", "score",
    "decision", "weight", "seed", "class", "p", "n", "count", "label", "features", "probability",
    "bucket", "null", "true", "1", "-", "__x", "SELECT", "a/b", "\\", "tab\t",
)  # fmt: skip
OUTPUT_NAMES = ("is_synthetic", "split", "Fold", "score", "decision")
REFUSED_NAMES = ("__steelyard_row_id", "__STEELYARD_x")

Rows = np.random.Generator
Values = Callable[[Rows, int], object]


def _mixed(rng: Rows, n: int, odd: list[float]) -> object:
    values = rng.normal(size=n)
    values[rng.random(n) < 0.2] = rng.choice(odd)
    return values


VALUES: dict[str, Values] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "whole": lambda rng, n: rng.integers(-5, 5, n),
    "few": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "constant": lambda rng, n: np.full(n, 3.5),
    "null": lambda rng, n: pd.array([None] * n, dtype="Float64"),
    "gaps": lambda rng, n: _mixed(rng, n, [np.nan]),
    "infinite": lambda rng, n: _mixed(rng, n, [np.inf, -np.inf]),
    "huge": lambda rng, n: _mixed(rng, n, [1e300, -1.7976931348623157e308, 3e38]),
    "tiny": lambda rng, n: _mixed(rng, n, [5e-324, -0.0]),
    "far": lambda rng, n: rng.normal(size=n) + 1e15,
    "int8": lambda rng, n: rng.integers(-128, 127, n).astype("int8"),
    "wide": lambda rng, n: rng.integers(-(2**63), 2**63 - 1, n),
    "float32": lambda rng, n: rng.normal(size=n).astype("float32"),
    "decimal": lambda rng, n: [Decimal(int(v)).scaleb(-6) for v in rng.integers(-(10**12), 10**12, n)],
    "boolean": lambda rng, n: rng.random(n) < 0.5,
    "text": lambda rng, n: rng.choice(["a", "ä'\"<i>", "", "NA", "x,y"], n),
    "texts": lambda rng, n: [f"id-{v}" for v in rng.integers(0, 10**9, n)],
    "digits": lambda rng, n: [f"{v:05d}" for v in rng.integers(0, 99, n)],
    "date": lambda rng, n: [dt.date(2024, 1, 1) + dt.timedelta(int(v)) for v in rng.integers(0, 400, n)],
    "time": lambda rng, n: pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), "s"),
    "array": lambda rng, n: list(rng.normal(size=(n, 3))),
    "ragged": lambda rng, n: [rng.normal(size=int(v)) for v in rng.integers(0, 3, n)],
    "struct": lambda rng, n: [{"u": float(v)} for v in rng.normal(size=n)],
    "binary": lambda rng, n: [bytes([int(v)]) for v in rng.integers(0, 255, n)],
}

LABELS: dict[str, list[object]] = {
    "integers": [0, 1],
    "common one": [1, 0],
    "booleans": [False, True],
    "texts": ["ok", "fraud"],
    "unicode": ["gut", "schlecht 🐟 '\"<b>"],
    "doubles": [0.0, 1.0],
    "fractions": [0.25, 0.75],
    "infinite": [0.0, np.inf],
    "beyond bigint": [0.0, 1e30],
    "decimals": [Decimal("0.10"), Decimal("12345678901234567890.12345678")],
    "three": ["a", "b", "c"],
    "signs": [-1, 1],
}


USUAL_VALUES = ("normal", "whole", "few", "float32", "constant", "int8", "far")
USUAL_LABELS = ("integers", "common one", "booleans", "texts", "unicode", "doubles", "signs")


def hostile_table(rng: Rows) -> pd.DataFrame:
    """Return a table with a label `y`, 0 to 5 features of any kind under any name, and some rows.

    Where all is odd at once, each command refuses the first odd thing that it meets. So two tables of three have usual
    values and labels (under names and in files that are odd), and most of the others have a single odd feature.
    """
    odd = rng.random() < 0.33
    n = int(rng.choice([0, 1, 2, 7, 30, 80, 200], p=[0.01, 0.01, 0.02, 0.03, 0.08, 0.35, 0.5]))
    kinds = rng.choice(USUAL_VALUES, int(rng.choice(6, p=[0.03, 0.17, 0.2, 0.2, 0.2, 0.2]))).astype(object)
    if odd:
        some = slice(None) if rng.random() < 0.2 else slice(1)
        kinds[some] = rng.choice(list(VALUES), len(kinds[some]))
    names = list(dict.fromkeys(rng.choice(NAMES, len(kinds), replace=False)))
    if not odd:
        names = [f"{name} " if name in OUTPUT_NAMES else name for name in names]
    if names and rng.random() < 0.03:
        names[0] = str(rng.choice(REFUSED_NAMES))
    frame = pd.DataFrame({name: pd.Series(VALUES[k](rng, n)) for name, k in zip(names, kinds, strict=True)})
    classes = LABELS[str(rng.choice(list(LABELS) if odd else USUAL_LABELS))] if rng.random() < 0.98 else ["only"]
    share = float(rng.choice([0.02, 0.15, 0.3], p=[0.1, 0.45, 0.45]))
    shares = [1 - share, *[share / max(len(classes) - 1, 1)] * (len(classes) - 1)] if len(classes) > 1 else [1.0]
    frame["y"] = pd.Series([classes[i] for i in rng.choice(len(classes), n, p=shares)], dtype=object).infer_objects()
    if rng.random() < (0.2 if odd else 0.03) and n:
        frame.loc[rng.random(n) < 0.05, "y"] = None
    frame["id"] = np.arange(n) if rng.random() < 0.8 else rng.integers(0, max(n // 3, 1), n)
    frame["group"] = rng.integers(0, 9, n)
    if rng.random() < 0.7:
        frame["at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), "s")
    frame["s"] = rng.random(n) if not odd or rng.random() < 0.6 else VALUES[str(rng.choice(list(VALUES)))](rng, n)
    if rng.random() < 0.1 and n:
        frame = frame.iloc[rng.integers(0, min(n, 5), n)].reset_index(drop=True)  # rows that repeat
    return frame


def write_table(frame: pd.DataFrame, rng: Rows, folder: Path) -> Path:
    """Write a table as Parquet, CSV or lines of JSON; what a format cannot hold is written as Parquet."""
    form = str(rng.choice(["parquet", "parquet", "csv", "json"]))
    path = folder / f"t 🐟.{form}"
    nested = any(isinstance(v, list | dict | bytes | np.ndarray | Decimal) for c in frame for v in frame[c].head(3))
    if form == "csv" and not nested:
        frame.to_csv(path, index=False, sep=str(rng.choice([",", ";", "\t", "|"])))
    elif form == "json" and not nested:
        frame.to_json(path, orient="records", lines=True, date_format="iso")
    else:
        path = path.with_suffix(".parquet")
        frame.to_parquet(path, index=False, coerce_timestamps="us", allow_truncated_timestamps=True)
    return path
