"""One-sided selection."""

from __future__ import annotations

from typing import Any

from steelyard.under_sampling._condensed_nearest_neighbour import Condensing


class OneSidedSelection(Condensing):
    """Keep the rows that a few rows of their class misclassify, then drop those in Tomek links [1]_.

    At first, all rows of the rarest class and a few rows of another class are kept; rows of that class that are nearest
    to a row of the rarest class are kept too. Runs imbalanced-learn's own code on rows ordered by id: the rows are
    those that it keeps in one process.

    Costs what `steelyard.sampling.ImblearnSampler` costs; its notes on features and new rows apply here too.

    imbalanced-learn's `n_jobs` has no counterpart: a task has one thread.

    References
    ----------
    .. [1] Kubat, Matwin, "Addressing the curse of imbalanced training sets: one-sided selection", ICML 1997.

    Examples
    --------
    >>> resampled = OneSidedSelection(label_col="is_fraud").fit_resample(df)
    """

    name = "one_sided_selection"

    def _wrapped(self) -> Any:
        from imblearn.under_sampling import OneSidedSelection

        return OneSidedSelection(**self._given("n_neighbors", "n_seeds_S"))
