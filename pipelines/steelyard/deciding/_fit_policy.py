"""Fitting a decision policy on scored validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.dataset import Cost
from steelyard.deciding._alerts import alert_threshold, coarse_note
from steelyard.deciding._auto import Choice, choose_calibrator
from steelyard.deciding._calibrators import Identity
from steelyard.deciding._classes import ClassCalibrators, fit_class_calibrators
from steelyard.deciding._conformal import conformal_threshold
from steelyard.deciding._fit import check_calibration, fit_calibrator, prior
from steelyard.deciding._policy import DecisionPolicy, positive_probability
from steelyard.deciding._rules import ALERTS, CONFORMAL, Rule, check_rule, check_two_classes
from steelyard.deciding._steps import Steps
from steelyard.deciding._threshold import Threshold, choose_threshold, threshold_at
from steelyard.deciding._venn_abers import VENN_ABERS, VennAbers, check_uncertainty, fit_venn_abers
from steelyard.distortion import Distortion
from steelyard.metrics import ScoreTable, score_table

_CHEAPEST = {"minimize": "cost"}
_FREE = {
    "data.cost.false_negative": "no alarm at all",
    "data.cost.false_positive": "an alarm on nearly every row",
}


def fit_policy(
    scored: DataFrame,
    *,
    classes: tuple[str, ...],
    positive: str | None,
    priors: Mapping[str, float],
    distortion: Distortion,
    calibrate: str = "auto",
    threshold: Rule | None = None,
    class_weights: Mapping[str, float] | None = None,
    cost: Cost | None = None,
    time: str | None = None,
    exchangeable: bool = True,
    probabilities: bool = True,
    uncertainty: str = "none",
) -> DecisionPolicy:
    """Return calibration and threshold, fitted on scored validation rows.

    Costs two aggregations, one for checks and one for the scores (two for each class where there are several). `scored`
    is read by each: cache it. Beyond a million distinct scores the calibrated ones are aggregated as well.

    Parameters
    ----------
    scored : DataFrame
        `label` (the class's string form), `probabilities` (array of doubles in the order of `classes`) and, where
        there are any, `weight`, `cost_fn`, `cost_fp` (doubles). For rules on alerts `period` (a whole number) and
        `share` (of the period's rows that these hold); null in rows that do not count. For conformal recall `held`:
        whether training did not use the row; default: true in all.
    classes : tuple of str
    positive : str, optional
        None with more than two classes.
    priors : mapping of str to float
        Shares of the classes among the original training rows.
    distortion : Distortion
        How training changed the class prior.
    calibrate : {"auto", "none", "prior", "temperature", "platt", "beta", "quadratic", "isotonic"}, default "auto"
        A correction that is exact comes first, unless it is "none". After it, "auto" chooses by evidence, see
        `choose_calibrator`; with more than two classes only where no correction is exact.
    threshold : str or mapping, optional
        With two classes, a rule as in `check_rule`. Default: least cost where costs are given, else the greatest F2.
        `minimize: cost` is solved in closed form where both costs are numbers and scores are probabilities, else on
        the rows.
    class_weights : mapping of str to float, optional
        With more than two classes: the weights that training gave them. A calibration undoes them, so that the decision
        applies them again; probabilities that are not calibrated still contain them.
    cost : Cost, optional
        The columns or numbers that `cost_fn` and `cost_fp` hold; it is recorded in the policy.
    time : str, optional
        The time column, for rules on alerts; it is recorded.
    exchangeable : bool, default True
        Whether new rows come from the same distribution; a split by time or by groups suggests that they do not.
    probabilities : bool, default True
        Whether scores can be made probabilities; not where rows were weighted by their costs in training. They are then
        not calibrated, and the default rule is a threshold of 0.5.
    uncertainty : {"none", "venn_abers"}, default "none"
        With two classes: also fit the interval of probabilities of each score, on the rows that `held` names.

    Raises
    ------
    ConfigError
        For an unknown calibration or rule, and for a rule with more than two classes.
    InputError
        If the validation rows are all of one class.

    Examples
    --------
    >>> from pyspark.sql import functions as F
    >>> rows = df.select(
    ...     F.col("is_fraud").cast("string").alias("label"),
    ...     F.array(1 - F.col("x"), F.col("x")).alias("probabilities"),
    ... )
    >>> policy = fit_policy(
    ...     rows, classes=("0", "1"), positive="1", priors={"0": 0.98, "1": 0.02}, distortion=Distortion(),
    ...     threshold={"recall_at_least": 0.8},
    ... )
    >>> policy.calibration.method
    'none'
    """
    if threshold is not None:
        check_rule(threshold, cost=cost)
    check_two_classes(threshold, classes, has_costs=cost is not None and cost.given)
    check_uncertainty(uncertainty, classes)
    of = list(classes) if positive is None else [positive]
    raw = F.col("probabilities")
    tables = [_table(scored, positive_probability(raw, classes, c), c) for c in of]
    if positive is None:
        several = _of_classes(calibrate, tables, classes, distortion)
        weights = dict(class_weights or {}) if several.method != "none" else {}
        known = distortion.kind == "none" or several.method != "none"
        return DecisionPolicy(
            classes, None, several, None, dict(priors), weights, cost or Cost(), probabilities=probabilities and known
        )
    choice = _of_positive(calibrate if probabilities else "none", tables[0], classes, positive, distortion)
    policy = DecisionPolicy(classes, positive, choice.calibrator, None, dict(priors), cost=cost or Cost())
    table = _calibrated(scored, tables[0], policy)
    calibrated = probabilities and (distortion.kind == "none" or policy.calibration.method != "none")
    if not probabilities and threshold is None:
        threshold = {"value": 0.5}
    name, argument = check_rule(threshold) if threshold is not None else ("", {})
    if name == CONFORMAL:
        chosen = _conformal(scored, table, policy, argument, exchangeable=exchangeable)
    elif name == ALERTS:
        chosen = _alerts(scored, table, policy, argument)
    else:
        chosen = _chosen(table, threshold, policy.cost if calibrated else Cost())
    if chosen.rule == _CHEAPEST and (free := policy.cost.free):
        chosen = replace(chosen, note=f"{free} is not given and counts as 0: {_FREE[free]} costs least")
    cheapest = choose_threshold(table, _CHEAPEST).value if table.has_costs else None
    return replace(
        policy,
        chosen=chosen,
        candidates=choice.candidates,
        calibration_note=choice.note,
        probabilities=calibrated,
        cheapest=cheapest,
        time=time if name == ALERTS else None,
        uncertainty=_interval(scored, tables[0], policy) if uncertainty == VENN_ABERS else None,
    )


def _interval(scored: DataFrame, table: ScoreTable, policy: DecisionPolicy) -> VennAbers:
    if "held" not in scored.columns:
        return fit_venn_abers(table)
    score = positive_probability(F.col("probabilities"), policy.classes, policy.positive or "")
    return fit_venn_abers(_table(scored.where("held"), score, policy.positive or ""))


def _conformal(
    scored: DataFrame, table: ScoreTable, policy: DecisionPolicy, asked: Mapping[str, float], *, exchangeable: bool
) -> Threshold:
    held = table
    if "held" in scored.columns:
        raw = policy.calibrated(F.col("probabilities"))
        held = _table(scored.where("held"), raw, policy.positive or "")
    value = conformal_threshold(held, asked["recall"], asked.get("confidence"))
    note = "decide.threshold.conformal_recall: assumes exchangeable rows; the split is by time or by groups"
    return replace(threshold_at(table, value, {CONFORMAL: dict(asked)}), note=None if exchangeable else note)


def _alerts(scored: DataFrame, table: ScoreTable, policy: DecisionPolicy, asked: Mapping[str, Any]) -> Threshold:
    rule = {ALERTS: dict(asked)}
    counted = scored.where(F.col("share").isNotNull())
    coarse = coarse_note(counted, asked)
    if "top" in asked:
        return Threshold(None, rule, {}, coarse)
    rows = counted.select("period", "share", policy.calibrated(F.col("probabilities")).alias("score"))
    value, note = alert_threshold(rows, table, asked)
    return replace(threshold_at(table, value, rule), note=coarse or note)


def _chosen(table: ScoreTable, rule: Rule | None, cost: Cost) -> Threshold:
    """Return the threshold of a rule; `cost` is empty where scores are not probabilities."""
    asked = rule or (_CHEAPEST if table.has_costs else {"maximize": "f2"})
    missed, false = cost.false_negative, cost.false_positive
    if (
        asked == _CHEAPEST
        and isinstance(missed, int | float)
        and isinstance(false, int | float)
        and min(missed, false) > 0
    ):
        return threshold_at(table, false / (false + missed), _CHEAPEST)
    return choose_threshold(table, asked)


def _of_positive(
    method: str, table: ScoreTable, classes: tuple[str, ...], positive: str, distortion: Distortion
) -> Choice:
    """Return the calibration of two classes: what is exact, then the named one or the one with evidence."""
    check_calibration(method)
    if method == "none" or (method == "prior" and not distortion.rates):
        return Choice(Identity())
    rates = {c: distortion.rate(c) for c in classes}
    if method == "prior":
        return Choice(prior(rates, positive))
    first = prior(rates, positive) if distortion.kind == "prior shift" else Identity()
    corrected = table if isinstance(first, Identity) else table.moved(first.apply_numpy(table.score))
    auto = method == "auto"
    choice = choose_calibrator(corrected, exact=distortion.exact) if auto else Choice(fit_calibrator(method, corrected))
    steps = tuple(step for step in (first, choice.calibrator) if not isinstance(step, Identity))
    return replace(choice, calibrator=Steps(steps) if len(steps) > 1 else steps[0] if steps else Identity())


def _of_classes(
    method: str, tables: list[ScoreTable], classes: tuple[str, ...], distortion: Distortion
) -> ClassCalibrators:
    check_calibration(method)
    if method == "auto" and distortion.exact:
        method = "none" if distortion.kind == "none" else "prior"
    if method == "prior" and not distortion.rates:
        method = "none"
    return fit_class_calibrators(method, classes, tables, rates={c: distortion.rate(c) for c in classes})


def _calibrated(scored: DataFrame, table: ScoreTable, policy: DecisionPolicy) -> ScoreTable:
    """Return the table of calibrated scores.

    Spark's own arithmetic calibrates them as it will when rows are decided, to the last digit: once for each distinct
    score, or all rows where the table holds ranges of scores.
    """
    if policy.calibration.method == "none":
        return table
    if not table.exact:
        return _table(scored, policy.calibrated(F.col("probabilities")), policy.positive or "")
    scores = scored.sparkSession.createDataFrame(pa.table({"score": table.low}))
    found = scores.select(policy.calibration.apply(F.col("score")).alias("score")).toArrow()
    return table.moved(found["score"].to_numpy())


def _table(scored: DataFrame, score: Column, positive: str) -> ScoreTable:
    names: dict[str, Any] = {n: F.col(n) for n in ("weight", "cost_fn", "cost_fp") if n in scored.columns}
    return score_table(scored, label=F.col("label"), score=score, positive=positive, **names)
