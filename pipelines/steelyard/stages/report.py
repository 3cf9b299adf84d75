"""Stage `report`: one HTML file of all that the run has published, and a model card, also of a run that failed."""

from __future__ import annotations

from steelyard.report import CARD, build, write_card
from steelyard.stages._context import Context, Result


def run(ctx: Context, attempt: str) -> Result:
    """Write `report.html` and the model card."""
    ctx.run.write_text("report.html", build(ctx.run))
    write_card(ctx.run)
    return Result(["report.html", *CARD], details={"report": ctx.run.uri("report.html")})
