"""The first and the last day of new rows: where the k highest scores of a day are alerts, these may be incomplete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from steelyard.classifier import alert_period
from steelyard.deciding import DecisionPolicy

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY = timedelta(days=-3)


class PeriodEnds:
    """Notes the first and the last period while rows are scored. Costs no scan."""

    def __init__(self, policy: DecisionPolicy) -> None:
        self._policy = policy
        self._seen: Observation | None = None

    def observed(self, df: DataFrame) -> DataFrame:
        """Return the rows, whose periods are noted when they are written."""
        rule, time = self._policy.alerts, self._policy.time
        if rule is None or time is None or "top" not in rule or time not in df.columns:
            return df
        self._seen = Observation("periods")
        period = alert_period(df, time, rule["per"])
        return df.observe(self._seen, F.min(period).alias("first"), F.max(period).alias("last"))

    @property
    def names(self) -> list[str]:
        """The starts of the first and the last period, in UTC."""
        rule = self._policy.alerts
        if self._seen is None or rule is None:
            return []
        found = self._seen.get
        ends = dict.fromkeys(n for n in (found["first"], found["last"]) if n is not None)
        return [_name(n, rule["per"]) for n in ends]

    def notes(self) -> list[str]:
        """Return a sentence on them."""
        rule = self._policy.alerts
        if rule is None or not self.names:
            return []
        where = " and ".join(self.names)
        return [f"alerts are the {rule['top']} highest scores of each {rule['per']}: {where} may be incomplete"]


def _name(period: int, per: str) -> str:
    start = _START + period * _LENGTHS[per] + (_MONDAY if per == "week" else timedelta())
    return start.strftime("%Y-%m-%d %H:00" if per == "hour" else "%Y-%m-%d")
