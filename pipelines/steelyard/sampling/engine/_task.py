"""The work of one task: sort rows, run imbalanced-learn, return dropped ids and new rows."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """Resample the rows of one task, and return rows of `SCHEMA`: a status, ids of dropped rows, new rows.

    Parameters
    ----------
    table : pyarrow.Table
        ``task``, ``row_id``, ``code`` (of the class), ``home`` (false if another task decides about the row), ``x``
        (numbers) and ``c`` (categories).
    sampler : bytes
        A pickled object with ``fit_resample``.
    n_numbers, scale
        Length of ``x``, and divisors of its numbers.
    task_quotas : mapping
        Task → requested rows per class, or the classes that may lose rows. Other tasks keep all rows.
    counted : bool
        Whether the requested rows are exact: surplus rows are dropped.
    replaces : bool
        Whether made rows replace all rows of their class.
    near : bool
        Whether numbers that are all very far from zero are moved near to it for the sampler.
    seed : int
    """
    task = int(table["task"][0].as_py())
    if task not in task_quotas:
        return _status(task)
    rows, quota = _TaskRows.of(table, n_numbers), task_quotas[task]
    units = Units.of(rows.numbers, scale, near)
    x = np.column_stack([(rows.numbers - units.origin) / units.scale, rows.coded])
    try:
        made = _filled(sampler, x, rows.codes, _positive(quota), n_numbers, counted, seed + task)
    except ModuleNotFoundError as error:
        return _status(task, missing=str(error.name))
    except MemoryError:
        raise
    except Exception as error:  # errors of the library about the data are shown to the user
        return _status(task, " ".join(str(error).split()) or type(error).__name__)
    outcome = _as_requested(made, rows.codes, quota, counted=counted, replaces=replaces)
    return _result(task, rows, replace(made, outcome=outcome), units)


@dataclass(frozen=True)
class _Made:
    """What a sampler returned: rows with their classes, which rows of the input these are, and warnings."""

    outcome: Outcome
    rows: Floats
    labels: Codes
    messages: list[str]

    @property
    def new_labels(self) -> Codes:
        """Classes of the new rows."""
        return self.labels[self.outcome.new]


def _positive(quota: TaskQuota) -> TaskQuota:
    """Return a quota without the classes that are to lose all rows: samplers cannot do that."""
    return {c: n for c, n in quota.items() if n} if isinstance(quota, Mapping) else list(quota)


def _as_requested(made: _Made, codes: Codes, quota: TaskQuota, *, counted: bool, replaces: bool) -> Outcome:
    """Return the outcome with classes emptied, replaced or trimmed where the quota gives their counts."""
    if not isinstance(quota, Mapping):
        return made.outcome
    wanted = {c: n for c, n in quota.items() if n}
    outcome = Outcome(made.outcome.kept & ~np.isin(codes, [c for c in quota if c not in wanted]), made.outcome.new)
    if replaces:
        outcome = replaced(outcome, codes, made.labels, list(wanted))
    if counted:
        outcome = trimmed(outcome, codes, made.rows[outcome.new], made.labels[outcome.new], wanted)
    return outcome


def _filled(
    sampler: bytes, x: Floats, codes: Codes, quota: TaskQuota, n_numbers: int, counted: bool, seed: int
) -> _Made:
    """Run the sampler, and run it again with a larger request if it made too few rows.

    (imbalanced-learn's SVMSMOTE makes no rows of safe ones where there are none, for example.)
    """
    made = _run(pickle.loads(sampler), x, codes, quota, n_numbers, counted, seed)
    if not counted or not isinstance(quota, Mapping):
        return made
    asked, before = dict(quota), np.bincount(codes, minlength=max(quota, default=0) + 1).tolist()
    for _ in range(_MORE_ROUNDS):
        new = {c: int((made.new_labels == c).sum()) for c in quota}
        short = [c for c, n in quota.items() if 0 < new[c] < n - before[c]]
        if not short:
            break
        for c in short:
            asked[c] = before[c] + -(-(asked[c] - before[c]) * (quota[c] - before[c]) // new[c]) + 1
        made = _run(pickle.loads(sampler), x, codes, asked, n_numbers, counted, seed)
    return made


def _run(sampler: Any, x: Floats, codes: Codes, quota: TaskQuota, n_numbers: int, counted: bool, seed: int) -> _Made:
    """Run the sampler once."""
    if not quota:
        return _Made(Outcome(np.ones(len(x), dtype=bool), np.empty(0, np.intp)), x, codes, [])
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
    return _Made(Outcome(outcome.kept[: len(x)], new), made, labels, messages[:_MOST_WARNINGS])


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


def _result(task: int, rows: _TaskRows, made: _Made, units: Units) -> pa.Table:
    dropped, width = np.flatnonzero(~made.outcome.kept & rows.home), rows.numbers.shape[1]
    new = _inside(made.rows[made.outcome.new], made.new_labels, rows, units)
    categories = [
        levels[np.clip(np.rint(new[:, width + i]), 0, len(levels) - 1).astype(int)]
        for i, levels in enumerate(rows.levels)
    ]
    texts = [list(values) for values in zip(*categories, strict=True)] if categories else [[]] * len(new)
    return pa.concat_tables(
        [
            _status(task, messages=made.messages),
            _table(task, DROPPED, rows.codes[dropped], row_id=rows.ids[dropped]),
            _table(task, NEW, made.new_labels, number=np.arange(len(new)), x=new[:, :width].tolist(), c=texts),
        ]
    )


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
