"""Levels that were made for looking, as napari gets them: it draws what is there, and does not wait for the rest.

Whoever else reads them (programs, other plugins, our own threads) gets all pixels, and waits. Makes nothing itself.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QCoreApplication

from napari_unet.core.axis_index import for_each_axis
from napari_unet.core.errors import UserError
from napari_unet.core.in_memory import in_memory
from napari_unet.core.made_levels import MadeLevel
from napari_unet.project.lazy_pixels import Reordered

from .level_work import LevelWork

Convert = Callable[[NDArray[Any]], NDArray[Any]]

_SIDE, _PLACES = 256, 3
"""Rows and columns of a part that is looked into for the range of values, and how many in a row."""


class SeenLevel:
    """A made level with its axes as napari wants them.

    Parameters
    ----------
    level : MadeLevel
    order : sequence of int
        Axis of ``level`` that each axis of this one is.
    work : LevelWork
        Is told what is missing.
    convert : callable, optional
        What is done to the pixels; keeps their number.
    """

    def __init__(self, level: MadeLevel, order: Sequence[int], work: LevelWork, convert: Convert | None = None) -> None:
        self.work, self._convert = work, convert
        plain = list(order) == list(range(level.ndim))
        self._exact: Any = level if plain else Reordered(level, order)  # type: ignore[arg-type]
        drawn: Any = _DrawnLevel(level, work)
        self._drawn = drawn if plain else Reordered(drawn, order)
        self.shape, self.ndim, self.size = self._exact.shape, level.ndim, level.size
        self.dtype = np.dtype(level.dtype if convert is None else convert(np.zeros(1, level.dtype)).dtype)

    @property
    def exact(self) -> Any:
        """The same for who may wait, whoever reads it."""
        return self._exact if self._convert is None else _Converted(self._exact, self._convert, self.dtype)

    def __deepcopy__(self, memo: Any) -> SeenLevel:
        return self  # nothing can be written to it: a layer that is duplicated shares it

    def __getitem__(self, index: Any) -> Any:
        if _is_cutting():
            return SeenPart(self, [slice(None)] * self.ndim)[index]
        return self._read(self._exact, index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if _is_cutting():
            return SeenPart(self, [slice(None)] * self.ndim)[...].__array__(dtype, copy)
        return np.array(self._read(self._exact, ...), dtype=dtype, copy=None if copy is None else copy)

    def seen(self, index: tuple[Any, ...]) -> NDArray[Any]:
        """Return a part that napari cuts out: in the window's thread what is there, and the rest is made."""
        return self._read(self._drawn if _is_window() else self._exact, index)

    def _read(self, pixels: Any, index: Any) -> NDArray[Any]:
        found: NDArray[Any] = pixels[index]
        return found if self._convert is None else self._convert(found)


class SeenPart:
    """A part of a level that napari is about to draw: it takes rows and columns first, and then the plane.

    Parameters
    ----------
    level : SeenLevel
    parts : sequence of int or slice
        For each axis of the level.
    """

    def __init__(self, level: SeenLevel, parts: Sequence[int | slice]) -> None:
        self._level, self._parts = level, tuple(parts)
        left = [range(size)[part] for part, size in zip(parts, level.shape, strict=True) if isinstance(part, slice)]
        self.shape, self.ndim, self.dtype = tuple(map(len, left)), len(left), level.dtype

    def __getitem__(self, index: Any) -> SeenPart:
        wanted = iter(for_each_axis(index, self.ndim))
        parts: list[int | slice] = []
        for part, size in zip(self._parts, self._level.shape, strict=True):
            if not isinstance(part, slice):
                parts.append(part)
                continue
            found = range(size)[part][next(wanted)]
            parts.append(found if isinstance(found, int) else slice(
                found.start, None if found.stop < 0 else found.stop, found.step))
        return SeenPart(self._level, parts)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._level.seen(self._parts), dtype=dtype, copy=None if copy is None else copy)


class _DrawnLevel:
    """What is there of a level."""

    def __init__(self, level: MadeLevel, work: LevelWork) -> None:
        self._level, self._work = level, work
        self.shape, self.ndim, self.dtype, self.size = level.shape, level.ndim, level.dtype, level.size

    def __getitem__(self, index: Any) -> NDArray[Any]:
        found = self._level.known(index)
        if found is None:
            return self._level[index]
        self._work.ask(self._level, index, found[1])
        return found[0]


class _Converted:
    """An array to whose pixels something is done when they are read."""

    def __init__(self, data: Any, convert: Convert, dtype: np.dtype[Any]) -> None:
        self._data, self._convert, self.dtype = data, convert, dtype
        self.shape, self.ndim, self.size = data.shape, data.ndim, data.size

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self._convert(self._data[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


def seen_levels(
    made: Sequence[MadeLevel], order: Sequence[int], name: str, convert: Convert | None = None
) -> list[SeenLevel]:
    """Return made levels of one image as napari draws them; parameters as of :class:`SeenLevel`.

    ``name`` is that of the image, for messages.
    """
    work = LevelWork(name)
    return [SeenLevel(one, order, work, convert) for one in made]


def exact_level(data: Any) -> Any:
    """Return a level of a layer as one whose pixels are waited for."""
    return data.exact if isinstance(data, SeenLevel) else data


def guessed_contrast(
    seen: Sequence[SeenLevel], data: Any, axes: str, no_data: Sequence[float] = ()
) -> dict[str, Any]:
    """Return the option of a layer for its contrast, by some places: for that of all napari would wait.

    Parameters
    ----------
    seen : sequence of SeenLevel
        Of the image; none: it needs no guess.
    data, axes, no_data
        As of :func:`sampled_range`.
    """
    colour = axes.endswith("C")  # napari asks for no contrast of colours
    found = sampled_range(data, axes, no_data) if seen and not colour else None
    if found is None:
        return {}
    seen[0].work.limits = found
    return {"contrast_limits": found}


def sampled_range(data: Any, axes: str, no_data: Sequence[float] = ()) -> tuple[float, float] | None:
    """Return the least and the largest value in some places of the middle plane; None where there are no numbers.

    Nothing is said of 8 bits, whose range napari knows.
    """
    if np.dtype(data.dtype) == np.uint8 or np.dtype(data.dtype).kind not in "uif":
        return None
    low, high = math.inf, -math.inf
    for row in range(_PLACES):
        for column in range(_PLACES):
            index = tuple(_place(size, {"Y": row, "X": column}[one]) if one in "YX" else slice(None) if one == "C"
                          else size // 2 for one, size in zip(axes, data.shape, strict=True))
            with contextlib.suppress(UserError):  # what is damaged is said when it is looked at
                values = in_memory(data[index])
                values = values[np.isfinite(values) & ~np.isin(values, no_data)]
                if values.size:
                    low, high = min(low, float(values.min())), max(high, float(values.max()))
    if not math.isfinite(low):
        return None
    return (low, high) if high > low else (low, low + 1)


def _place(size: int, number: int) -> slice:
    start = max(0, (2 * number + 1) * size // (2 * _PLACES) - _SIDE // 2)
    return slice(start, min(size, start + _SIDE))


def _is_window() -> bool:
    """Say whether this is the window's thread; one of napari's own (asynchronous slicing) may wait."""
    return threading.current_thread() is threading.main_thread() and QCoreApplication.instance() is not None


def _is_cutting() -> bool:
    """Say whether napari asks, to cut out what it draws: it takes rows and columns of all planes first.

    Its versions have that in ``napari.layers.image._slice`` (0.6) and ``napari.layers._scalar_field._slice`` (0.9); a
    version that has it elsewhere gets all pixels, and waits for them.
    """
    name = str(sys._getframe(2).f_globals.get("__name__", ""))
    return name.startswith("napari.layers.") and ("._scalar_field." in name or name.endswith("._slice"))
