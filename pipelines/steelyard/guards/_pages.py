"""Remove network access from Data Docs: Great Expectations loads styles, scripts and its logo from a network."""

from __future__ import annotations

import re
from pathlib import Path

# Scripts depend on libraries from the network, so they would only fail.
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)
_REMOTE_TAG = re.compile(r"<(?:link|img|iframe|source)\b[^>]*=\s*[\"']?(?:https?:)?//[^>]*>", re.IGNORECASE)
_REMOTE_URL = re.compile(r"@import[^;]*//[^;]*;|url\(\s*[\"']?(?:https?:)?//[^)]*\)", re.IGNORECASE)
# The browser must not load what the patterns miss either.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'self' 'unsafe-inline' file:; img-src 'self' data: file:; font-src 'self' data: file:\">"
)

# Before all other styles, so that those of Great Expectations take precedence if they are found.
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
    """Remove network access, add styles, and delete files that no page shows (4 MB of videos).

    `index.html` redirects to the page of the verdict.

    Parameters
    ----------
    docs : Path
        Data Docs of one validation.
    """
    pages = {page: _offline(page.read_text(encoding="utf-8")) for page in docs.rglob("*.html")}
    for page, text in pages.items():
        page.write_text(text.replace("<head>", f"<head>\n{_POLICY}\n{_STYLE}", 1), encoding="utf-8")
    for style in docs.rglob("*.css"):
        style.write_text(_REMOTE_URL.sub("none", style.read_text(encoding="utf-8")), encoding="utf-8")
    [verdict] = (docs / "validations").rglob("*.html")
    (docs / "index.html").write_text(_INDEX.format(page=verdict.relative_to(docs).as_posix()), encoding="utf-8")
    shown = "".join(pages.values())
    for file in (docs / "static").rglob("*.*"):
        if file.name not in shown:
            file.unlink()


def _offline(page: str) -> str:
    return _REMOTE_URL.sub("none", _REMOTE_TAG.sub("", _SCRIPT.sub("", page)))
