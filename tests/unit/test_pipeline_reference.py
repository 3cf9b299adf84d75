"""The page that documents the pipeline YAML is that of the models that check it."""

from __future__ import annotations

import re
from pathlib import Path

from steelyard.config import DESCRIPTIONS, load
from steelyard.stages.commands import reference, schema
from steelyard.stages.commands.reference import EXAMPLES, pipeline_reference

PAGE = Path("docs/pipeline-yaml.md")


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == pipeline_reference(), f"steelyard schema --markdown > {PAGE}"


def test_every_key_is_there() -> None:
    shown = set(re.findall(r"^(?:\| |## )`([\w.]+)`", pipeline_reference(), flags=re.MULTILINE))
    shown |= {re.sub(r"\b[A-Z]{4,}\b", "*", path) for path in shown}
    assert {path for path in DESCRIPTIONS if not path.startswith("compare")} <= shown
    assert {"data.domain.FEATURE.min", "gate.METRIC.min", "compare.candidates.NAME.train"} <= shown


def test_its_examples_are_a_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("\n".join(EXAMPLES.values()))
    assert load(str(file)).score is not None


def test_every_threshold_rule_is_told() -> None:
    told = {re.findall(r"\w+", rule)[0] for rule, _ in reference._RULES}
    assert told == set(schema._rules())
