"""The whole diagnosis of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame

from steelyard.columns import check_names
from steelyard.config import ResampleConfig
from steelyard.dataset import Dataset
from steelyard.diagnosis._contradictions import contradictions
from steelyard.diagnosis._features import overlap, suspects, two_samples
from steelyard.diagnosis._recommend import Evidence, recommend
from steelyard.diagnosis._table import Table, look_at
from steelyard.diagnosis._types import types_of
from steelyard.kernels.minority import TYPES


def diagnose(
    df: DataFrame,
    dataset: Dataset,
    counts: Mapping[str, int],
    *,
    weak_learner: str | None = None,
    takes_offsets: bool = False,
) -> dict[str, Any]:
    """Measure the difficulty of the rarest class of a table, and recommend a resampling.

    Pass training rows only: a recommendation is fitted, as a model is.

    Costs six scans of the table: a look at all features; samples of the classes; the rows of the rarest class; the
    search for neighbours of up to 500 of these, with one crossing into Python; two for labels of equal rows. Where the
    rarest class has more rows than the driver should hold (4 MiB of features), two more for rows in doubt; where all
    classes but the largest have more than a million rows, one less, but a shuffle of a hash a row. The search takes
    queries × rows × features multiplications, 5e11 at most unless that leaves fewer than 100 rows to ask for, twice as
    many with those in doubt. Tables of more than 200 features are read once: the executors keep the rows, as arrays
    and hashes, for all queries. All that decides is exact or from hash samples: the same in any partitioning.

    Parameters
    ----------
    df : DataFrame
    dataset : Dataset
        Columns and their roles.
    counts : mapping of str to int
        Rows of each class.
    weak_learner : str, optional
        Name of the model to be trained, if its trainer `gains_from_balance`: only such models gain from new rows.
    takes_offsets : bool, default False
        Whether the trainer `takes_offsets`: guided under-sampling was measured with such models.

    Returns
    -------
    dict
        JSON types: ``class``, ``counts``, ``imbalance``, ``types``, ``overlap``, ``contradictions``, ``suspects``,
        ``space``, ``recommendation``.

    Raises
    ------
    InputError
        If there is one class only, or features hold infinite or huge values or arrays of several lengths.
    """
    check_names(df.columns)
    table = look_at(df, dataset, counts)
    two = two_samples(table)
    types = types_of(table)
    sizes = table.counts.values()
    found = {
        "class": table.rarest,
        "counts": dict(table.counts),
        "imbalance": {"ratio": max(sizes) / min(sizes)},
        "types": types,
        "overlap": {**overlap(two), "n3": types.pop("nearest_is_other")},
        "contradictions": contradictions(table),
        "suspects": suspects(two),
        "space": table.space.to_json(),
    }
    known = evidence(found, table, takes_offsets=takes_offsets)
    return {**found, "recommendation": recommend(known, weak_learner).to_json()}


def recommended_sampler(difficulty: Mapping[str, Any]) -> ResampleConfig:
    """Return the sampler that a diagnosis recommends, with its parameters.

    Parameters
    ----------
    difficulty : mapping
        As `diagnose` returns it.
    """
    advice = difficulty["recommendation"]
    return ResampleConfig(method=advice["method"], **advice["params"])


def evidence(found: Mapping[str, Any], table: Table, *, takes_offsets: bool = False) -> Evidence:
    """Return the evidence for a recommendation."""
    types = found["types"]
    return Evidence(
        name=table.rarest,
        counts=table.counts,
        shares={name: types[name]["share"] for name in TYPES},
        different=types["different"],
        contradictory=found["contradictions"]["of_class"],
        categories=bool(table.features.categories),
        takes_offsets=takes_offsets,
    )
