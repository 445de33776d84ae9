"""The models of a project back into a session, so that one can go back to each of them. Saves none."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping

from napari_unet.core.errors import UserError
from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import HistoryEntry

from .project_folder import ProjectFolder
from .records import ModelRecord

_OTHERS = -1
"""Stands for a version of strokes that are not there any more."""


@dataclasses.dataclass(frozen=True, eq=False)
class StoredModel:
    """A model that was kept.

    Parameters
    ----------
    record : ModelRecord
    entry : HistoryEntry or None
        None if it could not be loaded.
    trouble : str
        Why, for people.
    """

    record: ModelRecord
    entry: HistoryEntry | None = None
    trouble: str = ""


def stored_models(folder: ProjectFolder, session: Session) -> Iterator[StoredModel]:
    """Return an iterator that loads the models of a project, the one shown first, each when it is asked for.

    To be called in the session's thread; the iterator may run in any.
    """
    state = folder.state
    pairs = {record.id: (key, session.pair(key).scribbles)
             for key in session.keys if (record := state.pair_image(key)) is not None}
    return _loaded(folder, sorted(state.models, key=lambda one: not one.shown), pairs)


def take_model(session: Session, stored: StoredModel) -> str:
    """Put a model into the session, into sight if it was; return what went wrong, empty if nothing did."""
    if stored.entry is not None:
        session.restore_models([stored.entry])
        if stored.record.shown and session.model is None:
            session.set_model(stored.entry.model)
    return stored.trouble


def _loaded(
    folder: ProjectFolder, records: list[ModelRecord], pairs: Mapping[str, tuple[Hashable, Scribbles]]
) -> Iterator[StoredModel]:
    for record in records:
        try:
            model = folder.load_model(record)
        except UserError as error:
            what = "The model that was shown" if record.shown else "A model of before"
            yield StoredModel(record, trouble=f"{what} ({record.name}) could not be loaded: {error}")
            continue
        yield StoredModel(record, HistoryEntry(
            model, record.step, record.dice, record.time, record.training, versions=_versions(record, pairs)))


def _versions(record: ModelRecord, pairs: Mapping[str, tuple[Hashable, Scribbles]]) -> dict[Hashable, int]:
    """Return the versions of strokes that a model has learnt from, as far as they are there; empty if not known."""
    if not all(record.strokes.values()):
        return {}
    found: dict[Hashable, int] = {}
    for image_id, known in record.strokes.items():
        key, scribbles = pairs.get(image_id, (image_id, None))
        same = scribbles is not None and stroke_hash(scribbles) == known
        found[key] = scribbles.version if scribbles is not None and same else _OTHERS
    return found
