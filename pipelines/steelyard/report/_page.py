"""From a run directory to one page."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from steelyard import __version__
from steelyard.report import _comparison, _confusion, _curves, _difficulty, _inputs, _metrics
from steelyard.report._artifacts import Artifacts, read
from steelyard.report._explanation import explanation
from steelyard.report._html import Section
from steelyard.report._numbers import moment
from steelyard.report._slices import slices
from steelyard.report._verdict import Verdict, judge
from steelyard.store import RunDir

# In the order of the page, with what it is called where it is missing.
_SECTIONS: tuple[tuple[str, Callable[[Artifacts], Section | None]], ...] = (
    ("metrics", _metrics.metrics),
    ("curves", _curves.curves),
    ("decisions", _confusion.decisions),
    ("probabilities", _curves.probabilities),
    ("metrics of each class", _metrics.classes),
    ("slices", slices),
    ("explanation", explanation),
    ("classes", _inputs.classes),
    ("splits", _inputs.splits),
    ("comparison", _comparison.comparison),
    ("difficulty", _difficulty.difficulty),
    ("guards", _inputs.guards),
    ("features", _inputs.features),
    ("configuration", _inputs.configuration),
    ("run", _inputs.facts),
)

# With the keys of the YAML that they need.
_OPTIONAL = {"comparison": ("compare",), "explanation": ("explain",), "slices": ("data", "slices")}


def build(run: RunDir) -> str:
    """Return the report of a run as one HTML file, also of a run that has failed or isn't finished.

    Parameters
    ----------
    run : RunDir
        Only files of this directory are read, and the history of promotions next to it.

    Returns
    -------
    str
        A page that loads nothing, runs no script, and prints.
    """
    found = read(run)
    made = {name: make(found) for name, make in _SECTIONS}
    missing = [name for name, section in made.items() if section is None and _is_expected(name, found)]
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(_file("report.html.j2")).render(
        pipeline=found.manifest.get("pipeline"),
        run_id=found.manifest.get("run_id"),
        created=moment(found.manifest.get("created")),
        version=__version__,
        style=Markup(_file("report.css")),
        verdict=judge(found),
        sections=[s for s in made.values() if s is not None],
        missing=missing,
    )


def _is_expected(name: str, found: Artifacts) -> bool:
    """Whether a run has this section when all its stages are done."""
    if name not in _OPTIONAL:
        return True
    at = found.manifest.get("config", {})
    for key in _OPTIONAL[name]:
        at = (at or {}).get(key)
    return at not in (None, [])


def verdict(run: RunDir) -> str:
    """Return the result of a run in a few lines of plain text."""
    return str(judged(run))


def judged(run: RunDir) -> Verdict:
    """Return the result of a run: a headline and points, each with its tone."""
    return judge(read(run))


def _file(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")
