"""The strokes of all images of a project, ``strokes/IMAGE_ID.zarr``. Decides not which images there are."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Scribbles

from .block_store import BlockStore, StoredStrokes
from .record_checks import checked_id, is_id
from .records import ImageRecord, ProjectState

_KEY = "napari_unet"


class StrokeFiles:
    """The folder ``strokes/`` of a project.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stores: dict[str, BlockStore] = {}
        self._pair_keys: dict[str, str] = {}  # of the strokes written last, by image

    def _store(self, image_id: str) -> BlockStore:
        if image_id not in self._stores:
            self._stores[image_id] = BlockStore(self.path_of(checked_id(image_id)))
        return self._stores[image_id]

    def path_of(self, image_id: str) -> Path:
        """Return the folder of an image's strokes, there or not."""
        return self._path / f"{image_id}.zarr"

    def forget(self) -> None:
        """Forget what the disk holds: the next writing of each image makes sure of all of it."""
        for store in self._stores.values():
            store.forget()

    def move_to(self, path: Path) -> None:
        """Go on in a copy of the folder."""
        self._path = path
        for image_id, store in self._stores.items():
            store.move_to(self.path_of(image_id))

    def write(self, image_id: str, record: ImageRecord | None, scribbles: Scribbles, axes: str = "") -> int:
        """Write what differs, see :meth:`BlockStore.write`; the array carries the image's record with it.

        Where the image has other strokes than those written last, by its record, those are put aside.
        """
        if record is not None and self._pair_keys.setdefault(image_id, record.pair_key) != record.pair_key:
            self._store(image_id).set_aside()
            self._pair_keys[image_id] = record.pair_key
        if not scribbles.planes and not self.path_of(image_id).is_dir():
            return 0
        axes = axes or (record.label_axes if record else "")
        if len(axes) != len(scribbles.shape):
            axes = "NTZPQRUVW"[: len(scribbles.shape) - 2] + "YX"
        notes = {"role": "strokes", "code": "painted", "axes": axes,
                 **({"image": record.to_json()} if record else {})}
        done = 0
        if scribbles.derived or self._marks_path(image_id).is_dir():  # first: what is marked and no paint harms nobody
            marks = Scribbles(scribbles.shape, scribbles.derived, scribbles.version)
            done = self._marks(image_id).write(marks, axes, {_KEY: {"role": "derived", "axes": axes}})
        return done + self._store(image_id).write(scribbles, axes, {_KEY: notes})

    def read(self, image_id: str, mend: bool) -> StoredStrokes | None:
        """Read the strokes of an image, None if there are none; ``mend`` puts blocks aside that cannot be read.

        Raises
        ------
        UserError
            If they cannot be read.
        """
        store = self._store(image_id)
        try:
            found = store.read()
            if found is None and self.path_of(image_id).is_dir():
                raise UserError(f"The strokes {self.path_of(image_id)} have no description (.zarray). They are left as "
                                "they are.")
            if found is not None and found.damaged and mend:
                store.set_aside_damaged(found.damaged)
            marks = self._marks(image_id).read() if found is not None else None
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"The strokes {self.path_of(image_id)} could not be read ({reason}).") from error
        if found is None or marks is None or marks.scribbles.shape != found.scribbles.shape:
            return found
        paint = found.scribbles.planes
        derived = {number: (mask > 0) & (paint[number] > 0) for number, mask in marks.scribbles.planes.items()
                   if number in paint}
        return dataclasses.replace(found, scribbles=dataclasses.replace(
            found.scribbles, derived={number: mask.astype(np.uint8) for number, mask in derived.items()}))

    def _marks_path(self, image_id: str) -> Path:
        return self._path / f"{image_id}.derived.zarr"

    def _marks(self, image_id: str) -> BlockStore:
        """Where it is kept which pixels were taken from a prediction (1), beside the paint."""
        return self._stores.setdefault(f"{image_id}.derived", BlockStore(self._marks_path(image_id)))

    def unnamed(self, state: ProjectState) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (id, notes) of strokes whose image a state does not have, and that were not removed with it."""
        known = {*(one.id for one in state.images), *state.removed}
        with contextlib.suppress(OSError):
            for one in sorted(self._path.glob("*.zarr")):
                if is_id(one.stem) and one.stem not in known:
                    notes = BlockStore(one).notes().get(_KEY)
                    yield one.stem, notes if isinstance(notes, dict) else {}
