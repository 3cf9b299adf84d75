"""The choices of a pipeline's comparisons, kept for later runs: `STORE/<name>/_choices/<date>_<run_id>.json`.

A later run whose table is alike takes over the latest choice. The date is that of the data, as of accepted profiles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from steelyard.config import RedecideConfig
from steelyard.stages._context import Context
from steelyard.stages._history import STAMP, accepted, data_date, run_of
from steelyard.stages._source import dataset
from steelyard.store import signed, verified

FOLDER = "_choices"


@dataclass(frozen=True)
class Traits:
    """The properties of training rows that a choice depends on.

    Parameters
    ----------
    rows : int
    prevalence : float
        Share of the rarer class.
    difficulty : float, optional
        Share of rare and outlying rows in the rarer class, where `diagnose` has measured it.
    """

    rows: int
    prevalence: float
    difficulty: float | None = None

    @classmethod
    def of(cls, ctx: Context) -> Traits:
        """Return the traits of a run's training rows."""
        counts = ctx.read("split", "plan.json")["counts"]["train"]
        rows, outcome = sum(counts.values()), ctx.run.outcome("diagnose")
        difficulty = None
        if outcome is not None and outcome.done:
            types = ctx.read("diagnose", "difficulty.json")["types"]
            difficulty = types["rare"]["share"] + types["outlier"]["share"]
        return cls(rows, min(counts.values()) / rows, difficulty)


@dataclass(frozen=True)
class Earlier:
    """A choice of an earlier run."""

    run_id: str
    date: str
    traits: Traits
    choice: dict[str, Any]

    @property
    def name(self) -> str:
        """The run in messages."""
        return f"run {self.run_id} (data of {self.date[:10]})"


def changes(before: Traits, now: Traits, bounds: RedecideConfig) -> list[str]:
    """Return what differs beyond the bounds, as text; a difficulty that only one of them knows does not count.

    Examples
    --------
    >>> changes(Traits(1000, 0.05), Traits(900, 0.004), RedecideConfig())
    ['prevalence is 0.004 instead of 0.05, beyond a factor of 2']
    """
    found = []
    for name, bound in (("prevalence", bounds.prevalence), ("rows", bounds.rows)):
        old, new = getattr(before, name), getattr(now, name)
        if max(old, new) > bound * min(old, new):
            verb = "are" if name == "rows" else "is"
            found.append(f"{name} {verb} {new:,.4g} instead of {old:,.4g}, beyond a factor of {bound:g}")
    known = before.difficulty, now.difficulty
    if known[0] is not None and known[1] is not None and abs(known[1] - known[0]) > bounds.difficulty:
        text = f"difficulty is {known[1]:.2f} instead of {known[0]:.2f}"
        found.append(f"{text}, beyond a difference of {bounds.difficulty:g}")
    return found


def keep_choice(ctx: Context, choice: Mapping[str, Any]) -> None:
    """Store a choice for later runs."""
    date, run_id = data_date(ctx), ctx.run.manifest()["run_id"]
    document = {"run_id": run_id, "date": date.isoformat(), "asked": asked(ctx), "traits": asdict(Traits.of(ctx))}
    ctx.run.sibling(FOLDER).write_json(f"{date:{STAMP}}_{run_id}.json", signed({**document, "choice": choice}))


def earlier_choice(ctx: Context) -> Earlier | None:
    """Return the latest choice of another run, of no later data, that answers the same question.

    Files that can't be read, and choices under other settings or from other columns, are left out.
    """
    folder, limit, own = ctx.run.sibling(FOLDER), f"{data_date(ctx):{STAMP}}", ctx.run.manifest()["run_id"]
    for name in reversed(accepted(folder)):
        if run_of(name) == own or name.partition("_")[0] > limit:
            continue
        try:
            found = verified(folder.read_json(name))
            if found["asked"] == asked(ctx):
                return Earlier(found["run_id"], found["date"], Traits(**found["traits"]), found["choice"])
        except (OSError, ValueError, TypeError, LookupError):
            continue
    return None


def asked(ctx: Context) -> str:
    """Return a digest of the settings and columns that a comparison depends on, its table left out."""
    config, data = ctx.config.to_json(), dataset(ctx)
    sections = {name: config[name] for name in ("split", "resample", "train", "decide")}
    compare = config["compare"].items()
    sections["compare"] = {name: of for name, of in compare if name != "redecide" and of is not None}
    columns = [data.label, data.classes, data.features, data.categorical, asdict(data.cost), data.sampling_rate]
    text = json.dumps([sections, columns], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
