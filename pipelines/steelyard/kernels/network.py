"""A residual multilayer perceptron in NumPy: from features to margins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.kernels.arrays import Floats

Weights = Mapping[str, NDArray[np.float32]]
Layers = Mapping[str, Floats]
EPSILON = 1e-5
"""Added to the variance of a layer's values before they are divided by its root."""
LEAST_LENGTH = 1e-12
"""Vectors are divided by their length, or by this where they are shorter."""


def forward(weights: Weights, rows: NDArray[Any]) -> Floats:
    """Return the outputs of a network for some rows.

    Computed in double precision and rounded to single: a matrix product rounds a row's values in another way where it
    is among other rows, and what a row gets must not depend on them.

    The first layer is linear: for a category, which is one number for each level, it is an embedding. Each block adds
    to its input h the value W2 relu(W1 norm(h) + b1) + b2, and the last layer is linear in relu(norm(h)). Without an
    output bias, the last layer's inputs are brought to length 1: its outputs are cosines, times the weights' lengths.

    Parameters
    ----------
    weights : mapping of str to array of float32
        `input.weight` (width × features) and `input.bias`; for each block i `blocks.i.norm.weight`,
        `blocks.i.norm.bias`, `blocks.i.first.weight`, …; `norm.weight`, `norm.bias`, `output.weight`, and in most
        networks `output.bias`.
    rows : array of shape (n, features)

    Returns
    -------
    array of shape (n, outputs)

    References
    ----------
    Gorishniy, Rubachev, Khrulkov, Babenko, "Revisiting deep learning models for tabular data", NeurIPS 2021.

    Examples
    --------
    >>> one = np.ones((1, 1), np.float32)
    >>> layers = {f"{name}.{part}": one[0] for name in ("input", "norm", "output") for part in ("weight", "bias")}
    >>> forward({**layers, "input.weight": one, "output.weight": one}, np.array([[2.0]]))
    array([[2.]])
    """
    layers = {name: values.astype(np.float64) for name, values in weights.items()}
    hidden = _linear(layers, "input", np.asarray(rows, np.float64))
    block = 0
    while f"blocks.{block}.first.weight" in layers:
        name = f"blocks.{block}"
        inner = _relu(_linear(layers, f"{name}.first", _norm(layers, f"{name}.norm", hidden)))
        hidden = hidden + _linear(layers, f"{name}.second", inner)
        block += 1
    return _outputs(layers, _relu(_norm(layers, "norm", hidden))).astype(np.float32).astype(np.float64)


def _outputs(layers: Layers, values: Floats) -> Floats:
    if "output.bias" in layers:
        return _linear(layers, "output", values)
    lengths = np.sqrt((values * values).sum(axis=1, keepdims=True))
    found: Floats = values / np.maximum(lengths, LEAST_LENGTH) @ layers["output.weight"].T
    return found


def _linear(layers: Layers, name: str, values: Floats) -> Floats:
    found: Floats = values @ layers[f"{name}.weight"].T + layers[f"{name}.bias"]
    return found


def _norm(layers: Layers, name: str, values: Floats) -> Floats:
    centred = values - values.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + EPSILON)
    found: Floats = centred / deviation * layers[f"{name}.weight"] + layers[f"{name}.bias"]
    return found


def _relu(values: Floats) -> Floats:
    found: Floats = np.maximum(values, 0.0)
    return found
