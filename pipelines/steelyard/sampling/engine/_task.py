"""The work of one task: sort rows, run imbalanced-learn, return dropped ids and new rows."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.frames.workers import one_thread
from steelyard.kernels.outcomes import Outcome, by_content, by_indices, replaced, trimmed

STATUS, DROPPED, NEW = 0, 1, 2
"""Kinds of rows that a task returns."""

SCHEMA = "task int, kind int, code int, row_id bigint, number int, x array<double>, c array<string>, status string"
_INTS = [(name, pa.int32()) for name in ("task", "kind", "code")]
_LISTS = [("x", pa.list_(pa.float64())), ("c", pa.list_(pa.string()))]
_ARROW = pa.schema([*_INTS, ("row_id", pa.int64()), ("number", pa.int32()), *_LISTS, ("status", pa.string())])

_NOBODY = -1  # the class of a row that is only there so that there are two classes
_MOST_WARNINGS = 5
_MORE_ROUNDS = 3
_FAR = 2.0**20
_SEEDS = 2**32

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
TaskQuota = Mapping[int, int] | Sequence[int]


@dataclass(frozen=True)
class _TaskRows:
    """The rows of a task, by ascending row id."""

    ids: NDArray[np.int64]
    codes: Codes
    home: NDArray[np.bool_]
    numbers: Floats
    levels: list[NDArray[np.object_]]
    coded: Floats

    @classmethod
    def of(cls, table: pa.Table, n_numbers: int) -> _TaskRows:
        ordered = table.sort_by("row_id").combine_chunks()
        n = len(ordered)
        numbers = ordered["x"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(n, n_numbers)
        texts = np.array(ordered["c"].to_pylist(), dtype=object).reshape(n, -1)
        found = [np.unique(texts[:, i].astype(str), return_inverse=True) for i in range(texts.shape[1])]
        coded = [inverse.astype(float) for _, inverse in found]
        return cls(
            ordered["row_id"].to_numpy(),
            ordered["code"].to_numpy().astype(np.int64),
            ordered["home"].to_numpy(),
            np.array(numbers, dtype=float),
            [levels.astype(object) for levels, _ in found],
            np.column_stack(coded) if coded else np.empty((n, 0)),
        )


@dataclass(frozen=True)
class Units:
    """The transformation of numbers for the sampler: minus an origin, divided by a scale."""

    origin: Floats
    scale: Floats

    @classmethod
    def of(cls, numbers: Floats, scale: Sequence[float] | None, near: bool) -> Units:
        """Find the origin of numbers: their least, where all are a million times farther from zero than apart.

        Differences are then exact (Sterbenz), and their squares are no longer mere rounding; all other numbers stay
        what they are, to the last bit.
        """
        low, high = numbers.min(axis=0, initial=np.inf), numbers.max(axis=0, initial=-np.inf)
        size = np.minimum(np.abs(low), np.abs(high))
        far = near & (low * high > 0) & (size >= _FAR) & ((high - low) * _FAR <= size)
        return cls(np.where(far, low, 0.0), np.ones(len(low)) if scale is None else np.asarray(scale, dtype=float))


def resample(
    table: pa.Table,
    *,
    sampler: bytes,
    n_numbers: int,
    scale: Sequence[float] | None,
    task_quotas: Mapping[int, TaskQuota],
    counted: bool,
    replaces: bool,
    near: bool,
    seed: int,
) -> pa.Table:
    """Resample the rows of one task.

    Parameters
    ----------
    table : pyarrow.Table
        ``task``, ``row_id``, ``code`` (of the class), ``home`` (false for rows that another task answers for), ``x``
        and ``c`` (numbers and categories).
    sampler : bytes
        Pickled, with ``fit_resample``.
    n_numbers : int
    scale : sequence of float, optional
        What numbers are divided by.
    task_quotas : mapping
        For each task in which there is something to do: rows that classes are to have, or the classes that may lose
        rows.
    counted : bool
        Whether counts are asked for, and no more rows come back.
    replaces : bool
        Whether rows that are made stand for all rows of their class.
    near : bool
        Whether numbers that are all very far from zero are brought near to it meanwhile.
    seed : int

    Returns
    -------
    pyarrow.Table
        As `SCHEMA` says: one row of status with what went wrong and what was warned of; the ids that are dropped; the
        new rows.
    """
    task = int(table["task"][0].as_py())
    if task not in task_quotas:
        return _status(task)
    rows = _TaskRows.of(table, n_numbers)
    units = Units.of(rows.numbers, scale, near)
    x = np.column_stack([(rows.numbers - units.origin) / units.scale, rows.coded])
    quota = task_quotas[task]
    emptied = [c for c, n in quota.items() if n == 0] if isinstance(quota, Mapping) else []
    left = {c: n for c, n in quota.items() if n} if isinstance(quota, Mapping) else list(quota)
    try:
        outcome, made, labels, messages = _filled(sampler, x, rows.codes, left, n_numbers, counted, seed + task)
    except ModuleNotFoundError as error:
        return _status(task, missing=str(error.name))
    except MemoryError:
        raise
    except Exception as error:  # whatever another library says of the data is for the user to read
        return _status(task, " ".join(str(error).split()) or type(error).__name__)
    kept = outcome.kept & ~np.isin(rows.codes, emptied)
    if replaces and isinstance(left, Mapping):
        outcome = replaced(Outcome(kept, outcome.new), rows.codes, labels, list(left))
    else:
        outcome = Outcome(kept, outcome.new)
    if counted and isinstance(left, Mapping):
        outcome = trimmed(outcome, rows.codes, made[outcome.new], labels[outcome.new], left)
    return _result(task, rows, outcome, made, labels, units, messages)


def _filled(
    sampler: bytes, x: Floats, codes: Codes, quota: TaskQuota, n_numbers: int, counted: bool, seed: int
) -> tuple[Outcome, Floats, Codes, list[str]]:
    """Run the sampler, and run it again with a larger request if it made too few rows.

    (imbalanced-learn's SVMSMOTE leaves out what it would have made of safe rows where there are none, and the like.)
    """
    found = _run(pickle.loads(sampler), x, codes, quota, n_numbers, counted, seed)
    if not counted or not isinstance(quota, Mapping):
        return found
    asked, before = dict(quota), np.bincount(codes, minlength=max(quota, default=0) + 1)
    for _ in range(_MORE_ROUNDS):
        new = {c: int((found[2][found[0].new] == c).sum()) for c in quota}
        short = {c for c, n in quota.items() if 0 < new[c] < n - before[c]}
        if not short:
            break
        for c in short:
            wanted, given = quota[c] - int(before[c]), asked[c] - int(before[c])
            asked[c] = int(before[c]) + -(-given * wanted // new[c]) + 1
        found = _run(pickle.loads(sampler), x, codes, asked, n_numbers, counted, seed)
    return found


def _run(
    sampler: Any, x: Floats, codes: Codes, quota: TaskQuota, n_numbers: int, counted: bool, seed: int
) -> tuple[Outcome, Floats, Codes, list[str]]:
    """Run the sampler, and return the outcome of the rows."""
    if not quota:
        return Outcome(np.ones(len(x), dtype=bool), np.empty(0, np.intp)), x, codes, []
    alone = len(np.unique(codes)) == 1
    given = (np.concatenate([x, x[:1]]), np.append(codes, _NOBODY)) if alone else (x, codes)
    configured(sampler, quota, list(range(n_numbers, x.shape[1])), seed)
    with one_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made, labels = sampler.fit_resample(*given)[:2]
    made, labels = np.asarray(made, dtype=float), np.asarray(labels).astype(np.int64)
    indices = getattr(sampler, "sample_indices_", None)
    if indices is not None and len(indices) == len(made):
        # Condensing may list a row twice that it began with.
        outcome = by_indices(np.asarray(indices), len(given[0]), again=counted)
    else:
        outcome = by_content(given[0], given[1], made, labels)
    new = outcome.new[labels[outcome.new] != _NOBODY]
    messages = list(dict.fromkeys(" ".join(str(w.message).split()) for w in caught))
    return Outcome(outcome.kept[: len(x)], new), made, labels, messages[:_MOST_WARNINGS]


def configured(sampler: Any, quota: TaskQuota, categories: list[int], seed: int) -> None:
    """Tell a sampler what to do: counts or classes, seeds, which columns are categories, one thread."""
    strategy = dict(quota) if isinstance(quota, Mapping) else list(quota)
    if not hasattr(sampler, "get_params"):
        for name, value in (("sampling_strategy", strategy), ("random_state", seed % _SEEDS)):
            if hasattr(sampler, name):
                setattr(sampler, name, value)
        return
    params = sampler.get_params(deep=True)
    changes: dict[str, Any] = {}
    for name, value in params.items():
        last = name.rpartition("__")[2]
        if last == "random_state" and (name == last or value is None):
            changes[name] = seed % _SEEDS
        if last == "n_jobs":
            changes[name] = 1
    for name, value in (("sampling_strategy", strategy), ("categorical_features", categories)):
        if name in params:
            changes[name] = value
    sampler.set_params(**changes)


def _result(
    task: int,
    rows: _TaskRows,
    outcome: Outcome,
    made: Floats,
    labels: Codes,
    units: Units,
    messages: list[str],
) -> pa.Table:
    dropped = np.flatnonzero(~outcome.kept & rows.home)
    new_labels = labels[outcome.new]
    new = _inside(made[outcome.new], new_labels, rows, units)
    width = rows.numbers.shape[1]
    categories = [
        levels[np.clip(np.rint(new[:, width + i]), 0, len(levels) - 1).astype(int)]
        for i, levels in enumerate(rows.levels)
    ]
    texts = [list(values) for values in zip(*categories, strict=True)] if categories else [[]] * len(new)
    parts = [
        _status(task, messages=messages),
        _table(task, DROPPED, rows.codes[dropped], row_id=rows.ids[dropped]),
        _table(task, NEW, new_labels, number=np.arange(len(new)), x=new[:, :width].tolist(), c=texts),
    ]
    return pa.concat_tables(parts)


def _inside(made: Floats, labels: Codes, rows: _TaskRows, units: Units) -> Floats:
    """Return rows in the table's units, numbers within those of their class."""
    width = rows.numbers.shape[1]
    found = made.copy()
    found[:, :width] = found[:, :width] * units.scale + units.origin
    for code in np.unique(labels):
        inside, of_class = labels == code, rows.numbers[rows.codes == code]
        found[inside, :width] = np.clip(found[inside, :width], of_class.min(axis=0), of_class.max(axis=0))
    return found


def _status(task: int, failure: str = "", messages: Sequence[str] = (), missing: str = "") -> pa.Table:
    text = json.dumps({"failure": failure, "warnings": list(messages), "missing": missing})
    return _table(task, STATUS, np.array([0]), status=[text])


def _table(task: int, kind: int, codes: NDArray[np.integer], **more: Any) -> pa.Table:
    n = len(codes)
    given = {"task": np.full(n, task), "kind": np.full(n, kind), "code": codes, **more}
    columns = [pa.array(given[f.name], f.type) if f.name in given else pa.nulls(n, f.type) for f in _ARROW]
    return pa.table(columns, schema=_ARROW)
