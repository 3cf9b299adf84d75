"""`sampling_strategy` against imbalanced-learn's own reading of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.utils import check_sampling_strategy
from pyspark.sql import types as T

from steelyard.errors import InputError
from steelyard.labels import class_name, class_order
from steelyard.sampling.features import largest_of
from steelyard.sampling.strategy import SPELLINGS, resolve

KINDS = ("over-sampling", "under-sampling")
counts_of_classes = st.dictionaries(st.integers(-3, 12), st.integers(1, 40), min_size=1, max_size=5)


def peer(strategy: Any, counts: Mapping[int, int], kind: str) -> dict[str, int] | None:
    """imbalanced-learn's answer as totals by class name; None where it refuses."""
    y = np.repeat(list(counts), list(counts.values()))
    try:
        found = check_sampling_strategy(strategy, y, kind)
    except ValueError:
        return None
    base = counts if kind == "over-sampling" else dict.fromkeys(counts, 0)
    return {str(c): int(n) + base[int(c)] for c, n in found.items()}


def ours(strategy: Any, counts: Mapping[int, int], kind: Any) -> dict[str, int] | None:
    try:
        return resolve(strategy, {str(c): n for c, n in counts.items()}, kind)
    except InputError:
        return None


@given(counts_of_classes, st.sampled_from(SPELLINGS), st.sampled_from(KINDS))
def test_spellings_mean_what_they_mean_in_imbalanced_learn(counts: dict[int, int], name: str, kind: str) -> None:
    assert ours(name, counts, kind) == peer(name, counts, kind)


@given(
    st.dictionaries(st.integers(-3, 12), st.integers(1, 60), min_size=2, max_size=3),
    # Smaller ratios overflow in imbalanced-learn.
    st.floats(-0.5, 0) | st.floats(1e-9, 1.5) | st.sampled_from([0.1, 0.25, 0.5, 1.0, 1]),
    st.sampled_from(KINDS),
)
def test_ratios_mean_what_they_mean_in_imbalanced_learn(counts: dict[int, int], ratio: float, kind: str) -> None:
    assert ours(ratio, counts, kind) == peer(ratio, counts, kind)


@given(st.data(), counts_of_classes, st.sampled_from(KINDS))
@settings(max_examples=100)
def test_maps_and_functions_mean_what_they_mean_in_imbalanced_learn(
    data: st.DataObject, counts: dict[int, int], kind: str
) -> None:
    classes = st.sampled_from([*counts, 99])
    wanted = data.draw(st.dictionaries(classes, st.integers(-1, 80), max_size=4))
    expected = peer(wanted, counts, kind)
    assert ours(wanted, counts, kind) == expected
    assert ours(lambda c: wanted, counts, kind) == expected


def test_the_ratio_is_of_the_rarest_class_whichever_that_is() -> None:
    assert resolve(0.5, {"yes": 100, "no": 10}, "over-sampling") == {"no": 50}
    assert resolve(0.5, {"yes": 100, "no": 10}, "under-sampling") == {"yes": 20}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (1, "1"), (1.0, "1"), (0.5, "0.5"), (True, "true"), (np.bool_(False), "false"), (np.int64(3), "3"),
        (np.float32(2.0), "2"), (Decimal("1.50"), "1.5"), (Decimal("100"), "100"), (Decimal("0.00"), "0"),
        ("1.0", "1.0"), ("ü<b>'", "ü<b>'"), (1e20, "1.0E20"), (-(2.0**63), "-9.223372036854776E18"), (1e-5, "1.0E-5"),
        (float("inf"), "Infinity"), (-float("inf"), "-Infinity"), (12345678.5, "1.23456785E7"), (2**64, str(2**64)),
        (np.float32(3e38), "3.0E38"), (Decimal("1234567890123456789012345678"), "1234567890123456789012345678"),
    ],
)  # fmt: skip
def test_labels_are_known_by_their_string_form(label: object, name: str) -> None:
    assert class_name(label) == name
    assert resolve({label: 7}, {name: 9, "z": 5}, "under-sampling") == {name: 7}


def test_number_like_classes_sort_as_numbers() -> None:
    assert class_order(["10", "9", "-1"]) == ["-1", "9", "10"]
    assert class_order(["b", "10", "a"]) == ["10", "a", "b"]
    assert class_order(["Infinity", "1.0E20", "-Infinity", "2"]) == ["-Infinity", "2", "1.0E20", "Infinity"]
    # Decimals that are one double are two classes.
    assert class_order(["12345678901234567890123", "12345678901234567890122"])[0].endswith("2")
    assert class_order(["nan", "1", "0"]) == ["0", "1", "nan"]


@pytest.mark.parametrize(
    ("strategy", "kind", "parts"),
    [
        ({"1": 5}, "over-sampling", ["5", "10", "'1'"]),
        ({"0": 101}, "under-sampling", ["101", "100", "'0'"]),
        ({"2": 5}, "over-sampling", ["'2'", "not in the table"]),
        ({"1": 2.5}, "over-sampling", ["must", "2.5"]),
        ({1: 11, "1": 12}, "over-sampling", ["twice"]),
        (0.05, "over-sampling", ["0.05", "10"]),
        (0.05, "under-sampling", ["200", "100"]),
        (1.5, "under-sampling", ["must be", "1.5", "instead"]),
        (True, "under-sampling", ["must be", "True", "instead"]),
        ("autos", "under-sampling", ["must be", "'autos'", "instead", "Did you mean 'auto'"]),
        ("majority", "over-sampling", ["majority", "over-sampling"]),
        ("minority", "under-sampling", ["minority", "under-sampling"]),
        (lambda c: 3, "under-sampling", ["must return", "3"]),
    ],
)
def test_what_cannot_be_had_is_refused_with_both_numbers(strategy: Any, kind: Any, parts: list[str]) -> None:
    with pytest.raises(InputError) as failure:
        resolve(strategy, {"0": 100, "1": 10}, kind)
    for part in parts:
        assert part in str(failure.value)


def test_one_class_is_no_imbalance() -> None:
    with pytest.raises(InputError, match="at least two classes.*'0' \\(3 rows\\)"):
        resolve("auto", {"0": 3}, "over-sampling")


def test_the_largest_decimal_of_a_type_fits_it_when_it_is_rounded() -> None:
    for precision, scale in ((5, 2), (3, 3), (18, 0), (18, 6), (38, 0), (38, 18)):
        most = largest_of(T.DecimalType(precision, scale))
        assert most is not None
        with localcontext(prec=80):
            rounded = Decimal(most).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
            assert 0.999 * 10 ** (precision - scale) <= rounded < Decimal(10) ** (precision - scale)
    assert largest_of(T.DecimalType(5, 2)) == 999.99
