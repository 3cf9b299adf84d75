"""How many workers train where `num_workers` is not set."""

from __future__ import annotations

WORKERS = 2
SMALL = 10_000_000
"""Rows × features, validation rows included, up to which one worker trains. At 15 million, with one million validation
rows, it takes a fifth longer than two, and half a gigabyte; with 3.5 million values about as long."""
LARGE = 500_000_000
"""Rows × features from which two workers are too few. Of XGBoost, 200 trees of depth 6 then take about three minutes
(300 million values per second, tree and worker), and each worker holds 3 GB at its peak (three copies in float32)."""


def workers_for(rows: int, features: int) -> int:
    """Return how many workers train where `num_workers` is not set; `rows` includes those of validation."""
    return 1 if rows * features <= SMALL else WORKERS


def workers_note(rows: int, features: int) -> str | None:
    """Return a note where a table is too large for the default number of workers, else None.

    Examples
    --------
    >>> workers_note(10_000_000, 30)
    >>> print(workers_note(10_000_000, 60))
    10,000,000 training rows × 60 features on 2 workers take long and much memory; raise train.num_workers (the model
    depends on it)
    """
    if rows * features < LARGE:
        return None
    return (
        f"{rows:,} training rows × {features:,} features on {WORKERS} workers take long and much memory; "
        "raise train.num_workers (the model depends on it)"
    )
