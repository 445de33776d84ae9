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
    goes_on : bool
        Whether all strokes of the project are there, and it is the newest model: it may be fitted to newer strokes.
    """

    record: ModelRecord
    entry: HistoryEntry | None = None
    trouble: str = ""
    goes_on: bool = False


def stored_models(folder: ProjectFolder, session: Session) -> Iterator[StoredModel]:
    """Return an iterator that loads the models of a project, the one shown first, each when it is asked for.

    To be called in the session's thread; the iterator may run in any.
    """
    state = folder.state
    pairs = {record.id: (key, session.pair(key).scribbles)
             for key in session.keys if (record := state.pair_image(key)) is not None}
    records = sorted(state.models, key=lambda one: not one.shown)
    newest = max((one.time for one in records if one.step), default=float("-inf"))
    going_on = [one for one in records if pairs.keys() >= set(state.painted) and (not one.step or one.time == newest)]
    return _loaded(folder, records, pairs, going_on)


def take_model(session: Session, stored: StoredModel) -> str:
    """Put a model into the session, into sight if it was; return what went wrong, empty if nothing did."""
    if stored.entry is not None:
        session.restore_models([stored.entry])
        model = stored.entry.model
        if not stored.record.shown or session.model is not None:
            return stored.trouble
        if stored.goes_on and not stored.record.step and session.follows_strokes:
            session.go_on_with(model)
        else:
            session.set_model(model)
    return stored.trouble


def _loaded(
    folder: ProjectFolder, records: list[ModelRecord], pairs: Mapping[str, tuple[Hashable, Scribbles]],
    going_on: list[ModelRecord],
) -> Iterator[StoredModel]:
    for record in records:
        goes_on = record in going_on
        try:
            model = folder.load_model(dataclasses.replace(record, follows=record.follows and goes_on))
        except UserError as error:
            what = "The model that was shown" if record.shown else "A model of before"
            yield StoredModel(record, trouble=f"{what} ({record.name}) could not be loaded: {error}")
            continue
        yield StoredModel(record, HistoryEntry(
            model, record.step, record.dice, record.time, record.training, versions=_versions(record, pairs)),
            goes_on=goes_on)


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
