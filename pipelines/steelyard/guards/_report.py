"""The report of a guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from steelyard.errors import GuardError

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class GuardResult:
    """The verdict of one expectation.

    Parameters
    ----------
    expectation : str
        Its type, as in the suite: `expect_no_null_labels`.
    column : str, optional
        The column or columns that the expectation checks.
    success : bool
    severity : {"critical", "warning", "info"}
        Only a critical failure fails the guard.
    observed, expected
        JSON types.
    message : str
        One sentence with column, observed and expected.
    keys : list of dict
        Keys of some rows that break the expectation, if the table has a key and the expectation concerns single rows.
    quarantine : str, optional
        The place of copies of these rows.
    """

    expectation: str
    column: str | None
    success: bool
    severity: Severity
    observed: Any
    expected: Any
    message: str
    keys: list[dict[str, Any]] = field(default_factory=list)
    quarantine: str | None = None


@dataclass(frozen=True)
class GuardReport:
    """The verdicts of one run of a suite.

    Parameters
    ----------
    checkpoint : str
        Position in the pipeline: `raw`, `split`, `resampled`, `scored`.
    suite : str
        The suite as given to `run_guard`.
    success : bool
        Whether no critical expectation failed.
    results : tuple of GuardResult
    left_out : tuple of dict
        Expectations that did not run because a parameter is null: `expectation` and `parameter`.
    docs : str, optional
        URI of the index page of Data Docs.
    """

    checkpoint: str
    suite: str
    success: bool
    results: tuple[GuardResult, ...]
    left_out: tuple[Mapping[str, str], ...] = ()
    docs: str | None = None

    def __repr__(self) -> str:
        """Return one line per failed expectation, and the place of the Data Docs."""
        return self.summary() + (f"\nData Docs: {self.docs}" if self.docs else "")

    def failures(self, severity: Severity | None = None) -> tuple[GuardResult, ...]:
        """Return the failed expectations, of one severity or of all."""
        return tuple(r for r in self.results if not r.success and severity in (None, r.severity))

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return {**asdict(self), "results": [asdict(r) for r in self.results], "left_out": list(self.left_out)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> GuardReport:
        """Return the report of a document made by `to_json`."""
        results = tuple(GuardResult(**r) for r in document["results"])
        return cls(**{**document, "results": results, "left_out": tuple(document["left_out"])})

    def summary(self) -> str:
        """Return one line per failed expectation, or a single line if none failed."""
        failed = self.failures()
        if not failed:
            return f"guard {self.checkpoint!r}: all {len(self.results)} expectations met"
        shown = [f"  {r.severity}: {r.expectation}: {r.message}" for r in failed]
        return "\n".join([f"guard {self.checkpoint!r}: {len(failed)} of {len(self.results)} failed", *shown])

    def raise_for_failures(self) -> None:
        """Raise `GuardError` if a critical expectation failed.

        The message lists the failed expectations, observed and expected values, and the place of the Data Docs.
        """
        if self.success:
            return
        shown = [f"{r.expectation}: {r.message}" for r in self.failures("critical")]
        docs = [f"Data Docs: {self.docs}"] if self.docs else []
        raise GuardError("\n  ".join([f"guard {self.checkpoint!r} failed.", *shown, *docs]))
