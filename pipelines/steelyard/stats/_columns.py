"""The columns that the workers get for a summary of a table."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from steelyard.frames.parts import BUCKETS

CLASS, VALUES, AMOUNTS, LEVELS, KEY, TIME = "class", "values", "amounts", "levels", "key", "time"


@dataclass(frozen=True)
class Plan:
    """What is looked at.

    Parameters
    ----------
    features : int
        Numbers in `VALUES`.
    whole : tuple of int
        Those among them that are whole numbers, and may identify rows.
    levels, amounts : int
        Columns in `LEVELS` and `AMOUNTS`.
    drawn : int
        Values in the sample of all classes, at most.
    most_classes : int
    """

    features: int
    whole: tuple[int, ...]
    levels: int
    amounts: int
    drawn: int
    most_classes: int

    def rows_drawn(self, classes: int) -> int:
        """Return how many rows of each class are in the sample at most."""
        return max(self.drawn // max(self.features * classes, 1), 100)

    def blocks(self) -> list[slice]:
        """Return the features of each block, which are merged by one task: up to 16 blocks of 8 or more."""
        width = max(8, -(-self.features // 16))
        return [slice(i, min(i + width, self.features)) for i in range(0, self.features, width)]


def bucket_of(level: str | None) -> int:
    """Return the bucket of a level."""
    return 0 if level is None else zlib.crc32(level.encode("utf-8", "surrogatepass")) % BUCKETS
