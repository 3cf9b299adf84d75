"""A model with the policy that turns its probabilities into decisions."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard import __version__
from steelyard.classifier._rules import PERIOD, SHARE, alert_period
from steelyard.columns import check_free, col, require_columns
from steelyard.deciding import PER_ROW_COST, DecisionPolicy
from steelyard.errors import InputError
from steelyard.learning import Model, load_model
from steelyard.splitting import SPLIT
from steelyard.store import Store

FORMAT = 1
_MARK = "classifier.json"


@dataclass(frozen=True)
class Classifier:
    """A fitted classifier: it scores raw rows, without a run directory.

    `fit` makes one, `load` reads one.

    Parameters
    ----------
    model : Model
        Features, preprocessing and the trained model.
    policy : DecisionPolicy
        Calibration and threshold.
    """

    model: Model
    policy: DecisionPolicy

    @property
    def classes(self) -> tuple[str, ...]:
        """String forms of the classes, in the order of the probabilities."""
        return self.policy.classes

    def transform(
        self,
        df: DataFrame,
        *,
        probability: str = "probability",
        calibrated: str = "calibrated_probability",
        decision: str = "decision",
        low: str = "probability_low",
        high: str = "probability_high",
    ) -> DataFrame:
        """Add probabilities and decisions to raw rows. Nothing runs yet; nothing is resampled.

        Costs one pass over the rows, and for XGBoost one crossing into Python.

        Parameters
        ----------
        df : DataFrame
            With the features that the model was fitted on, and the columns that the policy reads. A label is not
            needed.
        probability : str, default "probability"
            Name of the column of the model's own probabilities: an array of doubles in the order of `classes`.
        calibrated : str, default "calibrated_probability"
            The calibrated probability of the positive class (double); with more than two classes, a map from class to
            calibrated probability.
        decision : str, default "decision"
            The decided class, in string form.
        low, high : str, default "probability_low", "probability_high"
            The ends of the interval of the positive class's probability (double): only with `decide.uncertainty`. The
            wider it is, the fewer validation rows have similar scores.

        Raises
        ------
        InputError
            If a feature is missing or of another kind than it was, if `df` has such a column already, or if two of the
            names are the same.
        """
        ends = [] if self.policy.uncertainty is None else [low, high]
        check_free(df.columns, [probability, calibrated, decision, *ends], "transform")
        if self.policy.chosen is not None and self.policy.chosen.rule == PER_ROW_COST:
            require_columns(df, self.policy.columns, f"cost column (decide.threshold is {PER_ROW_COST})")
        periods = self._periods(df)
        rows = self.model.predict(df, probability)
        rows = rows.withColumn(calibrated, self.policy.calibrated(col(probability)))
        rows = rows.withColumn(decision, self.policy.decide(col(calibrated), **periods))
        interval = self.policy.interval(col(probability))
        return rows if interval is None else rows.withColumns(dict(zip(ends, interval, strict=True)))

    def _periods(self, df: DataFrame) -> dict[str, Column]:
        """Return what the rule on the highest scores of a period reads of each row; nothing with other rules."""
        rule, time = self.policy.alerts, self.policy.time
        if rule is None or time is None or self.policy.top is None:
            return {}
        if SHARE not in df.columns:
            return {"period": alert_period(df, time, rule["per"])}
        part = {"part": F.col(SPLIT)} if SPLIT in df.columns else {}
        return {"period": F.col(PERIOD), "share": F.col(SHARE), **part}

    def save(self, path: str, *, overwrite: bool = False) -> None:
        """Write the classifier into a folder: JSON and the training library's own format, no pickle.

        `classifier.json` holds the SHA-256 of the other files, which `load` verifies.

        Parameters
        ----------
        path : str
            A local path, or a URI that `pyarrow.fs` writes to.
        overwrite : bool, default False
            Replace a classifier that is there.

        Raises
        ------
        InputError
            If something is there that is not to be overwritten, or is not a classifier.
        """
        place = Store(path).here()
        if place.exists("") and not (overwrite and place.exists(_MARK)):
            what = "exists already; give overwrite=True" if place.exists(_MARK) else "exists and is not a classifier"
            raise InputError(f"{path} {what}")
        with place.written_whole(_MARK) as made:
            self.model.save(made, "model")
            made.write_json("policy.json", self.policy.to_json())
            files = [made.describe(name) for name in made.files()]
            made.write_json(_MARK, {"format": FORMAT, "steelyard": __version__, "files": files})

    @classmethod
    def load(cls, path: str) -> Classifier:
        """Return the classifier that `save` wrote.

        Raises
        ------
        InputError
            If there is none, a file of it is missing or changed, or this version does not know its format.
        """
        place = Store(path).here()
        if not place.exists(_MARK):
            raise InputError(f"{path} holds no classifier: it has no {_MARK}")
        try:
            document = place.read_json(_MARK)
        except ValueError as error:
            raise InputError(f"{path}/{_MARK} is damaged: {error}") from None
        files = document.get("files", []) if isinstance(document, dict) else None
        if not isinstance(files, list) or not all(isinstance(file, dict) and "path" in file for file in files):
            raise InputError(f"{path}/{_MARK} is damaged: it does not list the files of a classifier")
        if document.get("format") != FORMAT:
            found = document.get("format")
            raise InputError(f"{path}/{_MARK} is of format {found!r}; this version of steelyard reads {FORMAT}")
        for file in files:
            if not place.exists(file["path"]) or place.describe(file["path"]) != file:
                raise InputError(f"{path}/{file['path']} is missing or has changed since the classifier was saved")
        return cls(load_model(place, "model"), DecisionPolicy.from_json(place.read_json("policy.json")))
