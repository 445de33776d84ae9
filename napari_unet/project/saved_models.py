"""Which models of a sitting are in its project, and which are to be saved. Starts no thread."""

from __future__ import annotations

import dataclasses

from napari_unet.core.method import Model
from napari_unet.session.model_history import HistoryEntry

from .project_folder import ProjectFolder
from .records import ModelRecord

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

    def save(self, kept: tuple[HistoryEntry, ...], shown: HistoryEntry | None, now: float) -> None:
        """Save them, the oldest first."""
        key = None if shown is None else _key(shown)
        for one in self._unsaved(kept):
            record = self._folder.put_model(
                one.model, name=one.name, step=one.step, dice=one.dice, when=one.time,
                training=self._before + one.training, shown=_key(one) == key,
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
