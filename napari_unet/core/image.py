"""An image as the methods see it: planes of channels, whatever its axes. Reads and writes no files."""

from __future__ import annotations

import dataclasses
import math
import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputWarning, UserError
from .geometry import Geometry
from .in_memory import in_memory
from .no_data import empty_pixels, odd_value
from .pixel_values import as_float32
from .saying import say_once
from .seen_parts import note_part

Where = tuple[int | slice, ...]
"""Index into an array of an image's shape without channels: leading plane numbers, then rows and columns."""


@dataclasses.dataclass(frozen=True)
class Axes:
    """What each axis of an array is, and why we think so.

    ``letters`` has one capital letter per axis: ``Y`` and ``X`` once each and in this order, ``C`` at most once, and
    any other letters (N, T, Z, ...) for axes along which planes are counted. ``reason`` is for people.
    """

    letters: str
    reason: str = "as given"


def resolve_axes(
    shape: Sequence[int], given: str | None = None, metadata: str | None = None,
    source: str = "from the file's metadata",
) -> Axes:
    """Say what the axes of an array are.

    In this order: what the user gave; what the file's metadata says (or the ``source`` of its letters, if that is
    another one); a last axis of 3 or 4 is C; the first of three is N.

    Raises
    ------
    UserError
        If the axes given do not fit the shape, or the shape cannot be guessed.
    """
    shape = tuple(shape)
    if given:
        return Axes(_checked(given.upper(), shape, "the axes given"), "as given")
    if metadata:
        return Axes(_checked(metadata.upper(), shape, "the file's axes"), source)
    if len(shape) == 2:
        return Axes("YX", "two axes")
    if len(shape) >= 3 and shape[-1] in (3, 4):
        if len(shape) <= 4:
            return Axes("NYXC"[4 - len(shape):], f"guessed: a last axis of {shape[-1]} is colour")
    elif len(shape) == 3:
        return Axes("NYX", "guessed: the first of three axes counts planes; say ZYX if they lie behind one another")
    if len(shape) < 2:
        raise UserError(f"An array of shape {shape} is no image: it needs rows and columns. Choose another file.")
    raise UserError(
        f"The axes of an array of shape {shape} cannot be guessed. Say what they are, one letter each, "
        "e.g. NYX (stack), ZYX (z-stack), YXC (colour), TCYX (time, channels)."
    )


def _checked(letters: str, shape: tuple[int, ...], what: str) -> str:
    good = (
        len(letters) == len(shape) and len(set(letters)) == len(letters) and letters.isalpha()
        and "Y" in letters and "X" in letters and letters.index("Y") < letters.index("X")
    )
    if not good:
        example = {2: "YX", 3: "NYX", 4: "NYXC", 5: "TZCYX"}.get(len(shape), "NTZCYX")
        raise UserError(
            f"{letters!r} ({what}) does not fit an array of shape {shape}. Give one letter for each of its "
            f"{len(shape)} axes, Y before X, C for channels, others (N, T, Z) for planes, e.g. {example}."
        )
    return letters


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """An image of any number of planes, each of (C, Y, X).

    Parameters
    ----------
    data : array-like
        NumPy, zarr or dask array; read plane by plane, never written.
    axes : str
        One letter per axis of ``data``, see :class:`Axes`.
    name : str
        For messages, rows of tables and names of files.
    scale : tuple of float, optional
        Size of a step along each axis of :attr:`shape`, in ``unit``. Default 1.
    unit : str
        Physical unit of ``scale`` (``"pixel"`` when not known).
    note : str
        What people should know about how it was read: its axes and why, a level or a series chosen.
    translate : tuple of float, optional
        Position of the first element along each axis of :attr:`shape`, in ``unit``. Default 0.
    time_unit : str
        Unit of the steps along a T axis (``"pixel"`` when not known).
    no_data : tuple of float
        Numbers of which the file says that they stand for no data; see :mod:`.no_data` for those that need no saying.
    guessed_axes : bool
        Whether the letters of ``axes`` are only a guess: none of them is then known to be z.

    Raises
    ------
    UserError
        If the image is empty, complex or not made of numbers, or the axes do not fit.
    """

    data: Any
    axes: str = "YX"
    name: str = "image"
    scale: tuple[float, ...] = ()
    unit: str = "pixel"
    note: str = ""
    translate: tuple[float, ...] = ()
    time_unit: str = "pixel"
    no_data: tuple[float, ...] = ()
    guessed_axes: bool = False
    # what stood for no data in the planes read so far: only ever added to, and only for messages
    _filled: set[float] = dataclasses.field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", self.axes.upper())
        object.__setattr__(self, "scale", tuple(map(float, self.scale)))
        object.__setattr__(self, "translate", tuple(map(float, self.translate)))
        shape, dtype = tuple(self.data.shape), np.dtype(self.data.dtype)
        _checked(self.axes, shape, f"the axes of {self.name!r}")
        if dtype.kind not in "buif":
            raise UserError(
                f"The pixels of {self.name!r} are {dtype}. Allowed: bool, integer or real numbers. "
                "Convert the image first (of a complex one take the magnitude)."
            )
        if math.prod(shape) == 0:
            raise UserError(f"{self.name!r} is empty (shape {shape}). Choose an image with pixels.")
        if not self.scale:
            object.__setattr__(self, "scale", (1.0,) * len(self.shape))
        if len(self.scale) != len(self.shape):
            raise UserError(f"{self.name!r} has {len(self.shape)} axes without channels but {len(self.scale)} scales.")
        if not self.translate:
            object.__setattr__(self, "translate", (0.0,) * len(self.shape))
        if len(self.translate) != len(self.shape):
            raise UserError(
                f"{self.name!r} has {len(self.shape)} axes without channels but {len(self.translate)} offsets."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape without the channel axis: leading axes, then Y and X last. Labels of this image have it."""
        sizes = dict(zip(self.axes, self.data.shape, strict=True))
        return tuple(sizes[letter] for letter in self.label_axes)

    @property
    def label_axes(self) -> str:
        """Letters of :attr:`shape`: plane axes in order, then ``YX``."""
        return "".join(letter for letter in self.axes if letter not in "CYX") + "YX"

    @property
    def geometry(self) -> Geometry:
        """Where labels of this image lie."""
        return Geometry(self.label_axes, self.scale, self.unit, self.translate, self.time_unit)

    @property
    def n_channels(self) -> int:
        """Number of channels (1 without a channel axis)."""
        return int(self.data.shape[self.axes.index("C")]) if "C" in self.axes else 1

    @property
    def n_planes(self) -> int:
        """Number of planes: product of the leading axes."""
        return math.prod(self.shape[:-2])

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(Y, X) of a plane."""
        return self.shape[-2], self.shape[-1]

    def where(self, plane: int, y: slice = slice(None), x: slice = slice(None)) -> Where:
        """Return the index of (part of) a plane in an array of :attr:`shape`."""
        return (*map(int, np.unravel_index(plane, self.shape[:-2])), y, x) if self.shape[:-2] else (y, x)

    def plane_of(self, where: Where) -> int:
        """Return the number of the plane that an index from :meth:`where` lies in."""
        numbers = tuple(operator.index(number) for number in where[:-2])  # type: ignore[arg-type]  # not slices
        return int(np.ravel_multi_index(numbers, self.shape[:-2])) if numbers else 0

    def window(self, number: int, rows: slice = slice(None), columns: slice = slice(None)) -> NDArray[Any]:
        """Read (part of) a plane as it is stored, (C, Y, X)."""
        leading = iter(self.where(number)[:-2])
        wanted: dict[str, slice] = {"C": slice(None), "Y": rows, "X": columns}
        array = in_memory(self.data[tuple(wanted[letter] if letter in wanted else next(leading)
                                          for letter in self.axes)])
        kept = "".join(letter for letter in self.axes if letter in wanted)
        found = np.moveaxis(array, kept.index("C"), 0) if "C" in kept else array[None]
        note_part(self, number, rows, columns, found)
        return found

    def plane(self, number: int) -> NDArray[np.float32]:
        """Read one plane.

        Returns
        -------
        ndarray of float32, shape (C, Y, X)
            A fresh array of the values themselves wherever float32 can tell them apart. Where it cannot (small
            contrast on a large offset, numbers beyond 1e30 or below 1e-30), a channel is shifted or scaled; NaN and
            infinity stay. Numbers that stand for no data (:mod:`.no_data`) are NaN.

        Warns
        -----
        InputWarning
            Once per image, if a number on more than 1 % of the pixels is far from all others and might stand for no
            data.
        """
        array = self.window(number)
        empty, values = empty_pixels(array, self.no_data)
        self.note_fill(array, empty, values)
        return as_float32(array, empty)

    def note_fill(self, array: NDArray[Any], empty: NDArray[np.bool_] | None, values: Sequence[float]) -> None:
        """Remember what stood for no data in a plane (C, Y, X), and tell once of a number that might."""
        self._filled.update(values)
        for number, channel in enumerate(array):
            odd = odd_value(channel, None if empty is None else empty[number])
            if odd is not None:
                say_once(
                    self.data,
                    f"{self.name!r}: more than 1 % of the pixels of a plane hold exactly {odd.value:g}, far from all "
                    "other values. If they hold no data, save them as NaN or say so in the file (GDAL's no-data tag).",
                )
                return

    def note_flat(self, array: NDArray[Any]) -> None:
        """Tell once, if the whole of the one plane there is, (C, Y, X), holds one value: methods learn nothing there.

        Stacks are let be: they have empty planes.
        """
        first = array[:, :1, :1]
        if self.n_planes == 1 and first.size and (array[:, ::64, ::64] == first).all() and (array == first).all():
            say_once(self.data, f"{self.name!r} holds the same value everywhere ({first.flat[0]:g}): nothing in it can "
                                "be told apart. Is it the right image, and the right channel?")


def warn_not_finite(image: Image, count: int) -> None:
    """Tell once per image how many pixels were left out because they are NaN or infinite.

    Raises
    ------
    UserError
        If no pixel at all is a number.
    """
    total = math.prod(image.shape)
    if count >= total:
        raise UserError(
            f"{image.name!r} holds no numbers at all (every pixel {_are(image, 'is')}). Choose another image."
        )
    if count:
        warnings.warn(
            f"{image.name!r}: {count} of {total} pixels {_are(image, 'are')}; they are left out of training and "
            "predicted as background.",
            InputWarning,
            stacklevel=3,
        )


def say_some_not_finite(image: Image) -> None:
    """Tell once per image that some pixels are no numbers, where nobody has counted all of them."""
    say_once(image.data, f"{image.name!r}: some pixels {_are(image, 'are')}; they are predicted as background.")


def _are(image: Image, verb: str) -> str:
    """What pixels without a number hold."""
    if not image._filled:
        return f"{verb} NaN or infinite"
    return f"{verb} NaN, infinite or without data ({', '.join(f'{value:g}' for value in sorted(image._filled))})"
