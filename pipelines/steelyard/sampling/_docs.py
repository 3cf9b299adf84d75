"""What samplers have in common in their documentation."""

from __future__ import annotations

from typing import TypeVar

_COLUMNS = """label_col : str, default "label"
    features_col : str or list of str, optional
        One vector or array column, or a list of columns; by default all but label, key, group, time and weight.
    key_col : str or list of str, optional
        What identifies a row; its content by default.
    group_col, time_col, weight_col : str, optional
    cost_cols : str or list of str, optional"""

_OVER = """sampling_strategy : float, str, dict or callable, default "auto"
        A ratio of the rarest class to the other afterwards; ``"auto"`` (``"not majority"``), ``"minority"``, ``"not
        minority"``, ``"all"``: classes brought to the size of the largest; class → count; or a function of the counts.
    random_state : int, default 0
    max_new_rows : int, optional
        More new rows than this are refused before anything runs."""

_UNDER = """sampling_strategy : float, str, dict or callable, default "auto"
        A ratio of the rarest class to the other afterwards; ``"auto"`` (``"not minority"``), ``"majority"``, ``"not
        majority"``, ``"all"``: classes brought to the size of the smallest; class → count; or a function of the counts.
    random_state : int, default 0"""

_CLEAN = """sampling_strategy : str or list, default "auto"
        Classes that may lose rows: ``"auto"`` (``"not minority"``), ``"majority"``, ``"not majority"``, ``"all"``, or
        a list of them. How many rows they lose, the data say.
    random_state : int, default 0
        Not used: nothing here is random."""

_FEATURES = """categorical_features : list of str, optional
        Features that are categories; strings and booleans by default. Where distances are taken, two that differ add
        Med² to the square (SMOTE-NC's: the median of the numbers' standard deviations, squared).
    missing : {"error", "impute"}, default "error"
        What null and NaN features get: a refusal; or, while distances are taken and rows are made, the median or mode
        of their class. Rows of the table keep their gaps."""

_SEARCH = """scale : {"none", "standard", "robust"}, default "none"
        What numbers are divided by while distances are taken: nothing, their standard deviation or their
        interquartile range, over a sample of the rows of all classes. New rows are in the original units.
    search : {"auto", "exact", "cells"}, default "auto"
        How neighbours are looked for. "auto" is exact up to about 80,000 rows of 30 features (more where rows are
        narrower); beyond, rows are grouped into cells of which only the nearest are looked into, where that saves work:
        see `steelyard.frames.cells.with_cells`.
    recall : float, default 0.95
        By cells, the share of the exact neighbours that is to be found: measured on a sample before anything is made.
    block_mb : int, default 128
        MiB of features in a block of the neighbour search."""

_DISTINCT = """distinct_neighbors : bool, default True
        Equal rows are no neighbours of each other, and count as one neighbour."""

_COUNTED = """distinct_neighbors : bool, default False
        Whether equal rows count as one neighbour, and not at all for themselves. As in imbalanced-learn, they count."""

_PROVENANCE = """provenance : bool, default False
        Add `row_id` to all rows, and `seed_id`, `neighbor_id` and `gap` to the new ones. Costs one shuffle of the
        table."""

_SHARED = {
    "columns": _COLUMNS,
    "over": _OVER,
    "under": _UNDER,
    "clean": _CLEAN,
    "features": _FEATURES,
    "search": _SEARCH,
    "distinct": _DISTINCT,
    "counted": _COUNTED,
    "provenance": _PROVENANCE,
}

Documented = TypeVar("Documented", bound=type)


def documented(cls: Documented) -> Documented:
    """Write into a sampler's docstring, for ``{columns}`` and the like, what samplers have in common."""
    for name, text in _SHARED.items():
        cls.__doc__ = (cls.__doc__ or "").replace(f"{{{name}}}", text)
    return cls
