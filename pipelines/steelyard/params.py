"""Parameters of Spark ML objects: declared in one place, and saved as Spark ML saves its own, on Connect too."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Generic, TypeVar, dataclass_transform, get_args

from pyspark.ml.param import Param, Params
from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLWriter

from steelyard.errors import InputError, closest

MOST = 2**31 - 1
"""The largest number that tasks and libraries take as an int."""


def wrong(name: str, wanted: str, value: object, hint: str = "") -> InputError:
    """Return the error for a value that a parameter can't have."""
    return InputError(f"{name} must be {wanted}. Got {value!r} instead.{hint}")


T = TypeVar("T")


class Check(Generic[T]):
    """A check of a parameter's values, with the JSON Schema of what it accepts.

    Parameters
    ----------
    accept : callable
        Gets the name and a value that isn't None, and returns the value to keep or raises `InputError`.
    schema : mapping
    """

    def __init__(self, accept: Callable[[str, Any], T], schema: Mapping[str, Any]) -> None:
        self.accept, self.schema = accept, dict(schema)

    def __call__(self, name: str, value: Any) -> T:
        """Return the value to keep."""
        return self.accept(name, value)


class Parameter(Param[T]):
    """A parameter of a Spark ML object: its type, default, meaning and check, declared as a class attribute.

    Parameters
    ----------
    doc : str
        What it means, as a phrase without a final stop.
    check : callable
        Gets the name and a value that isn't None, and returns the value to keep.
    default : object
    """

    def __init__(self, doc: str, check: Callable[[str, Any], Any], default: Any) -> None:
        super().__init__(Params._dummy(), "", doc, typeConverter=self._checked)
        self.check, self.default = check, default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.name or name

    def _checked(self, value: Any) -> Any:
        return self.check(self.name, value)

    def schema(self) -> dict[str, Any]:
        """Return a JSON Schema; any value is accepted where the check has none."""
        of = self.check.schema if isinstance(self.check, Check) else {}
        accepted = {"anyOf": [of, {"type": "null"}]} if of and self.default is None else of
        return {**accepted, "description": self.doc, "default": self.default}

    def but(self, **changes: Any) -> Parameter[Any]:
        """Return the parameter for a class where it has another ``doc``, ``check`` or ``default``."""
        return Parameter(**{"doc": self.doc, "check": self.check, "default": self.default, **changes})

    if TYPE_CHECKING:  # so that constructors take values where the class and its objects have parameters

        def __get__(self, instance: object, owner: Any) -> Parameter[T]: ...

        def __set__(self, instance: object, value: T) -> None: ...


def param(doc: str, check: Callable[[str, Any], Any], *, default: Any) -> Parameter[Any]:
    """Declare a parameter, as `Parameter` says. The annotation gives the type that constructors take.

    Examples
    --------
    >>> class Scorer(HasParameters):
    ...     threshold: Parameter[float] = param("lowest positive score", at_least_zero, default=0.5)
    >>> Scorer(threshold=0.9).getOrDefault("threshold")
    0.9
    """
    return Parameter(doc, check, default)


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(param,))
class HasParameters(Params):
    """Base of objects whose constructor takes the parameters that the class declares or inherits, by keyword.

    Type checkers, `inspect.signature` and `help` see each parameter with its type and default; the docstring gets a
    section that lists them.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        """Write the signature, and the section of the docstring that lists parameters."""
        super().__init_subclass__(**more)
        own = cls.__init__ is not HasParameters.__init__
        cls.__signature__ = _without_self(cls.__init__) if own else _signature(cls)  # type: ignore[attr-defined]
        if cls.__doc__ and "__doc__" in vars(cls) and not own:
            cls.__doc__ = _documented(cls)

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__()
        declared = parameters(type(self))
        _check_call(type(self).__name__, list(declared), args, given)
        for name, value in given.items():
            if value is None and declared[name].default is not None:
                raise InputError(f"{name} must have a value, and got None: leave it out for the default")
        self._setDefault(**{name: p.default for name, p in declared.items()})
        self._set(**given)


def parameters(cls: type) -> dict[str, Parameter[Any]]:
    """Return the parameters of a class, inherited ones first."""
    names = [name for base in reversed(cls.__mro__) for name, of in vars(base).items() if isinstance(of, Parameter)]
    return {name: getattr(cls, name) for name in names}


def _signature(cls: type) -> inspect.Signature:
    """Return the constructor's signature; of ``Parameter[int]`` the annotation is ``int``."""
    types = {n: t for base in reversed(cls.__mro__) for n, t in vars(base).get("__annotations__", {}).items()}
    keyword = inspect.Parameter.KEYWORD_ONLY
    arguments = [
        inspect.Parameter(name, keyword, default=p.default, annotation=_inner(types.get(name, "Any")))
        for name, p in parameters(cls).items()
    ]
    return inspect.Signature(arguments)


def _without_self(init: Callable[..., None]) -> inspect.Signature:
    of = inspect.signature(init)
    return of.replace(parameters=list(of.parameters.values())[1:])


def _inner(annotation: Any) -> Any:
    if not isinstance(annotation, str):
        return next(iter(get_args(annotation)), annotation)
    inner = annotation.removeprefix("Parameter[")
    return annotation if inner == annotation else inner.removesuffix("]")


def _documented(cls: type) -> str:
    """Return the docstring with a section of parameters, before references and examples."""
    text = inspect.cleandoc(cls.__doc__ or "")
    if "Parameters\n---" in text:
        return text
    rows = ["Parameters", "----------"]
    for name, p in inspect.signature(cls).parameters.items():
        default = json.dumps(p.default) if isinstance(p.default, str) else repr(p.default)
        rows.append(f"{name} : {p.annotation}, default {default}")
        doc = f"{getattr(cls, name).doc}."
        rows.append(textwrap.fill(doc[:1].upper() + doc[1:], 116, initial_indent="    ", subsequent_indent="    "))
    places = [text.find(f"{section}\n---") for section in ("References", "Examples")]
    at = min((i for i in places if i >= 0), default=len(text))
    return f"{text[:at].rstrip()}\n\n{chr(10).join(rows)}\n\n{text[at:]}".rstrip() + "\n"


_KNOWN_ELSEWHERE = {
    "ratio": "sampling_strategy",
    "seed": "random_state",
    "label": "label_col",
    "k": "k_neighbors",
    "n_neighbors": "k_neighbors",
}


def _check_call(name: str, known: Sequence[str], args: Sequence[object], given: Mapping[str, object]) -> None:
    """Raise `TypeError` for positional and unknown arguments, with the call that is meant."""
    if args:
        example = f"sampling_strategy={args[0]!r}" if isinstance(args[0], float | str | dict) else 'label_col="y"'
        raise TypeError(f"{name} takes keyword arguments only, and got {args[0]!r}: {name}({example}, …)")
    for parameter in given:
        if parameter not in known:
            meant = _KNOWN_ELSEWHERE.get(parameter, parameter)
            hint = f" Did you mean {meant!r}?" if meant in known else closest(parameter, known)
            raise TypeError(f"{name} has no parameter {parameter!r}.{hint} It has: {', '.join(known)}")


def _column(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(name, "the name of a column", value)
    return value


def _columns(name: str, value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names or not all(isinstance(n, str) and n for n in names):
        raise wrong(name, "the name of a column or a list of names", value)
    if len(set(names)) < len(names):
        raise wrong(name, "without repetition", value)
    return list(names)


_NAME = {"type": "string", "minLength": 1}

column = Check(_column, _NAME)
"""Accept the name of one column."""

columns = Check(_columns, {"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True}]})
"""Accept the name of one column, or a list of names."""


def whole(at_least: int, at_most: int = MOST) -> Check[int]:
    """Accept whole numbers from `at_least` to `at_most`."""

    def check(name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or not at_least <= int(value) <= at_most:
            limit = "" if at_most == MOST else f", up to {at_most:,}"
            raise wrong(name, f"a whole number, {at_least} or more{limit}", value)
        return int(value)

    return Check(check, {"type": "integer", "minimum": at_least, "maximum": at_most})


NEIGHBORS = whole(1, 10_000)
"""How many neighbours are looked for: lists of more fill the memory of a task."""


def number(low: float, high: float, wanted: str) -> Check[float]:
    """Accept numbers from `low` to `high`, which `wanted` describes in the error."""

    def check(name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
            raise wrong(name, wanted, value)
        return float(value)

    limits = {"minimum": low, "maximum": high}
    return Check(check, {"type": "number", **{n: v for n, v in limits.items() if math.isfinite(v)}})


share = number(math.ulp(0.0), 1, "a number above 0, and 1 at most")
"""Accept numbers above 0 and up to 1."""

at_least_zero = number(0, sys.float_info.max, "a number, 0 or more")
"""Accept finite numbers from 0 on."""

from_zero_to_one = number(0, 1, "a number from 0 to 1")
"""Accept numbers from 0 to 1."""


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong(name, "true or false", value)
    return value


flag = Check(_flag, {"type": "boolean"})
"""Accept True and False."""


def only_false(reason: str) -> Check[bool]:
    """Accept False alone, for parameters that imbalanced-learn has and a sampler can't obey."""

    def check(name: str, value: object) -> bool:
        if value is not False:
            raise InputError(f"{name} must be false: {reason}. Got {value!r} instead.")
        return False

    return Check(check, {"const": False})


def one_of(*options: str) -> Check[str]:
    """Accept some words."""

    def check(name: str, value: object) -> str:
        if value not in options:
            hint = closest(value, options) if isinstance(value, str) else ""
            raise wrong(name, " or ".join(map(repr, options)), value, hint)
        return str(value)

    return Check(check, {"enum": list(options)})


def public_path(cls: type) -> str:
    """Return the path by which users import a class: what is saved outlives the private modules of this version."""
    module = cls.__module__
    while "._" in module:
        parent = module.rpartition(".")[0]
        if getattr(importlib.import_module(parent), cls.__name__, None) is not cls:
            break
        module = parent
    return f"{module}.{cls.__name__}"


class ParamsWriter(MLWriter):
    """Writes the parameters of an object.

    Parameters
    ----------
    instance : Params
    params : mapping, optional
        What to write in place of the values that are set.
    """

    def __init__(self, instance: Any, params: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.instance = instance
        self.params = None if params is None else dict(params)

    def save(self, path: str) -> None:
        """Write to the folder `path`.

        Raises
        ------
        InputError
            If a parameter is a function, or an object such as an estimator.
        """
        spark = self.sparkSession
        try:
            metadata = json.loads(DefaultParamsWriter._get_metadata_to_save(self.instance, spark, paramMap=self.params))
        except TypeError as error:
            raise InputError(
                f"{type(self.instance).__name__} can't be saved with a function or an object as parameter ({error}): "
                "give sampling_strategy as a map, and leave estimators out"
            ) from None
        text = json.dumps({**metadata, "class": public_path(type(self.instance))})
        mode = "overwrite" if self.shouldOverwrite else "error"
        spark.createDataFrame([(text,)], "value string").coalesce(1).write.mode(mode).text(f"{path}/metadata")


class ParamsReader(DefaultParamsReader[Any]):
    """Reads what `ParamsWriter` wrote."""

    def __init__(self, cls: Any) -> None:
        super().__init__(cls)

    def metadata(self, path: str) -> dict[str, Any]:
        """Return what was written about the object in the folder `path`.

        Raises
        ------
        InputError
            If it is of another class.
        """
        metadata: dict[str, Any] = DefaultParamsReader.loadMetadata(path, self.sparkSession)
        wanted = public_path(self.cls)
        if metadata["class"] != wanted:
            raise InputError(f"{path} holds a {metadata['class']}, not a {wanted}")
        return metadata

    def load(self, path: str) -> Any:
        """Return the object saved in the folder `path`.

        Raises
        ------
        InputError
            If something else was saved there.
        """
        self.metadata(path)
        return super().load(path)
