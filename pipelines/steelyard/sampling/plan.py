"""The plan of a resampling, as a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pyspark.sql import DataFrame

from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.hashing import ENCODING_VERSION, Cut

Effect = Literal["none", "random_under", "random_over", "bends"]
"""What a sampler does to the distribution of features within a class.

`random_under` and `random_over` leave it as it was, so that probabilities learned from the result are corrected in
closed form by the change of the class shares; `bends` changes it; `none` changes nothing at all.
"""


@dataclass(frozen=True)
class ClassPlan:
    """The plan for the rows of one class.

    Parameters
    ----------
    before, after : int
        Rows, by exact count.
    keep : {"all", "ids", "kept"} or Cut
        All rows; all except the dropped ids of the plan's `Resampling`; its kept rows; or rows on the low side of a
        cut.
    times : int, default 1
        Number of copies of each kept row.
    again : Cut, optional
        Rows with one more copy.
    new : int, default 0
        Synthetic rows.
    """

    before: int
    after: int
    keep: Cut | Literal["all", "ids", "kept"] = "all"
    times: int = 1
    again: Cut | None = None
    new: int = 0

    @property
    def rate(self) -> float:
        """Rows after over rows before."""
        return self.after / self.before

    @property
    def cut(self) -> Cut | None:
        """The cut that selects rows of the class, if any."""
        return self.keep if isinstance(self.keep, Cut) else self.again

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        again = self.again.to_json() if self.again else None
        return {
            "before": self.before,
            "after": self.after,
            "keep": self.keep.to_json() if isinstance(self.keep, Cut) else self.keep,
            "repeat": {"times": self.times, "again": again} if self.times != 1 or self.again else None,
            "new": self.new,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ClassPlan:
        """Return the object of a document made by `to_json`."""
        keep, repeat = document["keep"], document["repeat"] or {"times": 1, "again": None}
        return cls(
            document["before"],
            document["after"],
            Cut.from_json(keep) if isinstance(keep, Mapping) else keep,
            repeat["times"],
            Cut.from_json(repeat["again"]) if repeat["again"] else None,
            document["new"],
        )


@dataclass(frozen=True)
class Work:
    """The cost of a resampling: planning and applying.

    Parameters
    ----------
    scans : int
        Scans of the table, most of them of few columns.
    shuffles : int
        Shuffles of rows of the resampled classes, without aggregations into small tables.
    python : int
        Crossings into Python.
    distances : int
        Compared pairs of rows.
    tasks : int
        Tasks that compare pairs.
    """

    scans: int = 0
    shuffles: int = 0
    python: int = 0
    distances: int = 0
    tasks: int = 0


@dataclass(frozen=True)
class SamplingPlan:
    """The plan of a sampler for a table: small, readable, and sufficient to repeat the resampling.

    Parameters
    ----------
    sampler : str
        Its snake_case name.
    effect : {"none", "random_under", "random_over", "bends"}
    label : str
        The label column.
    classes : mapping of str to ClassPlan
        By the class's string form.
    identity : tuple of str
        Columns that identify a row.
    seed : int
    params : mapping
        The sampler's parameters, for the record.
    weight : str, optional
        Column of weights that the table has.
    weight_output : str, optional
        Column that gets each row's weight times rows before over rows after of its class.
    offset_output : str, optional
        Column that has each kept row's offset, see `Trainer.fit`.
    replacement : mapping, optional
        Where cuts are of draws with replacement: `slack` of the `Draws`, and whether equal rows are `numbered`.
    provenance : bool
        Whether rows get their ids.
    work : Work
    details : mapping
        Other decisions, such as scales of features.
    """

    sampler: str
    effect: Effect
    label: str
    classes: Mapping[str, ClassPlan]
    identity: tuple[str, ...] = ()
    seed: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    weight: str | None = None
    weight_output: str | None = None
    offset_output: str | None = None
    replacement: Mapping[str, Any] | None = None
    provenance: bool = False
    work: Work = Work()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def purpose(self) -> str:
        """The purpose of this sampler's random numbers, so that they are independent of all others."""
        return f"resample/{self.sampler}"

    @property
    def rates(self) -> dict[str, float]:
        """Rows after over rows before, for each class."""
        return {name: c.rate for name, c in self.classes.items()}

    @property
    def distortion(self) -> Distortion:
        """The change of the class prior; none if weights compensate for it.

        Only random under-sampling is corrected exactly by its rates: boosted trees do not follow repeated rows
        (benchmarks/results/prior_correction.md), and other samplers change the features within a class.
        """
        if self.effect == "none" or self.weight_output is not None:
            return Distortion()
        return Distortion(self.rates, exact=self.effect == "random_under")

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "sampler": self.sampler,
            "effect": self.effect,
            "params": dict(self.params),
            "label": self.label,
            "identity": list(self.identity),
            "seed": self.seed,
            "purpose": self.purpose,
            "encoding": ENCODING_VERSION,
            "weight": self.weight,
            "weight_output": self.weight_output,
            **({} if self.offset_output is None else {"offset_output": self.offset_output}),
            **({} if self.replacement is None else {"replacement": dict(self.replacement)}),
            "provenance": self.provenance,
            "classes": {name: c.to_json() for name, c in self.classes.items()},
            "work": vars(self.work),
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SamplingPlan:
        """Return the object of a document made by `to_json`.

        Raises
        ------
        InputError
            If the plan was made with another encoding of rows, and so refers to other rows.
        """
        if document["encoding"] != ENCODING_VERSION or document["effect"] not in get_args(Effect):
            raise InputError(
                f"the sampling plan has row encoding {document['encoding']!r} and effect {document['effect']!r}, which "
                f"this version (encoding {ENCODING_VERSION}) can't apply; resample again"
            )
        classes = {name: ClassPlan.from_json(c) for name, c in document["classes"].items()}
        given = {k: v for k, v in document.items() if k not in {"purpose", "encoding"}}
        changed = {"classes": classes, "identity": tuple(document["identity"]), "work": Work(**document["work"])}
        return cls(**{**given, **changed})

    def __repr__(self) -> str:
        """Return a table of the classes and a line of costs."""
        head = ("class", "before", "kept", "repeated", "new", "after")
        rows = [(n, *(f"{v:,}" for v in _numbers(c))) for n, c in self.classes.items()]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = ["  ".join(v.rjust(w) for v, w in zip(row, widths, strict=True)) for row in (head, *rows)]
        work = (
            f"{self.work.scans} scans, {self.work.shuffles} shuffles, {self.work.python} Python crossings, "
            f"{self.work.distances:,} distances in {self.work.tasks} tasks"
        )
        return "\n".join([f"{self.sampler} (random_state {self.seed})", *lines, work])


def _numbers(c: ClassPlan) -> tuple[int, int, int, int, int]:
    kept = c.keep.count if isinstance(c.keep, Cut) else min(c.before, c.after - c.new)
    return c.before, kept, c.after - kept - c.new, c.new, c.after


@dataclass(frozen=True)
class Resampling:
    """A plan with its new rows and dropped ids.

    Parameters
    ----------
    plan : SamplingPlan
    synthetic : DataFrame, optional
        The new rows, with all columns of the table and `is_synthetic`.
    dropped : DataFrame, optional
        ``row_id`` of rows that are not kept, where the plan says so.
    kept : DataFrame, optional
        The kept rows with their offsets, where the plan says so.
    """

    plan: SamplingPlan
    synthetic: DataFrame | None = None
    dropped: DataFrame | None = None
    kept: DataFrame | None = None

    @property
    def tables(self) -> tuple[DataFrame | None, DataFrame | None, DataFrame | None]:
        """The tables that `apply_plan` takes after the plan, in its order."""
        return self.synthetic, self.dropped, self.kept
