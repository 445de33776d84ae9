"""The models of a project as files: numbered, bounded, removed only once nobody names them. Knows no session."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import weakref
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .disk import remove_file
from .records import ModelRecord, ProjectState, ResultRecord

if TYPE_CHECKING:
    from napari_unet.io.model_file import ForestModel, NetworkModel

KEPT_MODELS = 8
"""So many models are kept, the newest, beside those that are pinned."""

_NUMBERED = re.compile(r"(\d{4,9})\.pt")


class ModelShelf:
    """The folder ``models/`` of a project.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = 0
        self._known: list[tuple[weakref.ref[Any], ModelRecord]] = []
        self._waiting: list[tuple[weakref.ref[Any], str]] = []

    def save(self, model: Any) -> str:
        """Save a model as the next number; return its file as records name it.

        Raises
        ------
        UserError
            If it is of a kind that cannot be saved, or the disk is full, say.
        """
        from napari_unet.io.model_file import save_model  # torch is loaded with it

        number = max([self._last, *self._numbers()]) + 1
        name = f"{number:04d}.pt"
        save_model(self._path / name, model)
        self._last = number
        return f"models/{name}"

    def load(self, record: ModelRecord, device: str = "auto") -> NetworkModel | ForestModel:
        """Load a model; errors as :func:`napari_unet.io.model_file.load_model`."""
        from napari_unet.io.model_file import load_model

        model: Any = load_model(self._path.parent / record.file, device)
        if record.follows and hasattr(model, "refits"):
            model = dataclasses.replace(model, refits=True)
        self.note(model, record)
        return model

    def note(self, model: Any, record: ModelRecord) -> tuple[str, ...]:
        """Note that a model lies here; return the images whose predictions it made before it did."""
        self._known = [(one, known) for one, known in self._known if _is_another(one(), model)]
        self._known.append((weakref.ref(model), record))
        images = tuple(image for one, image in self._waiting if one() is model)
        self._waiting = [(one, image) for one, image in self._waiting if _is_another(one(), model)]
        return images

    def record_of(self, model: Any) -> ModelRecord | None:
        """Return the record of a model that was loaded from here or saved here, None if it is none of them."""
        return next((record for one, record in self._known if one() is model), None) if model is not None else None

    def wait_for(self, model: Any, image_id: str) -> None:
        """Note that a model has predicted an image and may be saved later."""
        others = [(one, image) for one, image in self._waiting if image != image_id]
        self._waiting = [*others, (weakref.ref(model), image_id)]

    def sweep(self, named: Iterable[ModelRecord]) -> None:
        """Remove the numbered files that no record names; what cannot be removed stays. Other files are not touched."""
        names = {record.file for record in named}
        for number in self._numbers():
            file = f"{number:04d}.pt"
            if f"models/{file}" not in names:
                with contextlib.suppress(OSError):
                    remove_file(self._path / file)

    def _numbers(self) -> list[int]:
        with contextlib.suppress(OSError):
            found = (_NUMBERED.fullmatch(one.name) for one in self._path.iterdir())
            return [int(one[1]) for one in found if one]
        return []


def _bounded(models: Iterable[ModelRecord]) -> tuple[ModelRecord, ...]:
    """Return the models that stay, in order: pinned ones, the one shown, and the newest others."""
    kept, others = [], 0
    for record in models:
        if not (record.pinned or record.shown):
            others += 1
        if record.pinned or record.shown or others <= KEPT_MODELS:
            kept.append(record)
    return tuple(kept)


def with_model(state: ProjectState, made: ModelRecord, images: Collection[str] = ()) -> ProjectState:
    """Return the state with a model, in place of the same one fitted to older strokes, and without those too many.

    Parameters
    ----------
    state : ProjectState
    made : ModelRecord
    images : collection of str
        Images that it has predicted already, if nothing else has meanwhile.
    """
    results = [by_model(one, made) for one in state.results if one.image in images and not one.model]
    others = [dataclasses.replace(one, shown=one.shown and not made.shown) for one in state.models
              if one.pinned or not _same_network(one, made)]
    return state.replacing(*results, models=_bounded((made, *others)))


def by_model(result: ResultRecord, record: ModelRecord) -> ResultRecord:
    """Return the record of a prediction with the model that it came from."""
    return dataclasses.replace(result, model=record.file, strokes=record.strokes.get(result.image, ""))


def _same_network(one: ModelRecord, other: ModelRecord) -> bool:
    """Say whether both are of one moment of one training, fitted to strokes at different times."""
    return one.step == other.step and (one.training == other.training or not one.step)


def _is_another(one: Any, model: Any) -> bool:
    return one is not None and one is not model
