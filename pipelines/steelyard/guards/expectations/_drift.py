"""The expectation on a label distribution against a reference."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from great_expectations.compatibility import pydantic
from great_expectations.core.suite_parameters import is_suite_parameter

from steelyard.errors import InputError
from steelyard.guards._needs import CELLS, Needs, cells
from steelyard.guards._verdict import Verdict, more, number, percent, plural
from steelyard.guards.expectations._base import LabelExpectation, Parameter
from steelyard.kernels.drift import jensen_shannon, psi, share_ratio_intervals

Counts = Mapping[str, int]
Rows = Sequence[Mapping[str, Any]]
_DISTANCES = {"psi": "PSI", "js": "Jensen-Shannon distance"}


@dataclass(frozen=True)
class Part:
    """A distribution and its reference: of the whole table, or of a slice."""

    name: str | None
    now: Counts
    before: Counts

    @property
    def sizes(self) -> tuple[int, int]:
        """Rows now, and in the reference."""
        return sum(self.now.values()), sum(self.before.values())

    @property
    def classes(self) -> list[str]:
        """Classes of either, the largest first."""
        return sorted({*self.now, *self.before}, key=lambda c: (-self.before.get(c, 0), -self.now.get(c, 0), c))

    @property
    def counts(self) -> tuple[list[int], list[int]]:
        """Rows of each class now, and in the reference."""
        now, before = ([of.get(c, 0) for c in self.classes] for of in (self.now, self.before))
        return now, before


class ExpectLabelDistributionToMatch(LabelExpectation):
    """Expect the classes to have the shares that they have in a reference.

    Each measure is judged if its maximum is given. PSI and Jensen-Shannon distance weight a class by its share, so they
    hardly change if a class of 0.1 % vanishes; `max_change` concerns each class by itself. A class fails only if the
    whole exact interval of the ratio of its shares (`steelyard.kernels.drift`) is outside
    `[1 - max_change, 1 + max_change]`: the change is both significant and larger than tolerated.

    Parameters
    ----------
    column : str
        The label.
    reference : dict of str to int
        Rows by class; or by slice and class, where the whole is the sum of the slices.
    max_psi : float, optional
        Population stability index; custom calls 0.1 a small shift, 0.25 a large one.
    max_js : float, optional
        Jensen-Shannon distance, 0 to 1.
    max_change : float, optional
        Tolerated relative change of a class's share, 0 to 1.
    max_increase : float, optional
        Tolerated relative increase, if it differs from `max_change`.
    confidence : float, default 0.99
        Of all intervals together: each has 1 - (1 - confidence) / (classes × slices).
    min_rows : int, default 1000
        PSI and Jensen-Shannon distance are not judged in fewer rows, now or in the reference: they are mostly noise.
    slice_column : str, optional
        Judge within each of its values (null is one), against the reference's slice of that name, else against the
        whole reference. A slice that is gone is not judged.
    max_slices : int, default 1000
    reference_name : str, optional
        The name of the reference in messages.
    """

    reference: dict[str, int | dict[str, int]] | Parameter
    max_psi: float | Parameter | None = None
    max_js: float | Parameter | None = None
    max_change: float | Parameter | None = None
    max_increase: float | Parameter | None = None
    confidence: float | Parameter = 0.99
    min_rows: int | Parameter = 1000
    slice_column: str | Parameter | None = None
    max_slices: int | Parameter = 1000
    reference_name: str | Parameter = "the reference"

    @pydantic.validator("max_change", "confidence")
    def _in_the_unit_interval(cls, value: Any) -> Any:  # noqa: N805  # pydantic passes the class
        if isinstance(value, int | float) and not 0 <= value <= 1:
            raise ValueError(f"must be between 0 and 1. Got {value} instead.")
        return value

    @pydantic.validator("reference")
    def _is_counts(cls, value: Any) -> Any:  # noqa: N805
        if not is_suite_parameter(value) and not value:
            raise ValueError("must hold the rows of each class. Got none instead.")
        return value

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        words = {
            "max_psi": "a PSI of at most $max_psi",
            "max_js": "a Jensen-Shannon distance of at most $max_js",
            "max_change": "no class's share changed by more than $max_change of it (interval with $confidence)",
            "max_increase": "or grown by more than $max_increase of it",
        }
        judged = ", ".join(text for name, text in words.items() if fields[name] is not None) or "any shares"
        where = " in each slice by $slice_column" if fields["slice_column"] else ""
        return f"The classes of $column must have{where}, against $reference_name, {judged}."

    def needs(self) -> Needs:
        roles = {"label": self.column, "split": self.split_column, "synthetic": self.synthetic_column}
        return cells(**roles, slice=self.slice_column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        parts = [p for p in self._parts(metrics) if all(p.sizes)]
        names = ("psi", "js", "change", "increase")
        limits = {n: value for n in names if (value := getattr(self, f"max_{n}")) is not None}
        expected = {**limits, "confidence": self.confidence}
        if not parts:
            message = f"column {self.column!r} or {self.reference_name} has no label"
            rows_now = sum(self._counts(metrics).by_class.values())
            return Verdict(False, message, {"rows": rows_now}, expected)
        distances = [self._distances(p) for p in parts]
        rows = self._changes(parts) if self.max_change is not None else []
        apart = [d for d in distances if d["wrong"]]
        wrong = [r for r in rows if r.pop("wrong")]
        largest = {k: max(d[k] for d in distances) for k in _DISTANCES}
        if apart or wrong:
            message = self._failure(apart, wrong, len(parts))
        else:
            message = self._success(largest, len(parts), each=bool(rows))
        observed: dict[str, Any] = {k: round(value, 9) for k, value in largest.items()}
        observed |= {"changed": len(wrong), "judged": len(rows)} if rows else {}
        return Verdict(not (apart or wrong), message, observed, expected, _table(apart, wrong))

    def _parts(self, metrics: Mapping[str, Any]) -> list[Part]:
        seen, by = metrics[CELLS], (self.column, self.split_column, self.synthetic_column)
        reference: Mapping[str, Any] = self.reference
        sliced = any(isinstance(of, Mapping) for of in reference.values())
        whole = _summed(reference.values()) if sliced else reference
        if self.slice_column is None:
            return [Part(None, seen.labels(*by).by_class, whole)]
        slices = seen.labels(*by, self.slice_column).by_slice
        if len(slices) > self.max_slices:
            raise InputError(
                f"column {self.slice_column!r} divides the table into {len(slices):,} slices, more than max_slices "
                f"({self.max_slices:,})"
            )
        own = reference if sliced else {}
        return [Part(str(name), of.by_class, own.get(str(name), whole)) for name, of in slices.items()]

    def _distances(self, part: Part) -> dict[str, Any]:
        """Return the distances of a part from its reference, and which of them are too large."""
        found = {"psi": psi(*part.counts), "js": jensen_shannon(*part.counts)}
        limits = [("psi", self.max_psi), ("js", self.max_js)] if min(part.sizes) >= self.min_rows else []
        wrong = [k for k, most in limits if most is not None and found[k] > most]
        return {"slice": part.name, **found, "wrong": wrong}

    @property
    def _band(self) -> tuple[float, float]:
        """The tolerated ratios of a class's share to its share in the reference."""
        less: float = self.max_change or 0.0
        return 1 - less, 1 + (less if self.max_increase is None else self.max_increase)

    def _changes(self, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """Return rows, shares, ratio of shares and its interval for each class of each part.

        Confidence is that of all intervals together (Bonferroni).
        """
        smallest, largest = self._band
        each = 1 - (1 - self.confidence) / sum(len(p.classes) for p in parts)
        rows = []
        for part in parts:
            (total, before_total), (now, before) = part.sizes, part.counts
            intervals = zip(*share_ratio_intervals(now, total, before, before_total, each), strict=True)
            for c, n, r, (low, high) in zip(part.classes, now, before, intervals, strict=True):
                rows.append(
                    {
                        "slice": part.name,
                        "class": c,
                        "rows": n,
                        "of": total,
                        "reference rows": r,
                        "reference of": before_total,
                        "ratio": n / total / (r / before_total) if r else None,
                        "low": float(low),
                        "high": float(high) if math.isfinite(high) else None,
                        "wrong": bool(high < smallest or low > largest),
                    }
                )
        return rows

    def _limits(self) -> str:
        limits = [f"a PSI of at most {self.max_psi:g}"] if self.max_psi is not None else []
        limits += [f"a Jensen-Shannon distance of at most {self.max_js:g}"] if self.max_js is not None else []
        if self.max_change is not None:
            low, high = self._band
            limits += [f"{low:.3g} to {high:.3g} times the share of each class"]
        return " and ".join(limits) or "nothing"

    def _success(self, largest: Mapping[str, float], parts: int, *, each: bool) -> str:
        where = f" in each of {plural(parts, 'slice')} by {self.slice_column!r}" if self.slice_column else ""
        seen = ", ".join(f"{words} {largest[k]:.3g}" for k, words in _DISTANCES.items())
        judged = "no class has changed beyond that and chance" if each else "classes weren't judged one by one"
        subject = f"column {self.column!r} has{where} the distribution of {self.reference_name}"
        return f"{subject}, within {self._limits()}: {seen}; {judged}"

    def _failure(self, apart: Rows, wrong: Rows, parts: int) -> str:
        faults = [*map(_distance_fault, apart[:5]), *map(_change_fault, wrong[:5])]
        rest = more([*apart[5:], *wrong[5:]], 0)
        failed = number(len({r["slice"] for r in (*apart, *wrong)}))
        where = f" in {failed} of {plural(parts, 'slice')} by {self.slice_column!r}" if self.slice_column else ""
        subject = f"the classes of column {self.column!r} differ{where} from {self.reference_name}"
        return f"{subject}: {'; '.join(faults)}{rest}; expected {self._limits()}"


def _summed(parts: Iterable[Counts]) -> Counts:
    sums: Counter[str] = Counter()
    for part in parts:
        sums.update(part)
    return sums


def _in_slice(row: Mapping[str, Any]) -> str:
    return f" in slice {row['slice']!r}" if row["slice"] is not None else ""


def _distance_fault(row: Mapping[str, Any]) -> str:
    return " and ".join(f"{_DISTANCES[k]}{_in_slice(row)} is {row[k]:.3g}" for k in row["wrong"])


def _change_fault(row: Mapping[str, Any]) -> str:
    seen = f"{number(row['rows'])} of {number(row['of'])} rows ({percent(row['rows'] / row['of'])})"
    before = percent(row["reference rows"] / row["reference of"])
    change = "new" if row["ratio"] is None else "gone" if not row["rows"] else f"{row['ratio']:.3g} times as much"
    high = "∞" if row["high"] is None else f"{row['high']:.3g}"
    interval = f"interval {row['low']:.3g} to {high}"
    return f"class {row['class']!r}{_in_slice(row)} has {seen} instead of {before} ({change}, {interval})"


def _table(apart: Rows, wrong: Rows) -> list[dict[str, Any]]:
    """Return the failures for Data Docs: classes if they are judged, else the distances."""
    if not wrong:
        return [{k: d[k] for k in ("slice", "psi", "js") if d[k] is not None} for d in apart]
    hidden = {"of", "reference of", *(["slice"] if wrong[0]["slice"] is None else [])}
    return [{k: value for k, value in r.items() if k not in hidden} for r in wrong]
