"""The network's outputs in NumPy are torch's, and those of a row depend on no other row."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.kernels.network import forward


def random_weights(features: int, width: int, outputs: int, blocks: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"input": (width, features), "output": (outputs, width), "norm": (width,)}
    for i in range(blocks):
        shapes |= {f"blocks.{i}.norm": (width,), f"blocks.{i}.first": (width, width)}
        shapes |= {f"blocks.{i}.second": (width, width)}
    made = {}
    for name, shape in shapes.items():
        made[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32) / np.float32(shape[-1] ** 0.5)
        made[f"{name}.bias"] = rng.normal(size=shape[0]).astype(np.float32)
    return made


@pytest.mark.parametrize(("outputs", "blocks"), [(1, 2), (3, 0)])
def test_outputs_are_those_of_torch(outputs: int, blocks: int) -> None:
    torch = pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    from steelyard.learning._neural_network_task import Task
    from steelyard.learning._neural_network_worker import Network

    weights = random_weights(5, 32, outputs, blocks)
    task = Task(
        shards="",
        features=5,
        starts=(0.0,) * outputs,
        shift=(0.0,) * outputs,
        focal=None,
        seed=0,
        width=32,
        blocks=blocks,
        dropout=0.5,
        epochs=1,
        early_stopping_epochs=1,
        batch_size=1,
        learning_rate=1.0,
        weight_decay=0.0,
    )
    network = Network(task)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    rows = np.random.default_rng(1).normal(size=(1000, 5)).astype(np.float32)
    with torch.no_grad():
        theirs = network.eval()(torch.from_numpy(rows)).numpy()
    assert theirs.shape == (1000, outputs)
    assert np.allclose(forward(weights, rows), theirs, atol=1e-5)


@pytest.mark.parametrize("width", [1, 7, 128])
def test_a_row_has_the_same_outputs_alone_and_among_others(width: int) -> None:
    weights = random_weights(11, width, 2, 2)
    rows = np.random.default_rng(2).normal(size=(1001, 11))
    together = forward(weights, rows)
    for at in (0, 3, 255, 256, 777, 1000):
        assert np.array_equal(forward(weights, rows[at : at + 1])[0], together[at])
    assert np.array_equal(forward(weights, rows[::-1])[::-1], together)
    assert forward(weights, rows[:0]).shape == (0, 2)
