"""Commands on a hostile table, sound and unsound ones, and what their results must be. Pure functions of a seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from steelyard.sampling.registry import sampler_names

_CHEAP = ("random_under_sampler", "random_over_sampler", "smote", "none")


@dataclass(frozen=True)
class Command:
    """What is run: the words after `steelyard`, and the options that it was given."""

    words: list[str]
    out: Path | None = None
    options: dict[str, str] = field(default_factory=dict)

    @property
    def verb(self) -> str:
        return self.words[0]


def hostile_command(table: Path, frame: pd.DataFrame, rng: np.random.Generator, folder: Path) -> Command:
    """Draw a command with its options; a tenth of them name something that is not there."""
    verb = str(rng.choice(["profile", "split", "resample", "evaluate"], p=[0.2, 0.35, 0.3, 0.15]))
    label = "y" if rng.random() < 0.95 else str(rng.choice(["Y", "lable", "", "id"]))
    options = {"--label": label}
    out = None
    if verb == "split":
        method = str(rng.choice(["stratified", "group", "temporal", "random"], p=[0.65, 0.2, 0.12, 0.03]))
        options |= {"--method": method, "--seed": str(rng.choice([0, 7, -1, 2**40]))}
        options |= {"group": {"--group": "group"}, "temporal": {"--time": "at"}}.get(method, {})
        if rng.random() < 0.2:
            options["--folds"] = str(rng.choice([2, 5, 1, 999], p=[0.5, 0.3, 0.1, 0.1]))
    if verb == "resample":
        options["--method"] = str(rng.choice(_CHEAP if rng.random() < 0.5 else sampler_names()))
    if verb == "evaluate":
        options["--score"] = str(rng.choice(["s", "id", "nothing"], p=[0.92, 0.05, 0.03]))
    elif rng.random() < 0.5:
        options["--key"] = "id"
    if verb in ("profile", "evaluate") and rng.random() < 0.3:
        classes = frame["y"].dropna().astype(str).str.lower().unique()
        options["--positive"] = str(rng.choice(classes)) if len(classes) and rng.random() < 0.8 else "nobody"
    if verb in ("split", "resample"):
        out = folder / "out"
        options["--out"] = str(out)
    words = [verb, str(table), *(w for pair in options.items() for w in pair), "--json"]
    return Command(words, out, options)


def check_done(command: Command, frame: pd.DataFrame, printed: str) -> None:
    """Check what a command has printed and written: JSON, exact counts, whole rows."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is no JSON")

    document = json.loads(printed, parse_constant=refuse)
    if command.verb == "profile":
        assert document["rows"] == len(frame)
    if command.out is None:
        return
    written = pq.read_table(command.out / "data").to_pandas()
    # Without a key, the id is a feature, which new rows have too.
    old = written[~written["is_synthetic"].astype(bool)] if command.verb == "resample" else written
    ids = old["id"].astype("int64")
    assert set(ids) <= set(frame["id"])
    if command.verb == "split":
        assert len(written) == document_rows(document)
        part = "fold" if "--folds" in command.options else "split"
        sizes = {str(k): int(n) for k, n in written[part].value_counts().items()}
        assert sizes == {s: sum(of.values()) for s, of in document["counts"].items() if sum(of.values())}
        assert sorted(ids) == sorted(frame["id"][frame["y"].notna()]), "every row with a label is in one part"
        if command.options.get("--method") == "group":
            assert (written.groupby("group")[part].nunique() <= 1).all()
    else:
        after = {c: of["after"] for c, of in document["classes"].items()}
        assert len(written) == sum(after.values()) or "ids" in str(document["classes"])
        floats = written.select_dtypes("float")
        assert not np.isinf(floats.to_numpy(dtype=float)).any() or has_infinities(frame)


def document_rows(document: dict[str, dict[str, dict[str, int]]]) -> int:
    """Return the rows that a plan places."""
    return sum(sum(of.values()) for of in document["counts"].values())


def has_infinities(frame: pd.DataFrame) -> bool:
    """Whether a table of floats has infinite values itself."""
    return bool(np.isinf(frame.select_dtypes("float").to_numpy(dtype=float)).any())
