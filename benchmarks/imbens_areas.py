"""PR areas of imbalanced-ensemble's classifiers, for ensembles.py: it needs an old scikit-learn, so it runs by itself.

python -m venv OWN && OWN/bin/pip install pandas pyarrow scikit-learn==1.6.0 imbalanced-ensemble==0.2.3
OWN/bin/python benchmarks/imbens_areas.py DATA benchmarks/results/imbens_areas.json
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from ensemble_tables import TABLES, divided, read
from sklearn.metrics import average_precision_score
from sklearn.tree import DecisionTreeClassifier

SEEDS = 5


def peers(seed: int) -> dict[str, Any]:
    """Return the classifiers by the names that they have in ensembles.py."""
    imbens: Any = importlib.import_module("imbens.ensemble")
    small, deep = DecisionTreeClassifier(max_depth=3), DecisionTreeClassifier(max_depth=10)
    return {
        "smoteboost": imbens.SMOTEBoostClassifier(small, n_estimators=8, random_state=seed),
        "self_paced_ensemble": imbens.SelfPacedEnsembleClassifier(deep, n_estimators=10, random_state=seed),
    }


def main(data: str, out: str) -> None:
    """Write the areas of each classifier, table and seed."""
    found: dict[str, dict[str, list[float]]] = {}
    for table in TABLES:
        x, y = read(Path(data), table)
        for seed in range(SEEDS):
            a, b, ya, yb = divided(x, y, seed)
            for name, peer in peers(seed).items():
                scores = peer.fit(a.to_numpy(), ya).predict_proba(b.to_numpy())[:, 1]
                area = float(average_precision_score(yb, scores))
                found.setdefault(name, {}).setdefault(table, []).append(area)
        print(table, {name: of[table] for name, of in found.items()}, flush=True)
    Path(out).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
