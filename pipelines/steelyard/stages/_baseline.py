"""The model that a run is measured against on its test rows.

Of a compared run it is the plain one: XGBoost on all training rows, nothing weighted, the threshold tuned. Of a run
with transfer it is the same recipe without it.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from steelyard.stages._fold_scores import fold_scores
from steelyard.stages._judging import side_by_side
from steelyard.stages._resolved import resolved
from steelyard.stages._source import dataset, rows_of
from steelyard.stages._training import stopping_rows

MODEL, BASELINE, NO_TRANSFER = "model", "baseline", "no_transfer"
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


def baseline_recipe(ctx: Context) -> tuple[str, Recipe] | None:
    """Return the baseline's name and recipe; None if there is none."""
    config = ctx.config
    if config.train.transfer is None:
        plain = plain_recipe(ctx)
        return None if plain is None else (PLAIN, plain)
    how = config.train.model_copy(update={"transfer": None})
    return NO_TRANSFER, Recipe(resample=config.resample, train=how, decide=config.decide)


def fit_plain(ctx: Context, folder: str) -> None:
    """Write the model of the plain baseline below the folder of the run's own, if there is one."""
    plain = plain_recipe(ctx)
    if plain is None:
        return
    how, rows, stopping = plain.train, rows_of(ctx, "train"), stopping_rows(ctx, plain)
    model = get_trainer(how.model, how.params, num_workers=how.num_workers, seed=how.seed).fit(
        rows,
        stopping.rows,
        dataset(ctx),
        original_train=rows,
        counts=ctx.read("split", "plan.json")["counts"]["train"],
        validation_rows=stopping.number,
        warn=ctx.warn,
    )
    model.save(ctx.run, f"{folder}/{BASELINE}")


def decide_baseline(ctx: Context, attempt: str) -> list[str]:
    """Write the baseline's policy, fitted on validation rows; return its path, if there is one."""
    found = baseline_recipe(ctx)
    if found is None:
        return []
    _, recipe = found
    files, data, rows = ctx.published("train"), dataset(ctx), rows_of(ctx, "validation")
    policy = fit_decisions(
        load_model(files, f"model/{files.attempt}/{BASELINE}"),
        rows,
        data,
        ctx.read("split", "plan.json")["counts"]["train"],
        ctx.config.decide,
        shares=validation_shares(ctx),
        held=kept_half(rows, data) if keeps_half(recipe) else None,
        exchangeable=ctx.config.split.method == "stratified",
        probabilities=not recipe.train.cost_weights,
        unseen=fold_scores(ctx, BASELINE),
        train=rows_of(ctx, "train"),
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
    recipe = baseline_recipe(ctx)
    if recipe is None:
        return None, []
    decided = ctx.published("decide")
    file = f"decide/{decided.attempt}/{BASELINE}.json"
    files = ctx.published("train")
    policy = DecisionPolicy.from_json(decided.read_json(file))
    plain = Classifier(load_model(files, f"model/{files.attempt}/{BASELINE}"), policy)
    test, place = rows.where(F.col(SPLIT) == "test"), f"evaluate/{attempt}/{BASELINE}"
    found = side_by_side(ctx, test, names[1:], {BASELINE: plain, MODEL: classifier}, place)
    gains = {name: found[MODEL].gain_over(found[BASELINE], name) for name in _GAINS if _has(found, name, policy)}
    document = {"recipe": recipe[0], "threshold": policy.threshold, "test": found[BASELINE].to_json(), "gain": gains}
    return document, [place]


def transfer_document(ctx: Context, gains: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return facts about the transfer with its verdict: "gains", "harms" or "no gain shown"; None without transfer.

    The 95 % interval of the paired gain decides: in costs where they are given, else in PR area.
    """
    outcome = ctx.run.outcome("train")
    if outcome is None or "transfer" not in outcome.details:
        return None
    metric = "expected_cost" if "expected_cost" in gains else "pr_auc"
    low, high = (gains.get(metric) or {}).get("ci95") or (0.0, 0.0)
    verdict = "gains" if low > 0 else "harms" if high < 0 else "no gain shown"
    return {**outcome.details["transfer"], "metric": metric, "verdict": verdict}


def _has(found: dict[str, SplitMetrics], name: str, policy: DecisionPolicy) -> bool:
    """Whether both sides have a value of a metric."""
    return all(lookup(of.to_json(), name, policy.positive)["value"] is not None for of in found.values())
