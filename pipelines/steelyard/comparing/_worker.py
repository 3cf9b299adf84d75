"""The work of the tasks of a comparison: resample, train, decide, and judge the test rows of one fold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.comparing._fold_scores import FoldScores, check_fold
from steelyard.comparing._resample import Sampling
from steelyard.comparing._table import Table
from steelyard.config import Recipe
from steelyard.dataset import Cost
from steelyard.deciding import fit_array_policy, fit_class_array_policy
from steelyard.distortion import Distortion
from steelyard.errors import SteelyardError
from steelyard.frames.workers import one_thread
from steelyard.kernels.arrays import Floats
from steelyard.learning import get_trainer
from steelyard.learning.arrays import ArrayModel, ArrayRows, by_task
from steelyard.learning.packed import matrix
from steelyard.metrics import ScoreTable
from steelyard.sampling.strategy import for_part
from steelyard.weighting import class_weights

RESULT = pa.schema([("task", pa.int32()), ("scores", pa.string())])


@dataclass(frozen=True)
class Setting:
    """What all tasks of a candidate share.

    Parameters
    ----------
    recipe : dict
        `resample`, `train` and `decide`.
    classes : tuple of str
        The second of two is positive.
    held : float
        Share of the training rows that early stopping, calibration and threshold use.
    thinned, rates : tuple of float
        The share of each class's rows that the comparison took, and that the table holds.
    cost : dict
        Fields of a `Cost`; empty where none is given.
    whole : dict
        Rows of each class in the whole table, to which a map of class to rows refers; empty: those of the fold.
    """

    recipe: Mapping[str, Any]
    classes: tuple[str, ...]
    held: float
    thinned: tuple[float, ...]
    rates: tuple[float, ...]
    cost: Mapping[str, Any]
    whole: Mapping[str, int] = field(default_factory=dict)


def compare(batches: Iterable[pa.RecordBatch], **settings: Any) -> Iterator[pa.RecordBatch]:
    """Train and judge one model for each task of a partition. `settings` are the fields of a `Setting`."""
    setting = Setting(**settings)
    for task, parts in by_task(batches):
        with one_thread():
            try:
                found = judged(Table.of(parts, task), setting).to_json()
            except (SteelyardError, ValueError) as error:  # what these rows do not allow
                found = {"error": str(error)}
        yield pa.RecordBatch.from_pylist([{"task": task, "scores": json.dumps(found)}], schema=RESULT)


def score(
    batches: Iterable[pa.RecordBatch], *, facts: Mapping[str, Any], costs: Sequence[Sequence[float]] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield the scores of one fold whose rows are scored and decided already; several classes have a table of costs."""
    table = pa.Table.from_batches(list(batches))
    names = ("label", "alarm", "weight", "bucket", "cost_fn", "cost_fp")
    label, decided, weight, place, missed, false = (table.column(name).to_numpy() for name in names)
    if costs:
        p = matrix(table.column("score").combine_chunks()).astype(np.float64)
        found = FoldScores.of_classes(p, label, decided, weight, place, np.array(costs), facts)
    else:
        found = FoldScores.of(table.column("score").to_numpy(), label, decided, weight, place, missed, false, facts)
    yield pa.RecordBatch.from_pylist([{"task": 0, "scores": json.dumps(found.to_json())}], schema=RESULT)


def judged(table: Table, setting: Setting) -> FoldScores:
    """Return the scores of a fold's test rows, by a model and a policy of its other rows."""
    recipe, classes = Recipe.of(setting.recipe), setting.classes
    _check_classes(table, ~table.test, classes)
    held = held_out(table, setting.held)
    own = ~table.test & ~held
    _check_classes(table, own, classes)
    how = recipe.train
    whole = setting.whole
    learned = [(table.label[own] == i).sum() / share for i, share in enumerate(setting.thinned)]
    shares = {c: n / whole[c] for c, n in zip(classes, learned, strict=True)} if whole else {}
    params = for_part(how.params, shares)
    trainer = get_trainer(how.model, params, how.class_weight, None, how.seed, how.loss)
    # What draws classes at rates of its own does so from unweighted rows.
    thinned = () if trainer.balances else setting.thinned
    before = Distortion(dict(zip(classes, setting.thinned, strict=True))) if trainer.balances else Distortion()
    sampling = Sampling(recipe.resample.method, recipe.resample.params, classes, thinned, whole)
    rows, sampled = sampling.apply(table.rows(own), table.place[own])
    model = trainer.fit_arrays(rows, _weighted(table, held, setting), classes, sampled)
    rates = Distortion(dict(zip(classes, setting.rates, strict=True)))
    found = replace(model, distortion=before.then(model.distortion).then(rates))
    return (_judged_two if len(classes) == 2 else _judged_several)(table, held, found, len(rows), recipe, setting)


def _judged_two(
    table: Table, held: NDArray[np.bool_], model: ArrayModel, rows: int, recipe: Recipe, setting: Setting
) -> FoldScores:
    policy = fit_array_policy(
        _score_table(table, held, model.predict(table.features[held]), setting),
        classes=(setting.classes[0], setting.classes[1]),
        positive=setting.classes[1],
        distortion=model.distortion,
        calibrate=recipe.decide.calibrate,
        threshold=recipe.decide.threshold,
        cost=Cost(**setting.cost),
    )
    test = table.test
    score = policy.calibrated(model.predict(table.features[test]))
    return FoldScores.of(
        score,
        table.label[test] > 0,
        policy.alarms(score, table.cost_fn[test], table.cost_fp[test]),
        _mass(table, test, setting),
        table.bucket[test],
        table.cost_fn[test],
        table.cost_fp[test],
        {"rows": rows, "threshold": policy.threshold, "calibration": policy.calibrator.method, **model.facts},
    )


def _judged_several(
    table: Table, held: NDArray[np.bool_], model: ArrayModel, rows: int, recipe: Recipe, setting: Setting
) -> FoldScores:
    classes, scores = setting.classes, model.predict(table.features[held])
    mass, label, train = _mass(table, held, setting), table.label[held], ~table.test & ~held
    masses = np.bincount(table.label[train].astype(int), _mass(table, train, setting), len(classes))
    policy = fit_class_array_policy(
        [ScoreTable.from_rows(scores[:, i], label == i, mass) for i in range(len(classes))],
        classes=classes,
        distortion=model.distortion,
        calibrate=recipe.decide.calibrate,
        class_weights=class_weights(dict(zip(classes, masses.tolist(), strict=True)), recipe.train.class_weight),
        cost=Cost(**setting.cost),
    )
    test = table.test
    found = policy.calibrated(model.predict(table.features[test]))
    return FoldScores.of_classes(
        found,
        table.label[test].astype(int),
        policy.decided(found),
        _mass(table, test, setting),
        table.bucket[test],
        np.array(Cost(**setting.cost).of_classes(classes)),
        {"rows": rows, "threshold": None, "calibration": policy.calibrators.method, **model.facts},
    )


def _check_classes(table: Table, chosen: NDArray[np.bool_], classes: tuple[str, ...]) -> None:
    """Raise `InputError` for rows that train or stop the model of a fold and lack a class."""
    check_fold({name: int((table.label[chosen] == i).sum()) for i, name in enumerate(classes)})


def held_out(table: Table, share: float) -> NDArray[np.bool_]:
    """Return which training rows are held out: the last ones in their order, equal places together.

    Of both of two classes at least one row is held out. Of several, the rarest would take too many of the others along:
    a class without such a row is not calibrated. The order is a hash of row or group, or the time.
    """
    own = ~table.test
    ordered = np.sort(table.order[own])
    cut = ordered[min(round(len(ordered) * (1 - share)), len(ordered) - 1)]
    two = table.label.max() == 1
    last = [table.order[own & (table.label == i)].max() for i in (0, 1)] if two else ()
    found: NDArray[np.bool_] = own & (table.order >= min([cut, *last]))
    return found


def _weighted(table: Table, chosen: NDArray[np.bool_], setting: Setting) -> ArrayRows:
    """Return validation rows, weighted as the whole table's would be."""
    label = table.label[chosen]
    weight = table.weight[chosen] / np.array(setting.thinned)[label.astype(int)]
    return ArrayRows(table.features[chosen], label, weight)


def _mass(table: Table, chosen: NDArray[np.bool_], setting: Setting) -> Floats:
    shares = np.array(setting.thinned) * np.array(setting.rates)
    found: Floats = table.weight[chosen] / shares[table.label[chosen].astype(int)]
    return found


def _score_table(table: Table, chosen: NDArray[np.bool_], score: Floats, setting: Setting) -> ScoreTable:
    costs = {}
    if setting.cost:
        costs = {"cost_fn": table.cost_fn[chosen], "cost_fp": table.cost_fp[chosen]}
    return ScoreTable.from_rows(score, table.label[chosen] > 0, _mass(table, chosen, setting), **costs)
