"""The plain baseline of a compared run: XGBoost on all training rows, nothing weighted, the threshold tuned."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import Classifier, fit_decisions, keeps_half, kept_half
from steelyard.comparing import PLAIN
from steelyard.config import Recipe, TrainConfig
from steelyard.deciding import DecisionPolicy
from steelyard.learning import get_trainer, load_model
from steelyard.metrics import SplitMetrics, lookup
from steelyard.splitting import SPLIT
from steelyard.stages._alerts import validation_shares
from steelyard.stages._context import Context
from steelyard.stages._judging import side_by_side
from steelyard.stages._resolved import resolved
from steelyard.stages._source import dataset, rows_of

MODEL, BASELINE = "model", "baseline"
_GAINS = ("expected_cost", "log_loss", "pr_auc")


def plain_recipe(ctx: Context) -> Recipe | None:
    """Return the plain recipe; None if the run compares nothing, or its own recipe is the plain one."""
    config = resolved(ctx)
    if config.compare is None:
        return None
    given = config.train.model_dump(include={"seed", "num_workers", "fold_models", "device"})
    plain = Recipe(train=TrainConfig(**given), decide=config.decide)
    own = Recipe(resample=config.resample, train=config.train, decide=config.decide)
    return None if own.model_dump() == plain.model_dump() else plain


def fit_baseline(ctx: Context, folder: str) -> None:
    """Write the baseline's model below the folder of the run's own, if there is one."""
    plain = plain_recipe(ctx)
    if plain is None:
        return
    how, data, validation = plain.train, dataset(ctx), rows_of(ctx, "validation")
    if keeps_half(plain):
        validation = validation.where(~kept_half(validation, data))
    trainer = get_trainer(how.model, how.params, num_workers=how.num_workers, seed=how.seed)
    rows = rows_of(ctx, "train")
    trainer.fit(rows, validation, data, original_train=rows, warn=ctx.warn).save(ctx.run, f"{folder}/{BASELINE}")


def decide_baseline(ctx: Context, attempt: str) -> list[str]:
    """Write the baseline's policy, fitted on validation rows; return its path, if there is one."""
    plain = plain_recipe(ctx)
    if plain is None:
        return []
    files, data, rows = ctx.published("train"), dataset(ctx), rows_of(ctx, "validation")
    policy = fit_decisions(
        load_model(files, f"model/{files.attempt}/{BASELINE}"),
        rows,
        data,
        ctx.read("split", "plan.json")["counts"]["train"],
        ctx.config.decide,
        shares=validation_shares(ctx),
        held=kept_half(rows, data) if keeps_half(plain) else None,
        exchangeable=ctx.config.split.method == "stratified",
    )
    path = f"decide/{attempt}/{BASELINE}.json"
    ctx.run.write_json(path, policy.to_json())
    return [path]


def judge_baseline(
    ctx: Context, attempt: str, rows: DataFrame, names: list[Column], classifier: Classifier
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the baseline's metrics on the test rows with the paired gains over it, and the paths of its scores.

    Costs one more scan of the test rows for each of the two models, and three of their narrow scores.
    """
    if plain_recipe(ctx) is None:
        return None, []
    decided = ctx.published("decide")
    file = f"decide/{decided.attempt}/{BASELINE}.json"
    files = ctx.published("train")
    policy = DecisionPolicy.from_json(decided.read_json(file))
    plain = Classifier(load_model(files, f"model/{files.attempt}/{BASELINE}"), policy)
    test, place = rows.where(F.col(SPLIT) == "test"), f"evaluate/{attempt}/{BASELINE}"
    found = side_by_side(ctx, test, names[1:], {BASELINE: plain, MODEL: classifier}, place)
    gains = {name: found[MODEL].gain_over(found[BASELINE], name) for name in _GAINS if _has(found, name, policy)}
    document = {"recipe": PLAIN, "threshold": policy.threshold, "test": found[BASELINE].to_json(), "gain": gains}
    return document, [place]


def _has(found: dict[str, SplitMetrics], name: str, policy: DecisionPolicy) -> bool:
    """Whether both sides have a value of a metric."""
    return all(lookup(of.to_json(), name, policy.positive)["value"] is not None for of in found.values())
