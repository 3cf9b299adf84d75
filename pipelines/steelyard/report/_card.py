"""The model card of a run, as Markdown and as HTML."""

from __future__ import annotations

from importlib import resources

from markupsafe import Markup

from steelyard import __version__
from steelyard.report._card_parts import card_parts
from steelyard.report._files import CARD
from steelyard.report._html import table
from steelyard.report._svg import group, tag
from steelyard.store import RunDir


def markdown_card(run: RunDir) -> str:
    """Return the model card as Markdown."""
    lines = [f"# Model card: {_md(_heading(run))}", ""]
    for part in card_parts(run):
        lines += [f"## {part.title}", ""]
        if part.facts:
            lines += ["| | value | source |", "| --- | --- | --- |"]
            lines += [f"| {_md(f.name)} | {_md(f.value)} | `{f.source.replace('|', '&#124;')}` |" for f in part.facts]
            lines.append("")
        lines += [*(f"- {_md(text)}" for text in part.remarks), *([""] if part.remarks else [])]
    return "\n".join([*lines, f"Made by steelyard {__version__} from the files of the run directory.", ""])


def html_card(run: RunDir) -> str:
    """Return the model card as one HTML file."""
    body = [tag("header", group(tag("p", "steelyard model card", class_="kicker"), tag("h1", _heading(run))))]
    for part in card_parts(run):
        rows = [[f.name, f.value, tag("code", f.source)] for f in part.facts]
        shown = table(["", "value", "source"], rows, "www") if rows else ""
        remarks = tag("ul", group(*(tag("li", text) for text in part.remarks))) if part.remarks else ""
        body.append(tag("section", group(tag("h2", part.title), shown, remarks)))
    style = Markup((resources.files(__package__) / "templates" / "report.css").read_text(encoding="utf-8"))
    title = tag("title", f"Model card: {_heading(run)}")
    head = group(Markup('<meta charset="utf-8">'), title, tag("style", style))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>{group(*body)}</main></body></html>\n'


def write_card(run: RunDir) -> None:
    """Write the model card into the run directory, as Markdown and as HTML."""
    for name, text in zip(CARD, (markdown_card(run), html_card(run)), strict=True):
        run.write_text(name, text)


def _heading(run: RunDir) -> str:
    manifest = run.manifest()
    return f"{manifest.get('pipeline')}, run {manifest.get('run_id')}"


def _md(text: str) -> str:
    """Return text that Markdown and HTML show as it is, in one cell of a table."""
    for mark, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("\n", " ")):
        text = text.replace(mark, shown)
    for mark in "\\`*_[]":
        text = text.replace(mark, f"\\{mark}")
    return text
