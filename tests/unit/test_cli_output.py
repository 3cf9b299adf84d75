"""What the terminal shows of words that look like markup."""

from __future__ import annotations

import pytest

from steelyard.cli._output import table


def test_labels_that_look_like_markup_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "[/bold] it's <b>"
    table(f"class {nasty}", ["class", nasty], [[nasty, "1"]])
    assert capsys.readouterr().out.count(nasty) == 3
