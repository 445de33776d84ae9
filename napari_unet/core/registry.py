"""Registries: a new method, network, loss, metric or format is one new file that registers itself.

Knows the names of no registry; a registry package makes one :class:`Registry` in its ``__init__``.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from .errors import UsageError

T = TypeVar("T")
Registered = TypeVar("Registered")


@dataclasses.dataclass(frozen=True)
class Entry(Generic[T]):
    """One thing in a registry.

    ``name`` is the code word (flags, files), ``title`` what people read, ``item`` the class or function, ``extras``
    whatever else the registry wants to know about it.
    """

    name: str
    title: str
    item: T
    extras: dict[str, Any]

    @property
    def summary(self) -> str:
        """First line of the item's docstring."""
        return (inspect.getdoc(self.item) or "").partition("\n")[0]


class Registry(Generic[T]):
    """Everything of one kind, by name, in an order that no import changes.

    First what is named ``first``; then what the package's files register, file by file in alphabetical order and
    within a file in its own order; then what scripts register.

    Files of the package are imported at the first look, so that asking for names costs nothing at import time.
    Files whose name begins with an underscore are helpers and are left alone.

    Parameters
    ----------
    kind : str
        What one item is called in messages, e.g. ``"method"``.
    package : str
        Import name of the package whose files register items.
    first : tuple of str
        Names that come first; the first of all is the :attr:`default`.
    """

    def __init__(self, kind: str, package: str, first: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self._package = package
        self._first = first
        self._entries: dict[str, Entry[T]] = {}
        self._filled = False

    def register(self, name: str, title: str = "", **extras: Any) -> Callable[[Registered], Registered]:
        """Return a decorator that puts a class or function in the registry.

        Registering the same name again replaces the item if it comes from the same place (a script run twice in one
        session), and is an error otherwise.

        Raises
        ------
        UsageError
            If another item has this name already.
        """

        def put(item: Registered) -> Registered:
            old = self._entries.get(name)
            if old is not None and _origin(old.item) != _origin(item):
                raise UsageError(
                    f"There is already a {self.kind} called {name!r} ({_origin(old.item)}). Choose another name."
                )
            self._entries[name] = Entry(name, title or name.replace("_", " "), item, extras)  # type: ignore[arg-type]
            self._entries = dict(sorted(self._entries.items(), key=self._place))
            return item

        return put

    def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True  # first: a file of the registry may look at the registry while it is imported
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")

    def _place(self, named: tuple[str, Entry[T]]) -> tuple[int, bool, str]:
        """Say where an entry comes; entries of one file keep their order."""
        name, entry = named
        rank = self._first.index(name) if name in self._first else len(self._first)
        module = str(getattr(entry.item, "__module__", ""))
        foreign = not module.startswith(f"{self._package}.")
        return rank, foreign, "" if foreign else module

    @property
    def default(self) -> str:
        """Name of what is taken where nobody has chosen."""
        self._fill()
        return next(iter(self._entries))

    def entry(self, name: str) -> Entry[T]:
        """Return the entry called ``name``.

        Raises
        ------
        UsageError
            If there is none, naming those there are.
        """
        self._fill()
        if name not in self._entries:
            raise UsageError(f"There is no {self.kind} called {name!r}. Allowed: {', '.join(self._entries)}.")
        return self._entries[name]

    def __getitem__(self, name: str) -> T:
        return self.entry(name).item

    def __contains__(self, name: object) -> bool:
        self._fill()
        return name in self._entries

    def __iter__(self) -> Iterator[Entry[T]]:
        self._fill()
        return iter(tuple(self._entries.values()))

    def names(self) -> tuple[str, ...]:
        """Return all names."""
        self._fill()
        return tuple(self._entries)

    def name_of(self, thing: object) -> str:
        """Return the name under which a class, a function or an instance of a class is registered.

        Raises
        ------
        UsageError
            If it is not in the registry.
        """
        self._fill()
        for entry in self._entries.values():
            if thing is entry.item or type(thing) is entry.item:
                return entry.name
        raise UsageError(f"{thing!r} is not a registered {self.kind}. Allowed: {', '.join(self._entries)}.")


def _origin(item: Any) -> str:
    return f"{getattr(item, '__module__', '?')}.{getattr(item, '__qualname__', '?')}"
