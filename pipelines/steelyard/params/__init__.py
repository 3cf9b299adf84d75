"""Parameters of Spark ML objects: declared in one place, and saved as Spark ML saves its own, on Connect too."""

from steelyard.params._checks import (
    MOST,
    NEIGHBORS,
    Check,
    at_least_zero,
    column,
    columns,
    flag,
    from_zero_to_one,
    number,
    one_of,
    only_false,
    share,
    whole,
    wrong,
)
from steelyard.params._declared import HasParameters, Parameter, param, parameters
from steelyard.params._saved import ParamsReader, ParamsWriter, public_path

__all__ = [
    "MOST",
    "NEIGHBORS",
    "Check",
    "HasParameters",
    "Parameter",
    "ParamsReader",
    "ParamsWriter",
    "at_least_zero",
    "column",
    "columns",
    "flag",
    "from_zero_to_one",
    "number",
    "one_of",
    "only_false",
    "param",
    "parameters",
    "public_path",
    "share",
    "whole",
    "wrong",
]
