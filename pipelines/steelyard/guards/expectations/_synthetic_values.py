"""Expectations on the values of synthetic rows: their ranges, whole numbers and declared domains."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar

from steelyard.guards._counts import Bounds
from steelyard.guards._needs import CELLS, Needs, cells
from steelyard.guards._verdict import Verdict, ends, more, number, plural
from steelyard.guards.expectations._base import JudgedExpectation, Parameter


class SyntheticRangesExpectation(JudgedExpectation, ABC):
    """Base of expectations that compare the ranges of synthetic and original rows, class by class.

    Parameters
    ----------
    column : str
        The label.
    features : list of str
        Numeric columns.
    synthetic_column : str
    split_column, split : str, optional
        Compare only in this split.
    """

    column: str
    features: list[str] | Parameter
    synthetic_column: str | Parameter = "is_synthetic"
    split_column: str | Parameter | None = None
    split: str | Parameter | None = None

    def needs(self) -> Needs:
        ranges = [["range", name] for name in self.features]
        return cells(*ranges, label=self.column, synthetic=self.synthetic_column, split=self.split_column)

    def _bounds(self, metrics: Mapping[str, Any]) -> list[Bounds]:
        by = (self.column, self.synthetic_column, self.features, self.split_column, self.split)
        bounds: list[Bounds] = metrics[CELLS].bounds(*by)
        return bounds


class ExpectSyntheticRowsWithinClassBounds(SyntheticRangesExpectation):
    """Expect the synthetic rows of each class to stay in the range of its original rows, feature by feature.

    Interpolation cannot leave the range. A missing value is outside if no original row of the class has one.

    Parameters
    ----------
    column : str
        The label.
    features : list of str
        Numeric columns.
    synthetic_column : str
    split_column, split : str, optional
        Compare only in this split.
    tolerance : float
        The share of a class's range by which its synthetic rows may leave it.
    """

    tolerance: float | Parameter = 0.0

    @classmethod
    def _template_for(cls, fields: Mapping[str, Any]) -> str:
        slack = ", give or take a share of $tolerance of it" if fields["tolerance"] else ""
        return (
            "Rows with $synthetic_column must stay in the range of the original rows of their class "
            f"in $column{slack}, in the features $features."
        )

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        bounds = {(b.synthetic, b.label, b.feature): b for b in self._bounds(metrics)}
        pairs = [(b, bounds.get((False, b.label, b.feature))) for b in bounds.values() if b.synthetic]
        wrong = [(made, real) for made, real in pairs if _escapes(made, real, self.tolerance)]
        if wrong:
            faults = "; ".join(_range_fault(made, real) for made, real in wrong[:5])
            message = f"synthetic rows leave the range of their class: {faults}{more(wrong, 5)}"
        elif pairs:
            features = len({made.feature for made, _ in pairs})
            message = f"synthetic rows stay in the range of their class in all {features} features"
        else:
            message = "there are no synthetic rows"
        outside = sorted({made.feature for made, _ in wrong})
        observed = {"outside": len(wrong), "checked": len(pairs), "features": outside}
        table = [
            {
                "feature": made.feature,
                "class": made.label,
                "synthetic": _range(made),
                "original": _range(real),
                "missing": made.missing,
            }
            for made, real in wrong
        ]
        return Verdict(not wrong, message, observed, {"outside": 0, "tolerance": self.tolerance}, table)


class ExpectSyntheticRowsToKeepWholeNumbers(SyntheticRangesExpectation):
    """Expect whole numbers in synthetic rows in each feature that has only whole numbers in original rows.

    Interpolation makes fractions in columns of floating-point numbers that hold counts or codes. Parameters are those
    of `SyntheticRangesExpectation`.
    """

    template: ClassVar[str] = (
        "Rows with $synthetic_column must have whole numbers where all original rows have, in the features $features."
    )

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        whole: dict[str, bool] = {}
        broken: dict[str, int] = {}
        for b in self._bounds(metrics):
            if b.synthetic:
                broken[b.feature] = broken.get(b.feature, 0) + b.fractional
            elif b.low is not None:
                whole[b.feature] = whole.get(b.feature, True) and not b.fractional
        wrong = {f: n for f, n in broken.items() if n and whole.get(f)}
        kept = plural(sum(whole.values()), "feature")
        message = f"synthetic rows keep whole numbers in all {kept} that hold them"
        if wrong:
            shown = [f"column {f!r} in {plural(n, 'row')}" for f, n in wrong.items()]
            message = "synthetic rows have fractions where original rows have whole numbers: "
            message += f"{', '.join(shown[:5])}{more(shown, 5)}; make it an integer column, or a category"
        table = [{"feature": f, "synthetic rows": n} for f, n in wrong.items()]
        return Verdict(not wrong, message, {"broken": wrong}, {"broken": {}}, table)


class ExpectSyntheticRowsWithinDomain(JudgedExpectation):
    """Expect synthetic rows to obey the declared domain of each feature: bounds, whole numbers, and formulas.

    Original rows that do not are counted too, for the message. Missing values are not outside.

    Parameters
    ----------
    features : mapping
        Feature → fields of its `steelyard.domain.ColumnDomain`.
    synthetic_column : str
    split_column, split : str, optional
        Look only at this split.
    """

    features: dict[str, Any] | Parameter
    synthetic_column: str | Parameter = "is_synthetic"
    split_column: str | Parameter | None = None
    split: str | Parameter | None = None

    template: ClassVar[str] = "Rows with $synthetic_column must obey the domains: $features."

    def needs(self) -> Needs:
        domains = [["domain", name, dict(of)] for name, of in self.features.items()]
        return cells(*domains, synthetic=self.synthetic_column, split=self.split_column)

    def _judge(self, metrics: Mapping[str, Any]) -> Verdict:
        found = metrics[CELLS].broken(self.features, self.synthetic_column, self.split_column, self.split)
        made, real = ({f: found[f, kind] for f in self.features if found.get((f, kind))} for kind in (True, False))
        message = f"synthetic rows obey the domains of all {plural(len(self.features), 'feature')}"
        if made:
            message = f"synthetic rows do not obey their domain: {_listed(made)}"
        if real:
            message += f"; original rows do not: {_listed(real)}"
        table = [{"feature": f, "synthetic rows": n, "original rows": real.get(f, 0)} for f, n in made.items()]
        return Verdict(not made, message, {"broken": made, "original": real}, {"broken": {}}, table)


def _listed(rows: Mapping[str, int]) -> str:
    shown = [f"column {name!r} in {plural(n, 'row')}" for name, n in rows.items()]
    return ", ".join(shown[:5]) + more(shown, 5)


def _escapes(made: Bounds, real: Bounds | None, tolerance: float) -> bool:
    if made.missing and not (real and real.missing):
        return True
    if made.low is None or made.high is None:
        return False
    if real is None or real.low is None or real.high is None:
        return True
    # In addition to the tolerance, allow for rounding in the last digits of an interpolation.
    slack = tolerance * (real.high - real.low) + 1e-12 * max(abs(real.low), abs(real.high))
    return made.low < real.low - slack or made.high > real.high + slack


def _range_fault(made: Bounds, real: Bounds | None) -> str:
    missing = f" and {number(made.missing)} missing" if made.missing and not (real and real.missing) else ""
    place = f"column {made.feature!r} of class {made.label!r}"
    return f"{place} in {_range(made)}{missing}, expected in {_range(real)}"


def _range(bounds: Bounds | None) -> str:
    return ends(bounds.low, bounds.high) if bounds else "no row"
