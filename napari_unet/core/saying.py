"""Say a thing about an image once, however often it is noticed. Knows no images."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

from .errors import InputWarning

_said: dict[int, set[str]] = {}


def say_once(owner: Any, text: str) -> None:
    """Warn (:class:`InputWarning`) unless the same was said about the same object before.

    The command line shows such a warning as a line, napari as a notification. Python's own memory of warnings is of no
    use here: it is lost whenever anybody changes a filter.

    Parameters
    ----------
    owner : object
        What the text is about, usually an array. Of one that cannot be referred to weakly, all is said each time.
    text : str
    """
    key = id(owner)
    if key not in _said:
        try:
            weakref.finalize(owner, _said.pop, key, None)
        except TypeError:
            warnings.warn(text, InputWarning, stacklevel=3)
            return
    told = _said.setdefault(key, set())
    if text not in told:
        told.add(text)
        warnings.warn(text, InputWarning, stacklevel=3)
