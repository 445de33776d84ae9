"""Which models of a sitting are in its project, and which are to be saved. Starts no thread."""

from __future__ import annotations

import dataclasses

from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.method import Model
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.model_history import HistoryEntry

from .project_folder import ProjectFolder
from .records import ModelRecord

_VERSIONS = 4096
"""So many versions of strokes are remembered: a model has learnt from those of some seconds ago."""

_PAUSE = 5.0
"""Seconds between two savings: a training brings a new model every two seconds."""


class SavedModels:
    """The models of a sitting that its project has on disk.

    Parameters
    ----------
    folder : ProjectFolder
    """

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder = folder
        self._kept: dict[tuple[int, int], tuple[Model, ModelRecord]] = {}
        self._before = max((one.training for one in folder.state.models), default=0)  # trainings of other sittings
        self._shown: tuple[int, int] | None = None
        self._last = float("-inf")
        self._hashes: dict[tuple[str, int], str] = {}

    def note_strokes(self, image_id: str, scribbles: Scribbles) -> None:
        """Take note of what a version of the strokes of an image holds, for models that learn from it."""
        self._hashes.pop((image_id, scribbles.version), None)
        self._hashes[image_id, scribbles.version] = stroke_hash(scribbles)
        while len(self._hashes) > _VERSIONS:
            del self._hashes[next(iter(self._hashes))]

    def _learnt_from(self, entry: HistoryEntry) -> dict[str, str]:
        """Return the hash of the strokes of each image that a model has learnt from; empty where not known any more."""
        found = {}
        for key, version in entry.versions.items():
            record = self._folder.state.pair_image(key)
            if record is not None:
                found[record.id] = self._hashes.get((record.id, version), "")
        return found

    def due(self, kept: tuple[HistoryEntry, ...], shown: HistoryEntry | None, now: float, last: bool) -> bool:
        """Say whether a model is to be saved, and it is time."""
        return (last or now - self._last >= _PAUSE) and (
            bool(self._unsaved(kept)) or (shown is not None and _key(shown) != self._shown))

    def _unsaved(self, kept: tuple[HistoryEntry, ...]) -> list[HistoryEntry]:
        if not kept:
            return []
        for one in kept:
            if (record := self._folder.models.record_of(one.model)) is not None:
                self._kept[_key(one)] = one.model, record
        from napari_unet.io.model_file import can_be_saved  # torch is loaded with it

        return [one for one in reversed(kept)
                if self._kept.get(_key(one), (None,))[0] is not one.model and can_be_saved(one.model)]

    def _gone(self, shown: HistoryEntry | None) -> list[HistoryEntry]:
        """Return the model shown if it made room for newer ones on the disk: somebody has gone back to it."""
        known = None if shown is None else self._kept.get(_key(shown))
        if shown is None or known is None or known[0] is not shown.model:
            return []
        return [] if any(one.file == known[1].file for one in self._folder.state.models) else [shown]

    def save(self, kept: tuple[HistoryEntry, ...], shown: HistoryEntry | None, now: float) -> None:
        """Save them, the oldest first."""
        key = None if shown is None else _key(shown)
        for one in [*self._unsaved(kept), *self._gone(shown)]:
            record = self._folder.put_model(
                one.model, name=one.name, step=one.step, dice=one.dice, when=one.time,
                training=self._before + one.training, strokes=self._learnt_from(one), shown=_key(one) == key,
            )
            self._kept[_key(one)] = one.model, record
            self._folder.log("model", name=one.name, dice=one.dice, file=record.file)
        self._kept = {one: self._kept[one] for one in map(_key, kept) if one in self._kept}
        files = {one: record.file for one, (_, record) in self._kept.items()}
        if key in files:
            self._folder.change(lambda state: state.replacing(models=tuple(
                dataclasses.replace(one, shown=one.file == files[key]) for one in state.models)))
        self._shown, self._last = key, now


def _key(entry: HistoryEntry) -> tuple[int, int]:
    return (entry.training, entry.step) if entry.step else (0, 0)
