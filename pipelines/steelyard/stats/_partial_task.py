"""First task of a summary: summarize the rows of a partition, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.frames.parts import Part, by_bucket, sent, slot
from steelyard.kernels.arrays import Floats
from steelyard.kernels.summaries import Hashes, finished, mixed
from steelyard.stats._columns import AMOUNTS, CLASS, KEY, LEVELS, TIME, VALUES, Plan, bucket_of
from steelyard.stats._numbers import Numbers, amounts_of

_CHUNK = 1 << 14  # rows that are looked at together
_BLOCK = 64  # features that are transposed together
_BUFFERED = 1 << 20  # hashes that wait to be sent
_MANY_LEVELS = 100_000  # levels that wait to be sent
_MUCH_TEXT = 1 << 24  # characters of them


def partial(batches: Iterable[pa.RecordBatch], *, plan: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    """Yield the parts of a partition's summary."""
    return sent(_parts(batches, Plan(**plan)))


def _parts(batches: Iterable[pa.RecordBatch], plan: Plan) -> Iterator[Part]:
    rows = _Partition(plan)
    for batch in batches:
        yield from rows.add(batch)
    yield from rows.rest()


class _Partition:
    """The rows of a partition so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.classes: dict[str | None, int] = {}
        self.counts: Counter[str | None] = Counter()
        self.amounts: dict[str, Floats] = {}
        self.latest: int | None = None
        self.numbers = Numbers(plan)
        self.identifiers = {i: _Hashes("id", i) for i in plan.whole}
        self.keys = _Hashes("key")
        self.levels = [_Levels(i) for i in range(plan.levels)]

    def add(self, batch: pa.RecordBatch) -> Iterator[Part]:
        """Add rows; yield the parts that are ready."""
        codes = self._codes(batch.column(CLASS))
        if len(self.classes) > self.plan.most_classes + 1:  # the column is not a label, which is an error
            return
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        if TIME in columns and (found := pc.max(columns[TIME]).as_py()) is not None:
            self.latest = found if self.latest is None else max(self.latest, found)
        keys = np.zeros(batch.num_rows, dtype=np.uint64)
        if KEY in columns:
            keys = finished(columns[KEY].to_numpy().view(np.uint64))
            yield from self.keys.add(keys)
        for i, levels in enumerate(self.levels):
            yield from levels.add(columns[LEVELS].field(i), codes, list(self.classes))
        if AMOUNTS in columns:
            self._add_amounts(_matrix(columns[AMOUNTS], self.plan.amounts), codes)
        if self.plan.features:
            matrix = _matrix(columns[VALUES], self.plan.features)
            for at in range(0, batch.num_rows, _CHUNK):
                these = slice(at, at + _CHUNK)
                yield from self._add_numbers(matrix[these], codes[these], keys[these])

    def rest(self) -> Iterator[Part]:
        """Yield the parts that remain."""
        for hashes in (self.keys, *self.identifiers.values()):
            yield from hashes.rest()
        for levels in self.levels:
            yield from levels.rest(list(self.classes))
        names = list(self.classes)
        too_many = len(names) > self.plan.most_classes + 1
        refuted = set(self.plan.whole) - set(self.identifiers)
        yield slot("table"), (None if too_many else dict(self.counts), self.latest, self.amounts, refuted)
        if not too_many:
            yield from self.numbers.parts(names)

    def _codes(self, label: pa.Array) -> NDArray[np.int64]:
        found = pc.dictionary_encode(label, null_encoding="encode")
        known = found.dictionary.to_pylist()
        codes = np.array([self.classes.setdefault(name, len(self.classes)) for name in known], dtype=np.int64)
        places = found.indices.to_numpy()
        self.counts.update(dict(zip(known, np.bincount(places, minlength=len(known)).tolist(), strict=True)))
        found_codes: NDArray[np.int64] = codes[places]
        return found_codes

    def _add_amounts(self, values: Floats, codes: NDArray[np.int64]) -> None:
        for name, code in self.classes.items():
            rows = values[codes == code] if name is not None else values[:0]
            if name is not None and len(rows):
                found = amounts_of(rows)
                before = self.amounts.get(name, np.zeros_like(found))
                self.amounts[name] = np.concatenate([before[:2] + found[:2], np.fmax(before[2:], found[2:])])

    def _add_numbers(self, matrix: Floats, codes: NDArray[np.int64], keys: Hashes) -> Iterator[Part]:
        none = self.classes.get(None, -1)
        order = np.argsort(np.where(codes == none, -1, codes), kind="stable")[int((codes == none).sum()) :]
        present, starts = np.unique(codes[order], return_index=True)
        hashes = keys[order]
        for at in range(0, matrix.shape[1], _BLOCK):
            for i, column in enumerate(np.ascontiguousarray(matrix[:, at : at + _BLOCK].T), at):
                yield from self._add_identifier(i, column)
                if len(order):
                    values = column[order]
                    hashes = mixed(hashes, values)
                    self.numbers.add(i, values, present, starts)
        if len(order):
            self.numbers.draw(matrix, order, finished(hashes), present, starts, len(self.classes) - (none >= 0))

    def _add_identifier(self, feature: int, column: Floats) -> Iterator[Part]:
        """Send the values of a feature that has no two equal ones so far."""
        if feature not in self.identifiers:
            return
        ordered = np.sort(column)
        if np.isnan(ordered[-1]) or (ordered[1:] == ordered[:-1]).any():
            del self.identifiers[feature]
        else:
            yield from self.identifiers[feature].add(finished((column + 0.0).view(np.uint64)))


class _Hashes:
    """Hashes that are sent in buckets, 8 bytes each."""

    def __init__(self, kind: str, *place: int) -> None:
        self.kind, self.place = kind, place
        self.waiting: list[Hashes] = []
        self.size = 0

    def add(self, hashes: Hashes) -> Iterator[Part]:
        self.waiting.append(hashes)
        self.size += len(hashes)
        if self.size >= _BUFFERED:
            yield from self.rest()

    def rest(self) -> Iterator[Part]:
        if self.waiting:
            hashes = np.concatenate(self.waiting)
            for bucket, these in by_bucket(hashes):
                yield slot(self.kind, *self.place, bucket), hashes[these]
        self.waiting, self.size = [], 0


class _Levels:
    """The levels of a category by class, counted."""

    def __init__(self, feature: int) -> None:
        self.feature = feature
        self.counts: Counter[tuple[str | None, int]] = Counter()
        self.text = 0

    def add(self, column: pa.Array, codes: NDArray[np.int64], names: list[str | None]) -> Iterator[Part]:
        found = pc.dictionary_encode(column, null_encoding="encode")
        levels = found.dictionary.to_pylist()
        pairs, counts = np.unique(codes * len(levels) + found.indices.to_numpy(), return_counts=True)
        for pair, n in zip(pairs.tolist(), counts.tolist(), strict=True):
            self.counts[levels[pair % len(levels)], pair // len(levels)] += n
        self.text += sum(len(level) for level in levels if level is not None)
        if len(self.counts) > _MANY_LEVELS or (self.text > _MUCH_TEXT and self._is_long()):
            yield from self.rest(names)

    def _is_long(self) -> bool:
        self.text = sum(len(level) for level, _ in self.counts if level is not None)
        return self.text > _MUCH_TEXT

    def rest(self, names: list[str | None]) -> Iterator[Part]:
        buckets: dict[int, list[tuple[str | None, str | None, int]]] = {}
        for (level, code), n in self.counts.items():
            buckets.setdefault(bucket_of(level), []).append((level, names[code], n))
        for bucket, of in buckets.items():
            yield slot("levels", self.feature, bucket), of
        self.counts.clear()
        self.text = 0


def _matrix(lists: pa.Array, width: int) -> Floats:
    flat: Floats = lists.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, width)
