"""Images of a project as frozen records: where their pixels are, and what is known of them. Touches no disk."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from napari_unet.core.errors import UserError

from .record_checks import Checked


def new_id() -> str:
    """Return an id that nothing else has."""
    return uuid.uuid4().hex


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """Where the pixels of an image are.

    Parameters
    ----------
    paths : tuple of str
        With slashes, relative to the project's folder where possible (``"../cells.tif"``), otherwise absolute. Several
        are the channels of one image, in order.
    series : int
        Which of several images in the file, counted from 0; 0 = the one that opening the file gives.
    stored : bool
        Whether the pixels lie in the project's own ``images/``.
    axes : str
        Of what was stored, when it was; the record's may have got other letters since.
    """

    paths: tuple[str, ...]
    series: int = 0
    stored: bool = False
    axes: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {"paths": list(self.paths), "series": self.series, "stored": self.stored, "axes": self.axes}

    @classmethod
    def from_json(cls, given: Any, what: str) -> ImageSource:
        """Return what :meth:`to_json` gave; UserError for anything else."""
        read = Checked(given, f"'source' of {what}")
        made = cls(read.paths("paths"), read.whole("series", 0), read.flag("stored", False),
                   read.text("axes", ""))
        if not made.paths:
            raise UserError(f"{what} names no file.")
        if made.stored:
            Checked({"path": made.paths[0]}, f"'source' of {what}").inside("path", "images")
            if sorted(made.axes) != sorted(set(made.axes)) or not made.axes.isalpha():
                raise UserError(f"The axes {made.axes!r} of what is stored of {what} make no sense.")
        return made


@dataclasses.dataclass(frozen=True)
class ImageRecord:
    """An image of the project; the project holds its strokes, and mostly not its pixels.

    Parameters
    ----------
    id : str
        Also the key of the image in the session, and the name of its strokes on disk.
    name : str
        For people.
    source : ImageSource
    axes : str
        One letter for each axis of ``shape``; empty: as the file says.
    shape : tuple of int
        Of the whole array, channels included.
    dtype : str
        Of the pixels.
    scale, translate : tuple of float
        Step size and offset along each axis without channels, in ``unit``; empty: 1 and 0.
    unit, time_unit : str
    channels : tuple of str
        Names of the channels, where known.
    strokes_id : str
        Key of the pair in the session; empty: the same as ``id``.
    size : int
        Bytes of the file (of all of them together).
    hash : str
        Of parts of it, see :func:`napari_unet.project.sources.quick_hash`; empty where not known.
    learn : bool
        Whether its strokes are learnt from.
    looked_at : bool
    exported : str
        Where its mask was saved last; empty: nowhere.
    no_data : tuple of float
        Numbers that stand for no data.
    level : tuple of int
        Of a large image, the level that is learnt from: how many rows and columns of the finest one each of it stands
        for. Empty: the image is learnt from as it is.
    """

    id: str
    name: str
    source: ImageSource
    axes: str
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...] = ()
    unit: str = "pixel"
    channels: tuple[str, ...] = ()
    strokes_id: str = ""
    size: int = 0
    hash: str = ""
    learn: bool = True
    looked_at: bool = False
    exported: str = ""
    translate: tuple[float, ...] = ()
    time_unit: str = "pixel"
    no_data: tuple[float, ...] = ()
    level: tuple[int, ...] = ()

    @property
    def pair_key(self) -> str:
        """Key of image and strokes in the session."""
        return self.strokes_id or self.id

    @property
    def label_axes(self) -> str:
        """Letters of the strokes; empty where the axes are not known."""
        return "".join(letter for letter in self.axes if letter not in "CYX") + "YX" if self.axes else ""

    @property
    def label_shape(self) -> tuple[int, ...]:
        """Shape of the strokes; empty where the axes are not known."""
        sizes = dict(zip(self.axes, self.shape, strict=True)) if self.axes else {}
        return tuple(sizes[letter] for letter in self.label_axes)

    def keeping(self, known: ImageRecord | None) -> ImageRecord:
        """Return the same with what people did to an image that was known before: learn, looked at, exported."""
        if known is None:
            return self
        return dataclasses.replace(self, strokes_id=self.strokes_id or known.strokes_id, learn=known.learn,
                                   looked_at=known.looked_at, exported=known.exported, level=known.level)

    def to_json(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {**fields_of(self), "source": self.source.to_json()}

    @classmethod
    def from_json(cls, given: Any, what: str = "an image") -> ImageRecord:
        """Return what :meth:`to_json` gave; UserError for anything else."""
        read = Checked(given, what)
        made = cls(
            id=read.identifier("id"), name=read.text("name"), source=ImageSource.from_json(read.child("source"), what),
            axes=read.text("axes", ""), shape=read.sizes("shape"), dtype=read.text("dtype"),
            scale=read.numbers("scale", positive=True), unit=read.text("unit", "pixel"),
            channels=read.texts("channels"), strokes_id=read.text("strokes_id", ""),
            size=read.whole("size", 0), hash=read.text("hash", ""), learn=read.flag("learn", True),
            looked_at=read.flag("looked_at", False), exported=read.text("exported", ""),
            translate=read.numbers("translate"), time_unit=read.text("time_unit", "pixel"),
            no_data=read.numbers("no_data"), level=tuple(map(int, read.numbers("level", positive=True))),
        )
        if made.level and (len(made.level) != 2 or min(made.level) < 1):
            raise UserError(f"The level {made.level} of {what} makes no sense. Allowed: two whole numbers from 1 on.")
        good = len(set(made.axes)) == len(made.axes) == len(made.shape) and made.axes.isalpha() and made.axes.isupper()
        if made.axes and not (good and {"Y", "X"} <= set(made.axes)):
            raise UserError(f"The axes {made.axes!r} of {what} do not fit its shape {made.shape}.")
        if made.source.stored and len(made.source.axes) != len(made.shape):
            raise UserError(f"The axes {made.source.axes!r} of what is stored of {what} do not fit {made.shape}.")
        if made.axes and any(numbers and len(numbers) != len(made.label_axes)
                             for numbers in (made.scale, made.translate)):
            raise UserError(f"Scale or offset of {what} do not fit its axes {made.axes!r}.")
        return made


def fields_of(record: Any) -> dict[str, Any]:
    """Return the fields of a record by name, tuples as lists."""
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
