"""Stage `report`: one HTML file of all that the run has published, also of a run that failed."""

from __future__ import annotations

from steelyard.report import build
from steelyard.stages._context import Context, Result


def run(ctx: Context, attempt: str) -> Result:
    """Write `report.html`."""
    ctx.run.write_text("report.html", build(ctx.run))
    return Result(["report.html"], details={"report": ctx.run.uri("report.html")})
