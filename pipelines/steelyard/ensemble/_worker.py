"""The work of tasks that apply an ensemble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.workers import one_thread
from steelyard.learning.local import predictors
from steelyard.learning.packed import floats_of


def predict(
    batches: Iterator[pd.DataFrame],
    *,
    estimator: str,
    params: str,
    members: tuple[bytes, ...],
    votes: tuple[float, ...],
    aggregation: str,
    two: bool,
) -> Iterator[pd.Series]:
    """Yield the members' combined probabilities.

    Parameters
    ----------
    batches : iterator of DataFrame
        Features as floats; series of arrays where there are many.
    estimator, params : str
        Of the `LocalLearner`; `params` as JSON.
    members : tuple of bytes
    votes : tuple of float
        The weight of each member.
    aggregation : {"mean", "sum", "majority"}
    two : bool
        Whether there are two classes: then the probability of the second is a number, else an array of all.
    """
    known = predictors(estimator, params, members, votes=aggregation == "sum")
    with one_thread():
        for batch in batches:
            rows = floats_of(batch)
            if not len(rows):
                yield pd.Series([], dtype=float if two else object)
                continue
            found = combined([member(rows) for member in known], votes, aggregation)
            yield pd.Series(found[:, 1] if two else list(found))


def combined(found: list[NDArray[np.float64]], votes: Sequence[float], aggregation: str) -> NDArray[np.float64]:
    """Return the probability of each class from those of the members, or from their votes.

    ``"mean"`` averages probabilities, and ``"majority"`` counts each member's most probable class. For ``"sum"``, the
    members are sums of votes, and the softmax of their mean is the probability that boosting assigns [1]_; the mean has
    the order of the sum, and does not reach 1 in floating point.

    References
    ----------
    .. [1] Zhu, Zou, Rosset, Hastie, "Multi-class AdaBoost", Statistics and Its Interface 2, 2009.
    """
    total = np.zeros_like(found[0])
    for one, vote in zip(found, votes, strict=True):
        total += vote * (one if aggregation != "majority" else np.eye(one.shape[1])[one.argmax(axis=1)])
    mean = total / sum(votes)
    if aggregation != "sum":
        return mean
    risen = np.exp(mean - mean.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = risen / risen.sum(axis=1, keepdims=True)
    return probabilities


def out_of_bag(
    batches: Iterable[pa.RecordBatch], *, estimator: str, params: str, members: tuple[bytes, ...]
) -> Iterator[pa.RecordBatch]:
    """Yield each row's label and its mean probabilities by the members that have not seen it.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        ``features``, ``label`` and ``tasks``: the members that have seen the row. Rows that all have seen are left out.
    estimator, params, members
        As for `predict`.
    """
    known = predictors(estimator, params, members)
    with one_thread():
        for batch in batches:
            labels = batch.column("label").to_numpy().astype(np.int32)
            rows = batch.column("features").flatten().to_numpy().reshape(len(labels), -1)
            seen = np.zeros((len(known), len(labels)), bool)
            sizes = batch.column("tasks").value_lengths().to_numpy()
            seen[batch.column("tasks").flatten().to_numpy(), np.repeat(np.arange(len(labels)), sizes)] = True
            total = np.zeros((len(labels), int(known[0](rows[:1]).shape[1])))
            for member, by in zip(known, seen, strict=True):
                if not by.all():
                    total[~by] += member(rows[~by])
            left = (~seen).sum(axis=0)
            some = left > 0
            mean = total[some] / left[some, None]
            lists = pa.array(list(mean), pa.list_(pa.float64()))
            yield pa.RecordBatch.from_arrays([pa.array(labels[some]), lists], ["label", "probabilities"])
