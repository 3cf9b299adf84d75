"""The network as torch modules, saved as arrays of `steelyard.kernels.network`."""

from __future__ import annotations

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from steelyard.kernels.network import EPSILON, LEAST_LENGTH
from steelyard.learning._neural_network_monotone import MonotoneLayers
from steelyard.learning._neural_network_task import Task


class Block(nn.Module):
    """h + W2 relu(W1 norm(h) + b1) + b2, with dropout of the inner values."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = torch.relu(self.first(self.norm(hidden)))
        return hidden + self.second(self.dropout(inner))


class Cosines(nn.Module):
    """Cosines of the inputs with a vector for each class, times a scale; of two classes the difference."""

    def __init__(self, width: int, outputs: int, scale: float) -> None:
        super().__init__()
        self.classes, self.scale = max(outputs, 2), scale
        self.vectors = nn.Parameter(torch.randn(self.classes, width) / width**0.5)

    @property
    def weight(self) -> Tensor:
        """What inputs of length 1 are multiplied by."""
        scaled = self.scale * functional.normalize(self.vectors, eps=LEAST_LENGTH)
        return scaled if self.classes > 2 else scaled[1:] - scaled[:1]

    def start_at(self, weight: Tensor) -> None:
        """Let `weight` be that of a saved network: of two classes, whose vectors are found up to a rotation."""
        towards = weight / self.scale
        if self.classes == 2:
            across = self.vectors[:1] - self.vectors[:1] @ towards.T / towards.square().sum() * towards
            across = functional.normalize(across) * (1 - towards.square().sum() / 4).clamp(min=0).sqrt()
            towards = torch.cat([across - towards / 2, across + towards / 2])
        self.vectors.copy_(towards)

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.linear(functional.normalize(hidden, eps=LEAST_LENGTH), self.weight)


class Network(nn.Module):
    """The network of `steelyard.kernels.network.forward`."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.input = nn.Linear(task.features, task.width)
        self.blocks = nn.ModuleList(Block(task.width, task.dropout) for _ in range(task.blocks))
        self.norm = nn.LayerNorm(task.width, eps=EPSILON)
        self.output: nn.Linear | Cosines = nn.Linear(task.width, task.outputs)
        if task.ldam is not None and not any(task.monotone):
            self.output = Cosines(task.width, task.outputs, task.ldam["scale"])
        self.monotone = _monotone_layers(task)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = self.input(rows if self.monotone is None else self.monotone.free(rows))
        for block in self.blocks:
            hidden = block(hidden)
        context = torch.relu(self.norm(hidden))
        margins = self.output(context)
        return margins if self.monotone is None else self.monotone(rows, context, margins)

    def start_at(self, weights: bytes) -> None:
        """Take over what `saved` gave."""
        given = load(weights)
        with torch.no_grad():
            if isinstance(self.output, Cosines):
                self.output.start_at(given.pop("output.weight"))
            self.load_state_dict(given, strict=not isinstance(self.output, Cosines))

    def saved(self) -> bytes:
        """Return the weights for `forward` as safetensors."""
        weights = dict(self.state_dict())
        if isinstance(self.output, Cosines):
            del weights["output.vectors"]
            weights["output.weight"] = self.output.weight.detach()
        return save({name: values.cpu().contiguous().clone() for name, values in weights.items()})


def _monotone_layers(task: Task) -> MonotoneLayers | None:
    if not any(task.monotone):
        return None
    bound = None if task.ldam is None else 2 * task.ldam["scale"]  # that of a difference of scaled cosines
    return MonotoneLayers(task.monotone, task.width, task.blocks, bound)
