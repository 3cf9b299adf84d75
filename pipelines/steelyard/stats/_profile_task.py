"""The work of Python workers for a profile: summarize batches of rows, merge the summaries of a class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats
from steelyard.kernels.summaries import FIGURES, drawn, merge, mixed, quantiles, summarize

SCHEMA = "class string, figures binary, sample binary"
_BLOCK = 64  # columns that are looked at together: so many of a batch fit a processor's cache


def partial(batches: Iterable[pa.RecordBatch], *, rates: Mapping[str, float]) -> Iterator[pa.RecordBatch]:
    """Yield, for each class of a partition, its summary and the values of some of its rows.

    Parameters
    ----------
    batches : iterable of RecordBatch
        The class, and an array of its features, which are doubles.
    rates : mapping of str to float
        At which the rows of a class are drawn.
    """
    figures: dict[str, Floats] = {}
    samples: dict[str, list[Floats]] = {}
    for batch in batches:
        for name, of, sample in _classes(batch, rates):
            figures[name] = merge(figures[name], of) if name in figures else of
            samples.setdefault(name, []).append(sample)
    for name, of in figures.items():
        yield _row(name, of, np.concatenate(samples[name], axis=1))


def whole(batches: Iterable[pa.RecordBatch], *, features: int, at: Sequence[float]) -> Iterator[pa.RecordBatch]:
    """Yield the summary of each class, with quantiles of the values that were drawn; a class is in one partition."""
    figures: dict[str, Floats] = {}
    samples: dict[str, list[Floats]] = {}
    for batch in batches:
        for name, of, sample in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            new = np.frombuffer(of).reshape(FIGURES, features)
            figures[name] = merge(figures[name], new) if name in figures else new
            samples.setdefault(name, []).append(np.frombuffer(sample).reshape(features, -1))
    for name, of in figures.items():
        yield _row(name, of, quantiles(np.concatenate(samples.pop(name), axis=1), tuple(at)))


def _row(name: str, figures: Floats, sample: Floats) -> pa.RecordBatch:
    blobs = [pa.array([np.ascontiguousarray(a).tobytes()], pa.binary()) for a in (figures, sample)]
    return pa.RecordBatch.from_arrays([pa.array([name]), *blobs], ["class", "figures", "sample"])


def _classes(batch: pa.RecordBatch, rates: Mapping[str, float]) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield name, summary and drawn values, shape (features, rows), of each class of a batch."""
    label = pc.dictionary_encode(batch.column(0))
    names = label.dictionary.to_pylist()
    codes = label.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")[: len(codes) - batch.column(0).null_count]
    if not len(order):
        return
    present, starts = np.unique(codes[order], return_index=True)
    rate = np.array([rates.get(n, 1.0) for n in names])[codes[order]]
    values = batch.column(1).flatten().to_numpy(zero_copy_only=False).reshape(batch.num_rows, -1)
    blocks = [np.ascontiguousarray(values[order, at : at + _BLOCK].T) for at in range(0, values.shape[1], _BLOCK)]
    figures = np.concatenate([summarize(block, starts) for block in blocks], axis=2)
    chosen = _chosen(blocks, rate)
    ends = [*starts[1:], len(order)]
    for i, (code, start, end) in enumerate(zip(present, starts, ends, strict=True)):
        picked = np.flatnonzero(chosen[start:end]) + start
        yield names[code], figures[i], np.concatenate([block[:, picked] for block in blocks])


def _chosen(blocks: Sequence[Floats], rate: Floats) -> NDArray[np.bool_]:
    if (rate >= 1).all():
        return np.ones(len(rate), dtype=bool)
    hashes = np.zeros(len(rate), dtype=np.uint64)
    for block in blocks:
        hashes = mixed(hashes, block)
    return drawn(hashes, rate)
