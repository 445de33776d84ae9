"""A one-slot mailbox between two threads. Holds frozen values only; has no lock and no queue."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """The newest value of something: one writer replaces it, readers never wait.

    Replacing an attribute is atomic in CPython, so no lock is needed as long as the value itself is frozen.

    Parameters
    ----------
    value : T
        What readers see until the first :meth:`put`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def get(self) -> T:
        """Return the newest value."""
        return self._value

    def put(self, value: T) -> None:
        """Replace the value; whoever reads next sees this one."""
        self._value = value
