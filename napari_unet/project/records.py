"""What a project knows, as frozen records that become JSON and come back checked. Touches no disk and no pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError

from .image_records import ImageRecord, ImageSource, fields_of, new_id
from .record_checks import Checked, checked_id, plain_json

T = TypeVar("T")


__all__ = ["ImageRecord", "ImageSource", "ModelRecord", "ProjectState", "ResultRecord", "new_id"]


@dataclasses.dataclass(frozen=True)
class ModelRecord:
    """A model that was shown.

    Parameters
    ----------
    file : str
        ``models/NAME``.
    name : str
        For people.
    step : int
        Training steps behind it; 0 for the instant answer.
    dice : float or None
        On held-out strokes.
    time : float
        When it came, in seconds since 1970.
    training : int
        Models of one training have the same number.
    strokes : mapping of str to str
        Hash of the strokes of each image that it has learnt from.
    shown : bool
        Whether it was the one shown in the end.
    pinned : bool
        Whether it is kept however many come after it.
    follows : bool
        Whether strokes that are painted later fit its last layer anew.
    """

    file: str
    name: str
    step: int = 0
    dice: float | None = None
    time: float = 0.0
    training: int = 0
    strokes: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    shown: bool = False
    pinned: bool = False
    follows: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {**fields_of(self), "strokes": dict(self.strokes)}

    @classmethod
    def from_json(cls, given: Any, what: str = "a model") -> ModelRecord:
        """Return what :meth:`to_json` gave; UserError for anything else."""
        read = Checked(given, what)
        strokes = {str(key): str(value) for key, value in read.json("strokes").items()}
        return cls(
            read.inside("file", "models"), read.text("name"), read.whole("step", 0), read.maybe_number("dice"),
            read.moment("time"), read.whole("training", 0), strokes, read.flag("shown", False),
            read.flag("pinned", False), read.flag("follows", False),
        )


@dataclasses.dataclass(frozen=True)
class ResultRecord:
    """A prediction that the project holds: of which image, in which file, by which model, from which strokes.

    ``basis`` is what the strokes of all images and the model together were known by, empty where that was not noted.
    """

    image: str
    file: str
    model: str = ""
    time: float = 0.0
    strokes: str = ""
    basis: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return fields_of(self)

    @classmethod
    def from_json(cls, given: Any, what: str = "a result") -> ResultRecord:
        """Return what :meth:`to_json` gave; UserError for anything else."""
        read = Checked(given, what)
        return cls(read.identifier("image"), read.inside("file", "results"), read.text("model", ""),
                   read.moment("time"), read.text("strokes", ""), read.text("basis", ""))


@dataclasses.dataclass(frozen=True)
class ProjectState:
    """All that ``project.json`` says.

    Parameters
    ----------
    images : tuple of ImageRecord
        In order.
    classes : ClassTable
    current : str or None
        Id of the image looked at.
    models : tuple of ModelRecord
        The newest first.
    results : tuple of ResultRecord
        At most one for an image.
    settings : mapping
        Plain JSON.
    removed : tuple of str
        Ids of images that were taken out; their strokes stay on disk, and are not taken up by themselves.
    painted : tuple of str
        Ids of painted images in the order in which they came: a training takes them so, and depends on it.

    Raises
    ------
    UserError
        If ids are repeated, or the settings are no plain JSON.
    """

    images: tuple[ImageRecord, ...] = ()
    classes: ClassTable = dataclasses.field(default_factory=ClassTable.default)
    current: str | None = None
    models: tuple[ModelRecord, ...] = ()
    results: tuple[ResultRecord, ...] = ()
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    removed: tuple[str, ...] = ()
    painted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not plain_json(self.settings):
            raise UserError("The settings of a project are plain JSON: texts, numbers, lists and objects.")
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))
        for what, ids in (("images", [one.id for one in self.images]), ("models", [one.file for one in self.models]),
                          ("results", [one.image for one in self.results]),
                          ("pairs", [one.pair_key for one in self.images])):
            if len(set(ids)) < len(ids):
                twice = sorted({one for one in ids if ids.count(one) > 1})
                raise UserError(f"Two {what} of the project have one name ({', '.join(twice[:3])}).")
        for one in self.images:
            checked_id(one.id)

    def image(self, image_id: str) -> ImageRecord | None:
        """Return the image of this id, None if there is none."""
        return next((one for one in self.images if one.id == image_id), None)

    @property
    def in_painted_order(self) -> tuple[ImageRecord, ...]:
        """The images, those that were painted first, as they were."""
        place = {image_id: number for number, image_id in enumerate(self.painted)}
        return tuple(sorted(self.images, key=lambda one: place.get(one.id, len(place))))

    def pair_image(self, key: object) -> ImageRecord | None:
        """Return the image whose pair has this key in the session, None if there is none."""
        return next((one for one in self.images if one.pair_key == key), None)

    def result(self, image_id: str) -> ResultRecord | None:
        """Return the prediction of an image, None if there is none."""
        return next((one for one in self.results if one.image == image_id), None)

    def replacing(self, *records: ImageRecord | ModelRecord | ResultRecord, **values: Any) -> ProjectState:
        """Return the same with records in place of those of the same id, or added; and with other values of fields.

        New models come first, all else last.
        """
        state = dataclasses.replace(self, **values)
        for one in records:
            if isinstance(one, ImageRecord):
                gone = tuple(name for name in state.removed if name != one.id)
                state = dataclasses.replace(state, images=_put(state.images, one, "id"), removed=gone)
            elif isinstance(one, ModelRecord):
                new = all(old.file != one.file for old in state.models)
                models = (one, *state.models) if new else _put(state.models, one, "file")
                state = dataclasses.replace(state, models=models)
            else:
                state = dataclasses.replace(state, results=_put(state.results, one, "image"))
        return state

    def without_image(self, image_id: str) -> ProjectState:
        """Return the same without an image and its prediction; its strokes stay on disk."""
        return dataclasses.replace(
            self, images=tuple(one for one in self.images if one.id != image_id),
            results=tuple(one for one in self.results if one.image != image_id),
            current=None if self.current == image_id else self.current,
            removed=(*(one for one in self.removed if one != image_id), image_id),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "classes": [[one.id, one.name, one.color] for one in self.classes.classes],
            "current": self.current,
            **{key: [one.to_json() for one in getattr(self, key)] for key in ("images", "models", "results")},
            "settings": dict(self.settings),
            "removed": list(self.removed),
            "painted": list(self.painted),
        }

    @classmethod
    def from_json(cls, given: Any) -> ProjectState:
        """Return what :meth:`to_json` gave; UserError for anything else."""
        read = Checked(given, "the project")
        return cls(
            tuple(ImageRecord.from_json(one, f"image {n}") for n, one in enumerate(read.items("images"), 1)),
            _classes(read.items("classes")), read.maybe_text("current"),
            tuple(ModelRecord.from_json(one, f"model {n}") for n, one in enumerate(read.items("models"), 1)),
            tuple(ResultRecord.from_json(one, f"result {n}") for n, one in enumerate(read.items("results"), 1)),
            read.json("settings"), read.texts("removed"), read.texts("painted"),
        )


def _put(records: tuple[T, ...], new: T, key: str) -> tuple[T, ...]:
    """Put a record in place of the one with the same key, or at the end."""
    if any(getattr(one, key) == getattr(new, key) for one in records):
        return tuple(new if getattr(one, key) == getattr(new, key) else one for one in records)
    return (*records, new)


def _classes(rows: list[Any]) -> ClassTable:
    good = all(isinstance(row, list) and len(row) == 3 and type(row[0]) is int for row in rows)
    if not good:
        raise UserError("'classes' of the project is wrong. Allowed: a list of [id, name, \"#rrggbb\"].")
    return ClassTable(tuple(PaintedClass(*row) for row in rows))
