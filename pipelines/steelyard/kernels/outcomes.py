"""The outcome of a sampler on arrays: kept and new rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.random import splitmix64

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """Which rows of the input are in the result (`kept`), and the places of all other rows in the result (`new`)."""

    kept: NDArray[np.bool_]
    new: NDArray[np.intp]


def by_indices(indices: NDArray[np.integer], n: int, *, again: bool = True) -> Outcome:
    """Return the outcome of a selection of some of `n` rows; rows selected `again` are new, or ignored.

    Examples
    --------
    >>> by_indices(np.array([2, 0, 2]), 3)
    Outcome(kept=array([ True, False,  True]), new=array([2]))
    """
    kept = np.zeros(n, dtype=bool)
    kept[indices] = True
    first = np.unique(indices, return_index=True)[1]
    return Outcome(kept, np.setdiff1d(np.arange(len(indices)), first) if again else np.empty(0, np.intp))


def by_content(before: Floats, labels: Codes, after: Floats, new_labels: Codes) -> Outcome:
    """Return the outcome by comparing rows bit by bit, each row of the input with at most one of the result.

    Among equal rows, the first of the input are kept, and the last of the result are new.
    """
    both = np.column_stack([np.concatenate([before, after]), np.concatenate([labels, new_labels])]) + 0.0
    group = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    n = len(before)
    old = group[:n] * (len(both) + 1) + _occurrences(group[:n])
    found = group[n:] * (len(both) + 1) + _occurrences(group[n:])
    return Outcome(np.isin(old, found), np.flatnonzero(~np.isin(found, old)))


def _occurrences(groups: Codes) -> Codes:
    """Return how many equal values come before each one."""
    order = np.argsort(groups, kind="stable")
    in_order = groups[order]
    start = np.searchsorted(in_order, in_order)
    number = np.empty(len(groups), dtype=np.int64)
    number[order] = np.arange(len(groups)) - start
    return number


def replaced(outcome: Outcome, labels: Codes, new_labels: Codes, codes: Sequence[int]) -> Outcome:
    """Return the outcome in which made rows, such as centroids, replace all rows of their class, if it is in `codes`.

    `labels` and `new_labels` are those of the input and of the result.
    """
    made = [c for c in codes if c in new_labels[outcome.new]]
    rest = outcome.new[~np.isin(new_labels[outcome.new], made)]
    new = np.union1d(rest, np.flatnonzero(np.isin(new_labels, made)))
    return Outcome(outcome.kept & ~np.isin(labels, made), new)


def trimmed(outcome: Outcome, labels: Codes, made: Floats, made_labels: Codes, wanted: Mapping[int, int]) -> Outcome:
    """Return the outcome with at most the wanted rows of each class; drop new rows first, then old ones, by hash.

    `labels` are those of the input, `made` and `made_labels` the new rows and their classes.
    """
    kept, spare = outcome.kept.copy(), np.zeros(len(made), dtype=bool)
    position = order_of(made)
    for code, n in wanted.items():
        old, new = np.flatnonzero(kept & (labels == code)), np.flatnonzero(made_labels == code)
        surplus = len(old) + len(new) - n
        if surplus <= 0:
            continue
        spare[new[np.argsort(position[new], kind="stable")[: min(surplus, len(new))]]] = True
        more = surplus - len(new)
        if more > 0:
            kept[old[np.argsort(order_of(old[:, None].astype(float)))[:more]]] = False
    return Outcome(kept, outcome.new[~spare])


def order_of(rows: Floats) -> NDArray[np.uint64]:
    """Return a random order of rows: hashes of their content, and of their number among equal rows."""
    salt = np.frombuffer(hashlib.blake2b(b"surplus", digest_size=8).digest(), dtype="<u8")[0]
    hashed = np.full(len(rows), salt, dtype=np.uint64)
    for column in np.ascontiguousarray(rows.T):
        hashed = splitmix64(hashed ^ (column + 0.0).view(np.uint64))
    number = _occurrences(hashed.view(np.int64)).astype(np.uint64)
    return splitmix64(hashed ^ splitmix64(number))
