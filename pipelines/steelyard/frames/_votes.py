"""Votes over the values of neighbours: consecutive lists of structs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.kernels.interpolate import Draws
from steelyard.kernels.modes import mode_places, voted_places
from steelyard.kernels.random import uniform


def modes(values: pa.StructArray, sizes: NDArray[np.integer]) -> pa.StructArray:
    """Return the most frequent value of each field, for consecutive lists of given sizes."""
    starts = np.cumsum(sizes) - sizes
    fields = []
    for field in values.flatten():
        if not len(field):
            fields.append(pa.nulls(len(sizes), field.type))
            continue
        best = mode_places(_listed(_codes(field), sizes))
        fields.append(field.take(pa.array(starts + best, mask=sizes == 0)))
    return pa.StructArray.from_arrays(fields, names=[f.name for f in values.type])


def votes(
    values: pa.StructArray,
    sizes: NDArray[np.integer],
    own: pa.StructArray,
    drawn: Draws,
    seed_ids: NDArray[np.int64],
    seed: int,
    purpose: str,
) -> pa.StructArray:
    """Return, for each draw, the most frequent value of each field in its seed's list and in the seed itself."""
    starts = np.cumsum(sizes) - sizes
    fields = []
    for theirs, mine, name in zip(values.flatten(), own.flatten(), [f.name for f in values.type], strict=True):
        both = pa.concat_arrays([theirs, mine])
        codes = _codes(both)
        lists = np.column_stack([codes[len(theirs) :], _listed(codes[: len(theirs)], sizes)])
        chance = uniform(seed_ids, seed, f"{purpose}/vote/{name}", drawn.replicate)
        place = voted_places(lists[drawn.seed], chance)
        where = np.where(place == 0, len(theirs) + drawn.seed, starts[drawn.seed] + place - 1)
        fields.append(both.take(pa.array(where)))
    return pa.StructArray.from_arrays(fields, names=[f.name for f in values.type])


def _codes(field: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = field.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _listed(codes: NDArray[np.int64], sizes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return consecutive lists of given sizes as rows, padded with -1."""
    starts, places = np.cumsum(sizes) - sizes, np.arange(sizes.max(initial=0))
    if not len(codes):
        return np.full((len(sizes), len(places)), -1, dtype=np.int64)
    where = np.minimum(starts[:, None] + places, len(codes) - 1)
    return np.where(places < sizes[:, None], codes[where], -1)
