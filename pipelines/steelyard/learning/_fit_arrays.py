"""Training on rows in memory, inside a Spark task: weigh rows, train, and derive the distortion of the class prior."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from steelyard.distortion import Distortion
from steelyard.learning.arrays import ArrayModel, ArrayRows
from steelyard.weighting import class_weights, weight_distortion

if TYPE_CHECKING:
    from steelyard.learning.base import Trainer


def fit_arrays(
    trainer: Trainer, train: ArrayRows, validation: ArrayRows, classes: tuple[str, ...], sampled: Distortion
) -> ArrayModel:
    """Return the model of rows in memory; see `Trainer.fit_arrays`."""
    rates = sampled.rates if train.offset is not None else {}
    totals = {c: float(train.weight[train.label == i].sum()) for i, c in enumerate(classes)}
    sizes = {c: n / rates.get(c, 1.0) for c, n in totals.items()}
    weights = class_weights(sizes, trainer.class_weight)
    each = np.array([weights[c] for c in classes])[train.label.astype(int)]
    if train.offset is not None and not trainer.takes_offsets:
        thinned = [c for c, rate in rates.items() if rate < 1]
        each = each * np.where(np.isin(train.label, [classes.index(c) for c in thinned]), np.exp(train.offset), 1.0)
    offset = train.offset if trainer.takes_offsets else None
    rows = replace(train, weight=train.weight * each, offset=offset)
    model = trainer._fit_arrays(rows, validation, sizes, {c: n * weights[c] for c, n in sizes.items()})
    prior = sampled if train.offset is None else Distortion()
    found = prior.then(weight_distortion(weights)).then(trainer.loss_distortion(classes))
    return replace(model, distortion=found.then(model.distortion))
