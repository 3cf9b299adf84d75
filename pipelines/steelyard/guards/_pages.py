"""Data Docs that can be read where there is no network: Great Expectations takes its styles and scripts from one."""

from __future__ import annotations

from pathlib import Path

# In front of all other styles, so that those of Great Expectations win wherever they are reached.
_STYLE = """<style>
body { font-family: system-ui, sans-serif; margin: 1rem; }
table { border-collapse: collapse; }
th, td { border-top: 1px solid #dee2e6; padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; }
.fa-check-circle::before { content: "✓"; color: #28a745; }
.fa-times::before { content: "✗"; color: #dc3545; }
.fa-exclamation-triangle::before { content: "!"; color: #ffc107; }
</style>"""

_INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>
<meta http-equiv="refresh" content="0; url={page}"></head>
<body><a href="{page}">The guard's verdict</a></body></html>
"""


def readable(docs: Path) -> None:
    """Add styles to pages, let `index.html` lead to the one verdict, and delete what no page shows (4 MB of films).

    Parameters
    ----------
    docs : Path
        Data Docs of one validation.
    """
    pages = {page: page.read_text(encoding="utf-8") for page in docs.rglob("*.html")}
    for page, text in pages.items():
        page.write_text(text.replace("<head>", f"<head>\n{_STYLE}", 1), encoding="utf-8")
    [verdict] = (docs / "validations").rglob("*.html")
    (docs / "index.html").write_text(_INDEX.format(page=verdict.relative_to(docs).as_posix()), encoding="utf-8")
    shown = "".join(pages.values())
    for file in (docs / "static").rglob("*.*"):
        if file.name not in shown:
            file.unlink()
