"""One-sided selection."""

from __future__ import annotations

from typing import Any

from steelyard.under_sampling._condensed_nearest_neighbour import Condensing


class OneSidedSelection(Condensing):
    """Keep what a few rows of a class would get wrong, then drop the rows of it in Tomek links [1]_.

    All rows of the rarest class and a few of another are kept at first; of the other's rows those that are nearest to
    a rare one are kept as well. imbalanced-learn's own code, on rows in the order of their ids: the rows that it keeps
    in one process.

    Costs what `steelyard.sampling.ImblearnSampler` costs; what it says about features and new rows holds here too.

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
