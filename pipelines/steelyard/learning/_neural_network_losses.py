"""Losses of each row, from the margins of the network: torch alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from steelyard.kernels.losses import Focal, Ldam
from steelyard.learning._neural_network_task import Task


def training_losses(task: Task) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the function from margins and labels to the loss of each row."""
    if task.ldam is not None:
        return _margin_losses(Ldam(**task.ldam))
    if task.focal is None:
        return _log_losses
    focal = Focal(**task.focal)

    def losses(margins: Tensor, label: Tensor) -> Tensor:
        signed = torch.where(label > 0, margins[:, 0], -margins[:, 0])
        weight = torch.where(label > 0, focal.weights[1], focal.weights[0])
        return weight * torch.sigmoid(-signed) ** focal.gamma * functional.softplus(-signed)

    return losses


def _margin_losses(ldam: Ldam) -> Callable[[Tensor, Tensor], Tensor]:
    shifts = torch.tensor(ldam.shifts)

    def losses(margins: Tensor, label: Tensor) -> Tensor:
        shift = shifts.to(margins)[label]
        if margins.shape[1] == 1:
            return functional.softplus(shift - torch.where(label > 0, margins[:, 0], -margins[:, 0]))
        shifted = margins - functional.one_hot(label, margins.shape[1]) * shift[:, None]
        return functional.cross_entropy(shifted, label, reduction="none")

    return losses


def _log_losses(margins: Tensor, label: Tensor) -> Tensor:
    if margins.shape[1] > 1:
        return functional.cross_entropy(margins, label, reduction="none")
    return functional.binary_cross_entropy_with_logits(margins[:, 0], label.to(margins.dtype), reduction="none")


def validation_losses(margins: Tensor, label: Tensor, task: Task) -> Tensor:
    """Return the validation loss of each row."""
    if task.ldam is not None:
        return _margin_losses(Ldam(**task.ldam))(margins, label)
    if task.focal is not None:
        margins = margins.new_tensor(Focal(**task.focal).log_odds(margins.cpu().numpy()))
    return _log_losses(margins - margins.new_tensor(task.shift), label)
