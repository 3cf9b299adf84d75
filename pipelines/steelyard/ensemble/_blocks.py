"""Blocks: many rows of a sequential ensemble as one row of a DataFrame, whose columns hold their arrays as bytes.

Spark and Arrow copy a block at once, and not row by row and number by number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.ensemble._array_rounds import first_margins
from steelyard.ensemble._row_arrays import SCALE, Change, RowArrays, Sampled, Strata
from steelyard.frames.workers import one_thread
from steelyard.kernels.arrays import Floats
from steelyard.kernels.exact_sums import halves
from steelyard.learning.local import LocalLearner
from steelyard.learning.packed import bytes_of, joined, matrix, packed, stops_of

_KINDS: dict[str, Any] = {
    "unit": np.int64,
    "features": np.float32,
    "label": np.int8,
    "weight": np.float64,
    "margin": np.float64,
    "score": np.float64,
}
ROWS = ", ".join(f"{name} binary" for name in _KINDS)
TOTALS = "g bigint, n bigint, high bigint, low bigint, least double, largest double"
_BYTES = 1 << 14
"""Of a block: Spark sends up to 10,000 of them to Python at once."""


def pack(batches: Iterable[pa.RecordBatch], *, back: Sequence[float]) -> Iterator[pa.RecordBatch]:
    """Yield blocks with the rows' first margins.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Unit, features, label and weight.
    back : sequence of float
        Factor on the weights of each label.
    """
    for batch in batches:
        if not batch.num_rows:
            continue
        unit, label, weight = (batch.column(i).to_numpy() for i in (0, 2, 3))
        features = matrix(batch.column(1))
        each = max(_BYTES // (features.shape[1] * 4 + 33), 1)
        ends = np.append(np.arange(each, len(unit), each), len(unit))
        margin = first_margins(weight, label, back)
        arrays = (unit, features, label.astype(np.int8), weight, margin)
        columns = [bytes_of(array, ends) for array in arrays]
        yield pa.RecordBatch.from_arrays([*columns, pa.array([b""] * len(ends))], list(_KINDS))


def totals(
    batches: Iterable[pa.RecordBatch], *, state: dict[str, Any], change: tuple[Any, ...] | None, of: tuple[Any, ...]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of each group, the exact sum of their terms, and the least and largest of their values.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Blocks.
    state, change
        As for `rows_of`.
    of : tuple
        What `_terms` sums.
    """
    for _, rows in rows_of(batches, state, change):
        group, terms, values = _terms(rows, *of)
        for g in np.flatnonzero(np.bincount(group)):
            own = group == g
            high, low = halves(terms[own])
            found = values[own]
            total = {"g": int(g), "n": len(found), "high": high, "low": low}
            yield pa.RecordBatch.from_pylist([{**total, "least": float(found.min()), "largest": float(found.max())}])


def _terms(rows: RowArrays, what: str, *of: Any) -> tuple[Any, Floats, Floats]:
    """Return the group of each row, terms to sum in [0, 1], and values."""
    if what == "hardness":
        bins, hard = rows.binned(Strata(*of))
        return bins, hard * SCALE, hard
    if what == "margin":
        return rows.label, np.zeros(len(rows.label)), rows.margin
    terms = rows.weights * rows.wrongness(*of) if what == "wrong" else rows.weights
    return rows.label, terms, rows.margin


def scored(
    batches: Iterable[pa.RecordBatch], *, state: dict[str, Any], change: tuple[Any, ...] | None, member: bytes
) -> Iterator[pa.RecordBatch]:
    """Yield blocks with changed margins, and a member's probabilities of the second class as scores."""
    with one_thread():
        for batch, rows in rows_of(batches, state, change):
            ends = stops_of(batch.column("label"))[1:] - stops_of(batch.column("label"))[0]  # a label is a byte
            for name, array in (("margin", rows.margin), ("score", rows.scores(member))):
                batch = batch.set_column(batch.schema.get_field_index(name), name, bytes_of(array, ends))
            yield batch


def candidates(
    batches: Iterable[pa.RecordBatch],
    *,
    state: dict[str, Any],
    change: tuple[Any, ...] | None,
    number: int,
    by: dict[int, float] | tuple[Any, ...],
    limits: list[int],
) -> Iterator[pa.RecordBatch]:
    """Yield the rows among which a round's sample is, as `fit_tasks` takes them.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Blocks.
    state, change
        As for `rows_of`.
    number : int
        Of the round.
    by : dict or tuple
        The sums of the weights of each label, for a weighted draw; or `Strata`.
    limits : list of int
        Of the positions in each stratum.
    """
    for _, rows in rows_of(batches, state, change):
        drawn = rows.raced(number, by, limits) if isinstance(by, dict) else rows.ranked(number, Strata(*by), limits)
        yield _members_rows(rows, drawn)


def _members_rows(rows: RowArrays, drawn: Sampled) -> pa.RecordBatch:
    chosen = drawn.rows
    columns = {
        "task": np.zeros(len(chosen), np.int32),
        "place": rows.unit[chosen],
        "features": packed(rows.features[chosen]),
        "label": rows.label[chosen].astype(np.float64),
        "weight": drawn.weight,
        "stratum": drawn.stratum.astype(np.int32),
        "position": drawn.position,
    }
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns.values()], list(columns))


def rows_of(
    batches: Iterable[pa.RecordBatch], state: dict[str, Any], change: tuple[Any, ...] | None
) -> Iterator[tuple[pa.RecordBatch, RowArrays]]:
    """Yield batches of blocks, and their rows with changed margins.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Some columns of blocks.
    state : dict
        What all rows have in common: parameters of `RowArrays`, the learner as JSON types.
    change : tuple, optional
        A `Change` of margins that is due.
    """
    common = {**state, "learner": LocalLearner(**state["learner"])}
    due = None if change is None else Change(*change)
    for batch in batches:
        if batch.num_rows:
            yield batch, RowArrays(**_arrays(batch), **common).changed(due)


def _arrays(batch: pa.RecordBatch) -> dict[str, Any]:
    found: dict[str, NDArray[Any]] = {
        name: joined(batch.column(i)).view(_KINDS[name]) for i, name in enumerate(batch.schema.names)
    }
    if "features" in found:
        found["features"] = found["features"].reshape(len(found["label"]), -1)
    if not len(found.get("score", [])):
        found.pop("score", None)
    return found
