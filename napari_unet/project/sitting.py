"""A session out of a project and into it: strokes, classes, settings, what is learnt from, models. Writes no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Mapping

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.work import run_to_end
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import ObjectNotes
from napari_unet.session.open_images import KnownImage

from .project_folder import ProjectFolder
from .records import ImageRecord, ProjectState
from .saver import Snapshot
from .sources import read_source, what_changed
from .stored_models import stored_models, take_model


@dataclasses.dataclass(frozen=True)
class Restored:
    """What came of opening a project in a session.

    Parameters
    ----------
    painted : tuple of str
        Ids of the images that have strokes and are learnt from, or could be.
    missing : tuple of ImageRecord
        Images whose files are not where they were; their strokes stay in the project, untouched.
    told : tuple of str
        Sentences for people.
    """

    painted: tuple[str, ...]
    missing: tuple[ImageRecord, ...]
    told: tuple[str, ...]


def capture(session: Session, state: ProjectState) -> ProjectState:
    """Return the state with what the session knows better: classes, settings, axes, what is learnt from and looked at.

    Images and settings that the session does not know stay as they are. Quick: no pixel is looked at.
    """
    records = []
    for key in session.keys:
        record = state.pair_image(key)
        if record is not None:
            lens = session.lens(key)
            seen = dataclasses.replace(_as_seen(record, session.pair(key).image), learn=session.enabled(key),
                                       level=() if lens is None else lens.factor)
            if seen != record:
                records.append(seen)
    current = session.images.current
    looked_at = state.image(current) if isinstance(current, str) else None
    if looked_at is not None and not looked_at.looked_at:
        known = next((one for one in records if one.id == looked_at.id), looked_at)
        records = [one for one in records if one.id != looked_at.id]
        records.append(dataclasses.replace(known, looked_at=True))
    made = state.replacing(*records, classes=session.classes, current=looked_at.id if looked_at else state.current,
                           painted=_painted_order(session, state), settings={**state.settings, **session.settings})
    return state if made == state else made


def _painted_order(session: Session, state: ProjectState) -> tuple[str, ...]:
    """Return the ids of painted images in the session's order, then of those that it cannot have: they are missing."""
    found = [state.pair_image(key) for key in session.keys if session.pair(key).scribbles.planes]
    here = [record.id for record in found if record is not None]
    return (*here, *(one for one in state.painted if one not in here and state.image(one) is not None))


def _as_seen(record: ImageRecord, image: Image) -> ImageRecord:
    """Return a record with axes and scale of the image that the session has, if it is still the same array."""
    if tuple(map(int, image.data.shape)) != record.shape:
        return record
    return dataclasses.replace(record, axes=image.axes, scale=image.scale, unit=image.unit, translate=image.translate,
                               time_unit=image.time_unit)


def snapshot_of(session: Session, folder: ProjectFolder) -> Snapshot:
    """Bring the project's state in memory up to date, and return what its saver is to write.

    To be called in the session's thread; copies no pixels.
    """
    state = folder.change(lambda old: capture(session, old))
    pairs = {record.id: session.pair(key) for key in session.keys if (record := state.pair_image(key)) is not None}
    return Snapshot(
        {image_id: pair.scribbles for image_id, pair in pairs.items()},
        {image_id: pair.image.label_axes for image_id, pair in pairs.items()},
        session.model_history, session.shown,
        {str(key): notes for key, notes in session.noted_images.items() if state.image(str(key)) is not None},
    )


@dataclasses.dataclass(frozen=True, eq=False)
class StoredPair:
    """What a project has of a painted image.

    Parameters
    ----------
    record : ImageRecord
    image : Image or None
        None if its file is not where it was.
    scribbles : Scribbles or None
        None if they cannot be used.
    told : str
        What is wrong, or has changed.
    """

    record: ImageRecord
    image: Image | None = None
    scribbles: Scribbles | None = None
    told: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class StoredWork:
    """What a session needs of a project's files.

    Parameters
    ----------
    pairs : tuple of StoredPair
        In the order in which they were painted.
    objects : mapping of str to ObjectNotes
        What a person has said of single objects, by id of the image.
    """

    pairs: tuple[StoredPair, ...]
    objects: Mapping[str, ObjectNotes] = dataclasses.field(default_factory=dict)


def read_stored(
    folder: ProjectFolder, moved: Mapping[str, str] | None = None
) -> Generator[tuple[int, int], None, StoredWork]:
    """Read the strokes of a project; may run in a thread of its own.

    Parameters
    ----------
    folder : ProjectFolder
    moved : mapping of str to str, optional
        New folder by old folder of images that were moved.

    Yields
    ------
    tuple of (int, int)
        How many images of how many have been read.
    """
    state, pairs, objects = folder.state, [], {}
    records = state.in_painted_order
    for number, record in enumerate(records, 1):
        pair = _read_pair(folder, record, moved)
        if pair is not None:
            pairs.append(pair)
        yield number, len(records)
    for record in state.images:
        notes = folder.read_objects(record.id)
        if notes is not None:
            objects[record.id] = notes
        yield len(records), len(records)
    return StoredWork(tuple(pairs), objects)


def restore(
    folder: ProjectFolder, session: Session, *, moved: Mapping[str, str] | None = None, model: bool = True,
    stored: StoredWork | None = None,
) -> Restored:
    """Put a project into a session that is empty: classes, a pair for every painted image, and the models kept.

    Pixels are read only when a method asks for them. What cannot be used (an image that is missing, strokes of another
    shape) is told and stays in the project as it is.

    Parameters
    ----------
    folder : ProjectFolder
    session : Session
        Its images get the ids of the records, its pairs :attr:`ImageRecord.pair_key`.
    moved : mapping of str to str, optional
        New folder by old folder of images that were moved.
    model : bool
        Whether to load the models that are kept, see :func:`stored_models`.
    stored : StoredWork, optional
        What :func:`read_stored` has read already; no file is read then.
    """
    state = folder.state
    stored = stored or run_to_end(read_stored(folder, moved))
    session.set_classes(state.classes)
    session.put_settings(state.settings)
    pairs = _put_pairs(session, stored.pairs)
    told = list(pairs.told)
    for image_id, notes in stored.objects.items():
        session.restore_objects(image_id, notes)
    if model:
        told += [take_model(session, one) for one in stored_models(folder, session)]
    session.set_classes(state.classes)
    session.images.list_images(known_images(state))
    first = state.images[0].id if state.images else None
    session.images.choose(state.current if state.current in session.images.keys else first)
    return Restored(pairs.painted, pairs.missing, tuple(text for text in (*folder.told, *told) if text))


def read_found(folder: ProjectFolder, here: Iterable[object]) -> Generator[tuple[int, int], None, StoredWork]:
    """Read what is painted on images that are not in a session, whose keys are given: their files were found again."""
    pairs = []
    away = [one for one in folder.state.in_painted_order if one.pair_key not in here]
    for number, record in enumerate(away, 1):
        pairs.append(_read_pair(folder, record, None))
        yield number, len(away)
    return StoredWork(tuple(one for one in pairs if one is not None))


def restore_pairs(session: Session, stored: StoredWork) -> Restored:
    """Put a pair into the session for each painted image that has none in it."""
    return _put_pairs(session, [one for one in stored.pairs if one.record.pair_key not in session.keys])


def _put_pairs(session: Session, pairs: Iterable[StoredPair]) -> Restored:
    told, lost, painted = [], [], []
    for one in pairs:
        told.append(one.told)
        if one.image is None:
            lost.append(one.record)
        elif one.scribbles is not None:
            session.put_pair(one.record.pair_key, one.image, one.scribbles)
            if not one.record.learn:
                session.enable(one.record.pair_key, False)
            painted.append(one.record.id)
    return Restored(tuple(painted), tuple(lost), tuple(text for text in told if text))


def known_images(state: ProjectState) -> list[KnownImage]:
    """Return what a project knows of its images, as the session lists them."""
    return [
        KnownImage(one.id, one.name, one.pair_key, one.source.paths, one.axes, one.channels,
                   state.result(one.id) is not None, one.looked_at, one.exported)
        for one in state.images
    ]


def _read_pair(
    folder: ProjectFolder, record: ImageRecord, moved: Mapping[str, str] | None
) -> StoredPair | None:
    """Read the strokes of an image; None if there are none."""
    if not folder.has_strokes(record.id):
        return None
    try:
        image = read_source(record, folder.path, moved)
    except UserError as error:
        return StoredPair(record, told=str(error))
    try:
        scribbles = folder.read_strokes(record.id)  # only now: what was not read is never overwritten
    except UserError as error:
        return StoredPair(record, image, told=str(error))
    if scribbles is None or not scribbles.planes:
        return None
    if image.shape != scribbles.shape:
        return StoredPair(record, image, told=(
            f"The strokes of {record.name!r} have shape {scribbles.shape}, but the image has {image.shape} (axes "
            f"{image.label_axes}). They are kept in the project and not shown. If the axes are wrong, say what they "
            "are."
        ))
    return StoredPair(record, image, scribbles, what_changed(record, folder.path))
