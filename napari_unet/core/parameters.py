"""The parameters of a method, described once: forms, flags, saved files and listings all read them from here.

Knows no GUI package; ``ui`` maps a :class:`Parameter` to a widget.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .errors import UsageError

LARGEST = 1e300
"""Numbers beyond are no parameters; arithmetic with them ends in infinity."""

_BRIEF = 80


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What a form or a flag needs to know about one field; goes into ``Annotated[type, Parameter(...)]``.

    Parameters
    ----------
    help : str
        One sentence in a biologist's words; becomes the tooltip.
    min, max : float, optional
        Inclusive bounds of a number.
    step : float, optional
        Step of a spin box.
    unit : str
        Unit shown behind the number, e.g. ``"px"``.
    advanced : bool
        Folded away in forms.
    auto : tuple
        Values to try when the field is None (``auto``); only for fields whose type admits None.
    files : str
        Of a text that is the name of a file: which files are offered, e.g. ``"Weights (*.pth *.pt)"``.
    fitted : bool
        Found by fitting, not chosen by people: kept in files, left out of forms and flags.
    """

    help: str = ""
    min: float | None = None
    max: float | None = None
    step: float | None = None
    unit: str = ""
    advanced: bool = False
    auto: tuple[Any, ...] = ()
    files: str = ""
    fitted: bool = False


@dataclasses.dataclass(frozen=True)
class Field:
    """One parameter of one method: its dataclass field and its :class:`Parameter` together.

    ``type`` is the bare type (bool, int, float or str); ``choices`` are the values of a ``Literal``; ``optional``
    says that None is allowed and means ``auto``.
    """

    name: str
    type: type
    default: Any
    choices: tuple[Any, ...]
    optional: bool
    parameter: Parameter

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.choices:
            words = "one of " + ", ".join(map(str, self.choices))
        elif self.type is bool:
            words = "true or false"
        else:
            words = {int: "a whole number", float: "a number"}.get(self.type, "text")
            if self.parameter.min is not None and self.parameter.max is not None:
                words += f" from {_plain(self.parameter.min)} to {_plain(self.parameter.max)}"
            elif self.parameter.min is not None:
                words += f" of at least {_plain(self.parameter.min)}"
            elif self.parameter.max is not None:
                words += f" of at most {_plain(self.parameter.max)}"
        if self.parameter.unit:
            words += f" ({self.parameter.unit})"
        return words + (", or auto" if self.optional else "")

    def parse(self, text: str) -> Any:
        """Turn the text of a flag into a value.

        Raises
        ------
        UsageError
            If the text is not what :attr:`allowed` says.
        """
        text = text.strip()
        if self.optional and text.lower() in ("auto", "none", ""):
            return None
        value: Any = text
        try:
            if self.choices:
                value = next((choice for choice in self.choices if str(choice) == text), text)
            elif self.type is bool:
                value = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
            elif self.type in (int, float):
                value = self.type(text)
        except (KeyError, ValueError):
            raise UsageError(f"{self.name} cannot be {brief(text)}. Allowed: {self.allowed}.") from None
        return self.check(value)

    def check(self, value: Any) -> Any:
        """Return the value if it is allowed.

        Raises
        ------
        UsageError
            If it is out of bounds, of another type or not among the choices.
        """
        good = True
        if value is None:
            good = self.optional
        elif self.choices:
            good = isinstance(value, (bool, int, float, str)) and value in self.choices
        elif self.type is bool:
            good = isinstance(value, bool)
        elif self.type in (int, float):
            # compared first: a number with hundreds of digits is no float, and nan is below nothing
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST
            good = good and (self.type is float or float(value).is_integer())
            good = good and (self.parameter.min is None or value >= self.parameter.min)
            good = good and (self.parameter.max is None or value <= self.parameter.max)
        else:
            good = isinstance(value, self.type)
        if not good:
            raise UsageError(f"{self.name} cannot be {brief(value)}. Allowed: {self.allowed}.")
        return value


def brief(value: object) -> str:
    """Return a value as messages show it: its ``repr``, cut short, whatever came out of a file."""
    if not isinstance(value, (bool, int, float, str, type(None))):
        return f"a {type(value).__name__}"  # its repr may be long, or run something
    if isinstance(value, int) and abs(value) > LARGEST:
        return "a number of hundreds of digits"  # beyond 4300, Python itself refuses to write it
    text = repr(value)
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}..."


def _plain(number: float) -> str:
    """Write a bound without an exponent where it is a whole number."""
    return str(int(number)) if float(number).is_integer() else f"{number:g}"


def fields(method: Any) -> tuple[Field, ...]:
    """Describe every parameter of a method (a frozen dataclass or an instance of one), in order."""
    cls = method if isinstance(method, type) else type(method)
    hints = get_type_hints(cls, include_extras=True)
    found = []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        hint, parameter = hints[field.name], Parameter()
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
            parameter = next((extra for extra in extras if isinstance(extra, Parameter)), parameter)
        optional = False
        if get_origin(hint) in (Union, types.UnionType):
            members = get_args(hint)
            optional = type(None) in members
            hint = next(member for member in members if member is not type(None))
        choices = get_args(hint) if get_origin(hint) is Literal else ()
        bare = type(choices[0]) if choices else hint
        found.append(Field(field.name, bare, field.default, choices, optional, parameter))
    return tuple(found)


def adjustable(method: Any) -> tuple[Field, ...]:
    """Describe the parameters that people choose, as :func:`fields` does: all but those found by fitting."""
    return tuple(field for field in fields(method) if not field.parameter.fitted)


def check(method: Any) -> None:
    """Check all parameters of a method; call it from ``__post_init__``.

    Raises
    ------
    UsageError
        Naming the method, the parameter, what came and what is allowed.
    """
    for field in fields(method):
        try:
            field.check(getattr(method, field.name))
        except UsageError as error:
            raise UsageError(f"{type(method).__name__}: {error}") from None


def parse(cls: type, texts: Mapping[str, str]) -> dict[str, Any]:
    """Turn ``{"sigma": "2"}`` (from flags) into keyword arguments of a method.

    Raises
    ------
    UsageError
        For a parameter the method does not have, or a value it does not allow.
    """
    known = {field.name: field for field in fields(cls)}
    values = {}
    for name, text in texts.items():
        if name not in known:
            raise UsageError(f"{no_parameter(cls.__name__, name, known)} See `napari-unet methods`.")
        values[name] = known[name].parse(text)
    return values


def no_parameter(owner: str, name: str, known: Iterable[str]) -> str:
    """Say that something has no parameter of a name, and which it has."""
    return f"{owner} has no parameter {brief(name)}. Allowed: {', '.join(known) or 'none'}."


def as_dict(method: Any) -> dict[str, Any]:
    """Return the parameters of a method with their values, ready for JSON."""
    return {field.name: getattr(method, field.name) for field in fields(method)}
