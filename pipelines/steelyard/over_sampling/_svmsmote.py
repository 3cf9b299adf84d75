"""SMOTE along the border that a support vector machine draws."""

from __future__ import annotations

from typing import Any

from steelyard.params import NEIGHBORS, Parameter, from_zero_to_one, param
from steelyard.sampling.engine.base import EngineSampler
from steelyard.sampling.params import HasMaxNewRows, scikit_learn_object


class SVMSMOTE(HasMaxNewRows, EngineSampler):
    """SMOTE from support vectors [1]_: inwards where the other class is near, outwards elsewhere.

    The seeds are the support vectors of a class. Seeds whose `m_neighbors` nearest rows are mostly of other classes get
    new rows towards neighbours, the others get new rows beyond themselves, and seeds surrounded by other classes get
    none. Runs imbalanced-learn's own code on rows ordered by id: the rows are those that it makes in one process,
    except that features beyond the range of their class are clipped. (If all seeds are of one kind, imbalanced-learn
    makes only a random part of the requested rows; it is then asked for more.)

    scikit-learn's SVC derives its kernel width from the variance of all features together: use `scale="standard"` if
    features have different units.

    Costs what `steelyard.sampling.ImblearnSampler` costs; its notes on features and new rows apply here too.

    References
    ----------
    .. [1] Nguyen, Cooper, Kamei, "Borderline over-sampling for imbalanced data classification", IJKESDP 3, 2011.

    Examples
    --------
    >>> resampled = SVMSMOTE(label_col="is_fraud", sampling_strategy=0.1).fit_resample(df)
    """

    name = "svmsmote"
    sampling_type = "over-sampling"
    neighbors = "k_neighbors"

    k_neighbors: Parameter[int] = param(
        "number of nearest rows of its class with which a row is paired", NEIGHBORS, default=5
    )
    m_neighbors: Parameter[int] = param(
        "number of nearest rows of any class that decide whether a row is in danger", NEIGHBORS, default=10
    )
    svm_estimator: Parameter[Any] = param(
        "in place of scikit-learn's SVC, a classifier that finds support_, whose random_state is set where it is None. "
        "A sampler with an object can't be saved",
        scikit_learn_object("fit"),
        default=None,
    )
    out_step: Parameter[float] = param(
        "maximum distance of new rows beyond a row, as a share of the distance to its neighbour",
        from_zero_to_one,
        default=0.5,
    )

    def _wrapped(self) -> Any:
        from imblearn.over_sampling import SVMSMOTE

        return SVMSMOTE(**self._given("k_neighbors", "m_neighbors", "svm_estimator", "out_step"))
