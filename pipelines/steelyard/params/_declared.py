"""Parameters of Spark ML objects, declared as class attributes."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, get_args

from pyspark.ml.param import Param, Params

from steelyard.errors import InputError, closest
from steelyard.params._checks import Check
from steelyard.params._saved import ParamsReader, ParamsWriter

T = TypeVar("T")


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
    >>> from steelyard.params import at_least_zero
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

    def write(self) -> ParamsWriter:
        """Return a writer: ``SMOTE().write().overwrite().save(path)``."""
        return ParamsWriter(self)

    @classmethod
    def read(cls) -> ParamsReader:
        """Return a reader: ``SMOTE.read().load(path)``."""
        return ParamsReader(cls)


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
        strategy = "sampling_strategy" in known and isinstance(args[0], float | str | dict)
        example = f"sampling_strategy={args[0]!r}" if strategy else 'label_col="y"'
        raise TypeError(f"{name} takes keyword arguments only, and got {args[0]!r}: {name}({example}, …)")
    for parameter in given:
        if parameter not in known:
            meant = _KNOWN_ELSEWHERE.get(parameter, parameter)
            hint = f" Did you mean {meant!r}?" if meant in known else closest(parameter, known)
            raise TypeError(f"{name} has no parameter {parameter!r}.{hint} It has: {', '.join(known)}")
