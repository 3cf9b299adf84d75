"""Map doubles to integers that sort identically."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

_LAST = np.int64(2**63 - 1)


def ranked(batches: Iterable[pa.RecordBatch], *, descending: bool) -> Iterator[pa.RecordBatch]:
    """Replace ``values``, lists of numbers from 0 on, by ``position``: the bits of their mean.

    The bits of a float64 that isn't negative, seen as a whole number, are in its order. Means are of sums from the
    first value to the last.
    """
    for batch in batches:
        lists = batch["values"]
        sizes, flat = np.diff(lists.offsets.to_numpy()), lists.flatten().to_numpy(zero_copy_only=False)
        starts = np.cumsum(sizes) - sizes
        total = np.zeros(len(batch))
        for place in range(int(sizes.max(initial=0))):
            there = sizes > place
            total[there] += flat[starts[there] + place]
        position = (total / np.maximum(sizes, 1)).view(np.int64)
        rest = batch.select([n for n in batch.schema.names if n != "values"])
        yield rest.append_column("position", pa.array(_LAST - position if descending else position))
