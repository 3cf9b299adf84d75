"""What the terminal shows of words that look like markup, and of an explanation without importances."""

from __future__ import annotations

import pytest

from steelyard.cli._explain import _show
from steelyard.cli._output import table
from steelyard.explaining._importances import NEEDS


def test_labels_that_look_like_markup_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "[/bold] it's <b>"
    table(f"class {nasty}", ["class", nasty], [[nasty, "1"]])
    assert capsys.readouterr().out.count(nasty) == 3


def test_an_explanation_without_importances_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    none = {"method": None, "rows": {}, "features": [], "note": NEEDS}
    _show({"importances": none, "slices": [], "mistakes": None, "mistakes_file": "m.json"})
    said = capsys.readouterr().out
    assert "single rows are explained for two classes" in said and "0 missed" not in said
    assert "importances need explain.rows above 0, and at most 20 classes" in said and "None" not in said
