"""Stage `explain`: importances, mistakes and weak slices on the test rows."""

from __future__ import annotations

from pyspark.sql import functions as F

from steelyard.classifier import Classifier
from steelyard.explaining import importances, mistakes, stability, weak_slices
from steelyard.splitting import SPLIT
from steelyard.stages._alerts import with_shares
from steelyard.stages._context import Context, Result
from steelyard.stages._fold_scores import fold_models
from steelyard.stages._model import saved_classifier
from steelyard.stages._source import dataset, split_rows

_SHOWN = 3


def run(ctx: Context, attempt: str) -> Result:
    """Write `explanation.json` (importances, their stability, slices) and `mistakes.json`.

    Costs about seven scans of the test rows, four of them with scoring: three for mistakes and one for slices; and one
    more where there are fold models.
    """
    data, classifier = dataset(ctx), saved_classifier(ctx.run)
    test = split_rows(ctx).where(F.col(SPLIT) == "test")
    rows, wanted = with_shares(ctx, test, classifier.policy).drop(SPLIT), ctx.config.explain
    assert wanted is not None
    features = None if wanted.slices == "auto" else wanted.slices
    slices = weak_slices(classifier.transform(rows), data, features=features)
    wrong = mistakes(classifier, rows, data, rows=wanted.rows)
    counts = {kind: sum(m["kind"] == kind for m in wrong) for kind in ("missed", "false_alarm")}
    looked = classifier.policy.positive is not None and wanted.rows > 0  # 0 mistakes would be another statement
    folds = [Classifier(model, classifier.policy) for model in fold_models(ctx)]
    found = {
        "importances": importances(classifier, rows, data, rows=wanted.rows),
        "stability": stability(folds, rows, data, rows=wanted.rows),
        "slices": [of.to_json() for of in slices],
        "mistakes": counts if looked else None,
    }
    files = [f"explain/{attempt}/{name}.json" for name in ("explanation", "mistakes")]
    ctx.run.write_json(files[0], found)
    ctx.run.write_json(files[1], wrong)
    words = [
        f"decisions are worse where {of} ({of.rows:,} rows, error {of.error:.2g} if each class weighs the same)"
        for of in slices[:_SHOWN]
    ]
    return Result(files, details={"slices": len(slices), **(counts if looked else {}), "messages": words})
