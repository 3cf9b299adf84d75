"""The layers for monotone features as torch modules: the margin only rises, or only falls, with such a feature."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_GAIN = 0.1
"""Factor on first weights whose products are added to the margin: all rise, so that their sum is steep."""


class Switch(nn.Linear):
    """A linear layer of relu(h), and where a weight is negative, of relu(-h): each output rises with each input.

    The weights are divided by the root of the number of inputs. Steps then change sums, in which all terms rise, less.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: bool, gain: float = 1.0) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.divisor = inputs**0.5
        with torch.no_grad():
            self.weight.mul_(gain * self.divisor)

    def forward(self, hidden: Tensor) -> Tensor:
        weight = self.weight / self.divisor
        above = functional.linear(torch.relu(hidden), weight.clamp(min=0), self.bias)
        return above + functional.linear(torch.relu(-hidden), weight.clamp(max=0))


class Film(nn.Module):
    """Values times a factor from 0 to 2, plus a shift: both are functions of the context (FiLM)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, values: Tensor, context: Tensor) -> Tensor:
        return values * (1 + torch.tanh(self.scale(context) / 2)) + self.shift(context)


class MonotoneBlock(nn.Module):
    """h + W2 ⋄ film(W1 ⋄ h, context), where ⋄ is a `Switch`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = Switch(width, width, bias=False), Switch(width, width, bias=True, gain=_GAIN)
        self.film = Film(width)

    def forward(self, hidden: Tensor, context: Tensor) -> Tensor:
        return hidden + self.second(self.film(self.first(hidden), context))


class MonotoneLayers(nn.Module):
    """Layers that add to the margin what monotone features change, given a context: values of the other layers.

    Parameters
    ----------
    signs : sequence of int
        For each feature 1 or -1, and 0 where it is free.
    width, blocks : int
        Those of the other layers.
    bound : float, optional
        The margin is squashed to between minus this and this: for losses whose margins are scaled cosines elsewhere.
    """

    def __init__(self, signs: Sequence[int], width: int, blocks: int, bound: float | None) -> None:
        super().__init__()
        self.register_buffer("signs", torch.tensor(signs, dtype=torch.float32))
        self.register_buffer("bound", None if bound is None else torch.tensor([bound]))
        self.input, self.film = nn.Linear(len(signs), width, bias=False), Film(width)
        self.blocks = nn.ModuleList(MonotoneBlock(width) for _ in range(blocks))
        self.output = Switch(width, 1, bias=False, gain=_GAIN)

    def free(self, rows: Tensor) -> Tensor:
        """Return rows with 0 in place of monotone features."""
        return rows * (self.signs == 0)

    def forward(self, rows: Tensor, context: Tensor, margins: Tensor) -> Tensor:
        """Return the margins of rows, given those of the free features alone."""
        hidden = self.film(functional.linear(rows * self.signs, self.input.weight.abs()), context)
        for block in self.blocks:
            hidden = block(hidden, context)
        margins = margins + self.output(hidden)
        return margins if self.bound is None else self.bound * torch.tanh(margins / self.bound)
