"""Columns that workers read for a summary of a table."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from steelyard.frames.parts import BUCKETS

CLASS, VALUES, AMOUNTS, LEVELS, KEY, TIME = "class", "values", "amounts", "levels", "key", "time"


@dataclass(frozen=True)
class Plan:
    """The columns to summarize: numbers in `VALUES`, columns in `LEVELS` and `AMOUNTS`.

    `whole` are numbers that may identify rows; `drawn` is the largest number of values in the sample of all classes.
    """

    features: int
    whole: tuple[int, ...]
    levels: int
    amounts: int
    drawn: int
    most_classes: int

    def rows_drawn(self, classes: int) -> int:
        """Return the largest number of rows of a class in the sample."""
        return max(self.drawn // max(self.features * classes, 1), 100)

    def blocks(self) -> list[slice]:
        """Return up to 16 blocks of 8 or more features; one task merges each."""
        width = max(8, -(-self.features // 16))
        return [slice(i, min(i + width, self.features)) for i in range(0, self.features, width)]


def bucket_of(level: str | None) -> int:
    """Return the bucket of a level."""
    return 0 if level is None else zlib.crc32(level.encode("utf-8", "surrogatepass")) % BUCKETS
