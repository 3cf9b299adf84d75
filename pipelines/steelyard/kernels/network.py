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

    With `monotone.signs`, these layers read 0 in place of features with a sign. Their last values before the output are
    the context c of further layers, whose output is added: first film(|A| (signs · row), c), then blocks that add
    W2 ⋄ film(W1 ⋄ h, c) + b to their input h, and at the end W ⋄ h. Here W ⋄ h is linear in relu(h), and where a weight
    is negative in relu(-h), and film(h, c) = h (1 + tanh((S c + s) / 2)) + T c + t. All of them rise with h. With
    `monotone.bound` B, the output z becomes B tanh(z / B).

    Parameters
    ----------
    weights : mapping of str to array of float32
        `input.weight` (width × features) and `input.bias`; for each block i `blocks.i.norm.weight`,
        `blocks.i.norm.bias`, `blocks.i.first.weight`, …; `norm.weight`, `norm.bias`, `output.weight`, and in most
        networks `output.bias`. With monotone features also `monotone.signs` (1, -1 or 0 for each feature),
        `monotone.input.weight`, `monotone.film.scale.weight`, `monotone.blocks.i.first.weight`, …: the arrays of
        `MonotoneLayers`.
    rows : array of shape (n, features)

    Returns
    -------
    array of shape (n, outputs)

    References
    ----------
    Gorishniy, Rubachev, Khrulkov, Babenko, "Revisiting deep learning models for tabular data", NeurIPS 2021.

    Runje, Shankaranarayana, "Constrained monotonic neural networks", ICML 2023.

    Sartor, Sinigaglia, Susto, "Advancing constrained monotonic neural networks: achieving universal approximation
    beyond bounded activations", ICML 2025: activations that follow the sign of the weight.

    Perez, Strub, de Vries, Dumoulin, Courville, "FiLM: visual reasoning with a general conditioning layer", AAAI 2018.

    Examples
    --------
    >>> one = np.ones((1, 1), np.float32)
    >>> layers = {f"{name}.{part}": one[0] for name in ("input", "norm", "output") for part in ("weight", "bias")}
    >>> forward({**layers, "input.weight": one, "output.weight": one}, np.array([[2.0]]))
    array([[2.]])
    """
    layers = {name: values.astype(np.float64) for name, values in weights.items()}
    values = np.asarray(rows, np.float64)
    signs = layers.get("monotone.signs")
    hidden = _linear(layers, "input", values if signs is None else values * (signs == 0))
    block = 0
    while f"blocks.{block}.first.weight" in layers:
        name = f"blocks.{block}"
        inner = _relu(_linear(layers, f"{name}.first", _norm(layers, f"{name}.norm", hidden)))
        hidden = hidden + _linear(layers, f"{name}.second", inner)
        block += 1
    context = _relu(_norm(layers, "norm", hidden))
    found = _outputs(layers, context)
    if signs is not None:
        found = _with_monotone(layers, values * signs, context, found)
    return found.astype(np.float32).astype(np.float64)


def _outputs(layers: Layers, values: Floats) -> Floats:
    if "output.bias" in layers:
        return _linear(layers, "output", values)
    lengths = np.sqrt((values * values).sum(axis=1, keepdims=True))
    found: Floats = values / np.maximum(lengths, LEAST_LENGTH) @ layers["output.weight"].T
    return found


def _with_monotone(layers: Layers, rising: Floats, context: Floats, outputs: Floats) -> Floats:
    """Return the outputs plus those of the monotone layers for values with which they rise."""
    hidden = _film(layers, "monotone.film", rising @ np.abs(layers["monotone.input.weight"]).T, context)
    block = 0
    while f"monotone.blocks.{block}.first.weight" in layers:
        name = f"monotone.blocks.{block}"
        inner = _film(layers, f"{name}.film", _switch(layers, f"{name}.first", hidden), context)
        hidden = hidden + _switch(layers, f"{name}.second", inner) + layers[f"{name}.second.bias"]
        block += 1
    found = outputs + _switch(layers, "monotone.output", hidden)
    bound = layers.get("monotone.bound")
    return found if bound is None else bound * np.tanh(found / bound)


def _switch(layers: Layers, name: str, values: Floats) -> Floats:
    weight = layers[f"{name}.weight"].T / np.sqrt(values.shape[1])
    found: Floats = _relu(values) @ _relu(weight) - _relu(-values) @ _relu(-weight)
    return found


def _film(layers: Layers, name: str, values: Floats, context: Floats) -> Floats:
    scale = 1 + np.tanh(_linear(layers, f"{name}.scale", context) / 2)
    found: Floats = values * scale + _linear(layers, f"{name}.shift", context)
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
