"""Decision trees as flat arrays: read from Spark's description of them, scored in NumPy, stored without pickles."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats

_LINE = re.compile(
    r"\s*(?:Tree \d+ \(weight (?P<weight>\S+)\):|If \(feature (?P<feature>\d+) <= (?P<threshold>\S+)\)"
    r"|Predict: (?P<value>\S+)|Else \(feature \d+ > \S+\))?\s*"
)


@dataclass(frozen=True)
class Trees:
    """Trees whose nodes are in one array each.

    A row goes to `left` if its `feature` is at most the `threshold`, else to the node after `left`. A leaf is its own
    `left`, with an infinite threshold.

    Parameters
    ----------
    feature, threshold, left, value : array, one entry per node
        `value` is 0 but in leaves.
    root, weight, output : array, one entry per tree
        First node; factor on the leaf's value; which of several sums the tree belongs to.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    left: NDArray[np.int32]
    value: Floats
    root: NDArray[np.int32]
    weight: Floats
    output: NDArray[np.int32]

    @property
    def outputs(self) -> int:
        """How many sums there are."""
        return int(self.output.max(initial=-1)) + 1

    def sums(self, rows: Floats) -> Floats:
        """Return the weighted sum of the trees' values for each row and output.

        A row's sums do not depend on other rows: they are added tree by tree.
        """
        flat, offsets = np.ascontiguousarray(rows, np.float64).ravel(), np.arange(len(rows)) * rows.shape[1]
        sums = np.zeros((self.outputs, len(rows)))
        for root, weight, output in zip(self.root, self.weight, self.output, strict=True):
            sums[output] += weight * self.value[self._leaves(flat, offsets, root)]
        return sums.T

    def _leaves(self, flat: Floats, offsets: NDArray[np.int64], root: np.int32) -> NDArray[np.int32]:
        """Return the leaf of one tree that each row reaches."""
        node = np.full(len(offsets), root, dtype=np.int32)
        while True:
            right = flat[offsets + self.feature[node]] > self.threshold[node]
            below = self.left[node] + right
            if np.array_equal(below, node):
                return node
            node = below

    def to_bytes(self) -> bytes:
        """Return the arrays as a compressed npz."""
        file = io.BytesIO()
        np.savez_compressed(file, **vars(self))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Trees:
        """Rebuild what `to_bytes` gave."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(**{name: arrays[name] for name in arrays.files})


def read_trees(descriptions: Iterable[str]) -> Trees:
    """Return the trees of Spark ML's models from their `toDebugString`, one output per model.

    Numbers are the same doubles: Java writes them so that they can be read back.

    Raises
    ------
    ValueError
        For a line that describes no numeric split.

    Examples
    --------
    >>> text = '''GBTClassificationModel: uid = x, numTrees=1
    ...   Tree 0 (weight 0.1):
    ...     If (feature 1 <= 0.5)
    ...      Predict: -1.0
    ...     Else (feature 1 > 0.5)
    ...      Predict: 2.0'''
    >>> read_trees([text]).sums(np.array([[9.0, 0.5], [9.0, 0.6]])).tolist()
    [[-0.1], [0.2]]
    """
    nodes: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "value")}
    trees: dict[str, list[Any]] = {name: [] for name in ("root", "weight", "output")}
    for output, text in enumerate(descriptions):
        _read(text.splitlines()[1:], output, nodes, trees)
    floats = ("threshold", "value", "weight")
    arrays: dict[str, Any] = {
        name: np.array(values, dtype=np.float64 if name in floats else np.int32)
        for name, values in {**nodes, **trees}.items()
    }
    return Trees(**arrays)


def _read(lines: Iterable[str], output: int, nodes: dict[str, list[Any]], trees: dict[str, list[Any]]) -> None:
    """Add the trees of one model, whose nodes come depth first."""
    waiting: list[int] = []  # nodes whose lines follow, the next one last
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"cannot read a line of Spark's description of trees: {line.strip()!r}")
        if found["weight"] is not None:
            for name, value in (("root", len(nodes["left"])), ("weight", float(found["weight"])), ("output", output)):
                trees[name].append(value)
            waiting = _new(nodes, 1)
        elif found["feature"] is not None:
            node, (left, right) = waiting.pop(), _new(nodes, 2)
            nodes["feature"][node], nodes["threshold"][node] = int(found["feature"]), float(found["threshold"])
            nodes["left"][node] = left
            waiting += [right, left]
        elif found["value"] is not None:
            nodes["value"][waiting.pop()] = float(found["value"])


def _new(nodes: dict[str, list[Any]], count: int) -> list[int]:
    """Add leaves and return their places."""
    first = len(nodes["left"])
    places = list(range(first, first + count))
    nodes["feature"] += [0] * count
    nodes["threshold"] += [np.inf] * count
    nodes["left"] += places
    nodes["value"] += [0.0] * count
    return places
