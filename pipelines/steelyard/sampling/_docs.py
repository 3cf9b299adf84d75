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
        How neighbours are looked for. "auto" is exact up to a million rows or so where rows lie in groups, as those of
        most tables do, and up to 250,000 rows of 30 features where they lie anyhow; beyond, rows are grouped into cells
        of which only the nearest are looked into, where that saves work: see `steelyard.frames.cells.with_cells`.
    recall : float, default 0.95
        By cells, the share of the exact neighbours that is to be found: measured on a sample before anything is made.
    block_mb : int, default 192
        MiB of features in a block of the neighbour search."""

_DISTINCT = """distinct_neighbors : bool, optional
        Whether equal rows are no neighbours of each other, and count as one neighbour. By default they are neighbours
        at distance 0, as in imbalanced-learn, where there are categories, and are not where all features are numbers,
        since new rows between equal rows are copies."""

_COUNTED = """distinct_neighbors : bool, default False
        Whether equal rows count as one neighbour, and not at all for themselves. As in imbalanced-learn, they count."""

_PROVENANCE = """provenance : bool, default False
        Add `row_id` to all rows, and `seed_id`, `neighbor_id` and `gap` to the new ones. Costs one shuffle of the
        table."""

_CLEAN_RANDOM = _CLEAN.replace("\n        Not used: nothing here is random.", "")

_NUMBERS = """categorical_features : list of str, optional
        Features that are categories; strings and booleans by default. Where there are any, they are named in an error:
        this method sees numbers alone.
    missing : {"error", "impute"}, default "error"
        What null and NaN features get: a refusal; or, while the method runs, the median of their class. Rows of the
        table keep their gaps.
    scale : {"none", "standard", "robust"}, default "none"
        What numbers are divided by before the method sees them: nothing, their standard deviation or their
        interquartile range, over a sample of the rows of all classes. New rows are in the original units."""

_SCOPE = """provenance : bool, default False
        Known from the other methods, and False here: imbalanced-learn doesn't tell which rows it makes new ones of.
    scope : {"one_task", "class", "cell"}, default "one_task"
        What one task gets. "one_task": the whole table, and the result is that of imbalanced-learn in one process on
        the rows in the order of their ids. "class": a class that is resampled and the rarest other one, a task for
        each, with random draws of its own: the same for two classes, and otherwise for methods that draw nothing and
        look at one class beside the rarest. "cell": similar rows, around centres found by k-means in a sample: an
        approximation for tables that no task can hold, with the counts that were asked for. Rows are added in cells
        that hold more rows of the class than neighbours are asked for, in proportion to those rows; where
        imbalanced-learn fails in a cell, the others make its rows. Where rows are taken away, all rows of the rarest
        class are looked at in every cell, if they fill no more than half of it, and each cell keeps its share of the
        count; a cell without any other class is not cleaned. The plan's details name the scope and the cells.
    max_rows : int, default 50_000
        Rows that one task may get. More are an error before anything runs; cells are made so that they have fewer.
        50,000 rows of 30 features are 12 MB, and what takes long are rows × rows: imbalanced-learn condenses 10,000
        rows in minutes. Lower it to have smaller cells, done sooner."""

_ENGINE = """Costs three scans of the table (label; features; rows), one more with `scale`, one more where gaps are
    filled, one more for the bounds of 64-bit numbers in new rows; two shuffles of the rows, for their ids and into the
    tasks; one crossing into Python, where each task holds its rows in memory and has one thread. By cells: one scan for
    a sample and one crossing more, and the rows are cached meanwhile; all is run again where cells fail. Where rows are
    dropped, ids are computed anew to apply the result (one shuffle of the table) and joined to those of the dropped
    ones. The result of the tasks is kept on the executors while it is referred to.

    New rows have no known parents: weight, cost, group, time and all other columns are null in them. Whole numbers are
    rounded, and every feature stays within the range of its class in the task."""

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
    "clean_random": _CLEAN_RANDOM,
    "numbers": _NUMBERS,
    "scope": _SCOPE,
    "engine": _ENGINE,
}

Documented = TypeVar("Documented", bound=type)


def documented(cls: Documented) -> Documented:
    """Write into a sampler's docstring, for ``{columns}`` and the like, what samplers have in common."""
    for name, text in _SHARED.items():
        cls.__doc__ = (cls.__doc__ or "").replace(f"{{{name}}}", text)
    return cls
