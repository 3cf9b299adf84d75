"""Train a network in step with other processes: torch alone, no Spark."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from steelyard.learning._neural_network_losses import training_losses, validation_losses
from steelyard.learning._neural_network_modules import Cosines, Network
from steelyard.learning._neural_network_task import Task

_PART = 65_536  # rows whose margins are computed at a time
_MOVES = 50


class Rows:
    """Features, labels, weights and offsets of margins as tensors."""

    def __init__(
        self, features: NDArray[np.float32], label: NDArray[Any], weight: NDArray[Any], offset: NDArray[Any]
    ) -> None:
        self.features, self.label = torch.from_numpy(features), torch.from_numpy(label.astype(np.int64))
        self.weight = torch.from_numpy(weight.astype(np.float32))
        self.offset = torch.from_numpy(offset.astype(np.float32))[:, None]

    def __len__(self) -> int:
        return len(self.label)

    def to(self, device: str) -> Rows:
        """Move the rows to a device, and return them."""
        self.features, self.label = self.features.to(device), self.label.to(device)
        self.weight, self.offset = self.weight.to(device), self.offset.to(device)
        return self


def train(settings: Mapping[str, Any]) -> tuple[bytes, list[float]]:
    """Train on this process's share of the rows; return weights as safetensors, and validation losses."""
    task, rank, processes = Task(**settings), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.set_num_threads(1)  # more wait for each other at each small step
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # sums of a GPU in the same order each time
    torch.use_deterministic_algorithms(True)
    if processes > 1:
        dist.init_process_group("gloo")
    try:
        rows, validation = read_shard(task, rank, processes)
        return train_network(task, rows, validation, rank)
    finally:
        if processes > 1:
            with suppress(Exception):  # the error that ended the training is the one to tell of
                dist.destroy_process_group()


def read_shard(task: Task, rank: int, processes: int) -> tuple[Rows, Rows]:
    """Return the training and the validation rows of one process: all rows of every so manieth file."""
    found = pa.dataset.dataset(task.shards, format="parquet")
    files = sorted(found.files)[rank::processes]
    if not files:
        raise ValueError("too few rows for so many processes; lower train.num_workers")
    table = pa.dataset.dataset(files, format="parquet", filesystem=found.filesystem).to_table()
    flat = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    features = flat.astype(np.float32, copy=False).reshape(-1, task.features)
    of = table["validation"].to_numpy()
    offset = table["offset"].to_numpy() if "offset" in table.column_names else np.zeros(len(table))
    parts = (features, table["label"].to_numpy(), table["weight"].to_numpy(), offset)
    return Rows(*(p[~of] for p in parts)), Rows(*(p[of] for p in parts))


def train_network(task: Task, rows: Rows, validation: Rows, rank: int) -> tuple[bytes, list[float]]:
    """Train until the validation loss stops falling, and return the weights of the best epoch."""
    torch.manual_seed(task.seed)  # the same first weights in all processes
    network = Network(task)
    if task.start is None:
        _start_at_prior(network, task)
    else:
        network.start_at(task.start)
    network.to(task.device)
    rows, validation = rows.to(task.device), validation.to(task.device)
    if task.start is not None:
        _move_to_prior(network, task, rows)
    optimiser = torch.optim.AdamW(network.parameters(), lr=task.learning_rate, weight_decay=task.weight_decay)
    steps = _most(-(-len(rows) // task.batch_size))
    order = torch.Generator().manual_seed(task.seed * 1009 + rank)
    torch.manual_seed(task.seed * 1013 + rank)  # other rows are left out by dropout in each process
    losses: list[float] = []
    best = network.saved()
    for epoch in range(task.epochs):
        weight = rows.weight * _class_weights(task, rows, epoch)
        _train_epoch(task, network, optimiser, rows, weight, _batches(len(rows), steps, task.batch_size, order))
        losses.append(_validation_loss(network, validation, task))
        if not np.isfinite(losses[-1]):
            raise ValueError(f"the log loss of epoch {epoch} is not finite: lower train.params.learning_rate")
        if task.best_epoch(losses) == epoch:
            best = network.saved()
        elif epoch - task.best_epoch(losses) >= task.early_stopping_epochs:
            break
    return best, losses


def _train_epoch(
    task: Task, network: Network, optimiser: torch.optim.Optimizer, rows: Rows, weight: Tensor, batches: list[Tensor]
) -> None:
    """Take a step for each batch, in which all processes average their gradients."""
    network.train()
    losses_of = training_losses(task)
    total, count = _sum(torch.tensor([weight.double().sum(), len(rows)], dtype=torch.float64)).tolist()
    for batch in batches:
        optimiser.zero_grad()
        loss = losses_of(network(rows.features[batch]) + rows.offset[batch], rows.label[batch])
        ((loss * weight[batch]).sum() / (total / count * len(batch))).backward()
        _average_gradients(network)
        optimiser.step()


def _class_weights(task: Task, rows: Rows, epoch: int) -> Tensor:
    """Return the factor on the weight of each row by deferred re-weighting."""
    if task.ldam is None or epoch < task.ldam["drw_epoch"]:
        return torch.ones_like(rows.weight)
    return rows.weight.new_tensor(task.ldam["weights"])[rows.label]


def _batches(rows: int, steps: int, size: int, order: torch.Generator) -> list[Tensor]:
    """Return the rows of each step in a new order; a process with fewer rows than others sees some twice."""
    wanted = torch.cat([torch.randperm(rows, generator=order) for _ in range(-(-steps * size // rows))])
    last = min(size, max(rows - (steps - 1) * size, 1))
    return list(wanted[: (steps - 1) * size + last].split(size))


def _validation_loss(network: Network, rows: Rows, task: Task) -> float:
    """Return the mean loss on the validation rows of all processes.

    It is log loss, without what class weights do to margins; or the loss with margins, in which re-weighted classes
    count their weights.
    """
    network.eval()
    sums = torch.zeros(2, dtype=torch.float64)
    weights = rows.weight.double() * _class_weights(task, rows, task.epochs)
    with torch.no_grad():
        for at in range(0, len(rows), _PART):
            part = slice(at, at + _PART)
            loss = validation_losses(network(rows.features[part]).double(), rows.label[part], task)
            sums += torch.stack([(loss * weights[part]).sum(), weights[part].sum()]).cpu()
    total, weight = _sum(sums).tolist()
    return total / weight


def _start_at_prior(network: Network, task: Task) -> None:
    """Let the first margins be those of the classes' shares: else the first epochs only learn that one is rare."""
    if isinstance(network.output, Cosines):
        return
    with torch.no_grad():
        network.output.weight.mul_(0.1)
        network.output.bias.copy_(torch.tensor(task.starts))


def _move_to_prior(network: Network, task: Task, rows: Rows) -> None:
    """Change the bias until probabilities add up to the shares of the classes: a source may have had others."""
    if task.ldam is not None or task.focal is not None:
        return
    network.eval()
    classes = max(task.outputs, 2)
    with torch.no_grad():
        margins = torch.cat([network(part) for part in rows.features.split(_PART)]) + rows.offset
        margins = functional.pad(margins, (classes - task.outputs, 0)).double()
        weight = rows.weight.double()[:, None]
        shares = _sum((functional.one_hot(rows.label, classes) * weight).sum(dim=0).cpu())
        moved = torch.zeros(classes, dtype=torch.float64)
        for _ in range(_MOVES):
            found = torch.softmax(margins + moved.to(margins.device), dim=1)
            moved += torch.log(shares) - torch.log(_sum((found * weight).sum(dim=0).cpu()))
        network.output.bias += (moved - moved[0])[classes - task.outputs :].to(network.output.bias)


def _average_gradients(network: Network) -> None:
    if not dist.is_initialized():
        return
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()


def _sum(values: Tensor) -> Tensor:
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def _most(value: int) -> int:
    found = torch.tensor(value)
    if dist.is_initialized():
        dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return int(found)
