"""Where the pixels of a project's images are: found again, told when they changed, read lazily. Writes nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath, PureWindowsPath

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import read_image

from .lazy_pixels import ChannelFiles, LazyPixels, Reordered
from .level_images import at_level
from .records import ImageRecord, ImageSource, ProjectState, new_id

_PART = 2**16
"""Bytes that are read at each of three places of a file to know it again."""

_DESCRIPTIONS = (".zattrs", ".zgroup", ".zarray", "zarr.json")


def quick_hash(path: Path) -> str:
    """Return what tells a file from a changed one without reading all of it: a hash of size, start, middle and end.

    Of a folder (OME-Zarr): a hash of its descriptions, and of those of its arrays.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    made = hashlib.sha256()
    if path.is_dir():
        for folder in (path, *sorted(one for one in path.iterdir() if one.is_dir())):
            for name in _DESCRIPTIONS:
                if (folder / name).is_file():
                    made.update(f"{folder.name if folder != path else ''}/{name}\n".encode() + _start(folder / name))
        return made.hexdigest()[:32]
    size = path.stat().st_size
    made.update(str(size).encode())
    with path.open("rb") as file:
        for start in (0, max(0, size // 2 - _PART // 2), max(0, size - _PART)):
            file.seek(start)
            made.update(file.read(_PART))
    return made.hexdigest()[:32]


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_PART)


def path_text(path: Path, place: Path) -> str:
    """Write the path of a file as a project in the folder ``place`` holds it: relative where possible, with slashes."""
    path = Path(os.path.abspath(path))
    try:
        return PurePath(os.path.relpath(path, os.path.abspath(place))).as_posix()
    except ValueError:  # on another drive of Windows
        return path.as_posix()


def is_foreign(text: str) -> bool:
    """Say whether a text is a path of Windows, and this is none."""
    return os.name != "nt" and PureWindowsPath(text).is_absolute()


def file_of(text: str, place: Path) -> Path:
    """Return the path that a project in the folder ``place`` means by a text; of Windows, elsewhere, ``/C:/...``."""
    if is_foreign(text):
        return Path(f"/{text}".replace("\\", "/"))
    return Path(os.path.normpath(Path(os.path.abspath(place)) / text))


def image_record(
    image: Image, paths: Iterable[Path], place: Path, *, series: int = 0, channels: tuple[str, ...] = (),
    image_id: str = "", strokes_id: str = "",
) -> ImageRecord:
    """Return the record of an image that lies in files.

    Parameters
    ----------
    image : Image
        As it is used: with the axes and the scale that were settled.
    paths : iterable of Path
        Its file; several are its channels.
    place : Path
        Folder of the project.
    series : int
    channels : tuple of str
    image_id, strokes_id : str
        Given where the session has keys for it already.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    paths = tuple(paths)
    source = ImageSource(tuple(path_text(path, place) for path in paths), series)
    return dataclasses.replace(
        record_without_file(image, source, channels, image_id, strokes_id), hash=_joined_hash(paths),
        size=sum(path.stat().st_size for path in paths if path.is_file()),
    )


def record_without_file(
    image: Image, source: ImageSource, channels: tuple[str, ...] = (), image_id: str = "", strokes_id: str = "",
) -> ImageRecord:
    """Return the record of an image as far as it tells itself; parameters as :func:`image_record`."""
    return ImageRecord(
        image_id or new_id(), image.name, source, image.axes, tuple(map(int, image.data.shape)),
        np.dtype(image.data.dtype).name, image.scale, image.unit, channels, strokes_id,
        translate=image.translate, time_unit=image.time_unit, no_data=image.no_data,
    )


def _joined_hash(paths: Iterable[Path]) -> str:
    hashes = [quick_hash(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()[:32]


def files_of(
    record: ImageRecord, place: Path, moved: Mapping[str, str] | None = None
) -> tuple[Path, ...] | None:
    """Return where the files of an image are; None if one of them is not where it should be.

    Parameters
    ----------
    record : ImageRecord
    place : Path
        Folder of the project.
    moved : mapping of str to str, optional
        New folder by old folder: files that are not where they were are looked for there.
    """
    found = []
    for text in record.source.paths:
        path = file_of(text, place)
        choices = [path, *(Path(new) / path.relative_to(old) for old, new in (moved or {}).items()
                           if path.is_relative_to(old))]
        at = next((one for one in choices if _is_there(one)), None)
        if at is None:
            return None
        found.append(at)
    return tuple(found)


def locate(record: ImageRecord, place: Path, moved: Mapping[str, str] | None = None) -> Path | None:
    """Return where the (first) file of an image is, None if it is missing; parameters as :func:`files_of`."""
    found = files_of(record, place, moved)
    return found[0] if found else None


def _is_there(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def missing(state: ProjectState, place: Path) -> dict[Path, list[ImageRecord]]:
    """Return the images whose files are not where they should be, by the folder that they should be in."""
    found: dict[Path, list[ImageRecord]] = {}
    for record in state.images:
        if files_of(record, place) is None:
            found.setdefault(file_of(record.source.paths[0], place).parent, []).append(record)
    return found


def relocate(state: ProjectState, place: Path, old: Path, new: Path) -> ProjectState:
    """Return the state in which images that are missing in one folder are taken from another, where they are there."""
    records = []
    for record in state.images:
        found = files_of(record, place, {str(old): str(new)})
        if found is not None and not record.source.stored:
            source = dataclasses.replace(record.source, paths=tuple(path_text(path, place) for path in found))
            if source != record.source:
                records.append(dataclasses.replace(record, source=source))
    return state.replacing(*records)


def moved_with(state: ProjectState, old: Path, new: Path, seen_from: Path | None = None) -> ProjectState:
    """Return the state for the same project in another folder, its images staying where they are.

    Parameters
    ----------
    state : ProjectState
    old, new : Path
    seen_from : Path, optional
        The folder that paths of images are meant from that are not found from the old one; default: the old one.
    """
    records = []
    for record in state.images:
        if not record.source.stored:
            place = seen_from if seen_from is not None and files_of(record, old) is None else old
            paths = tuple(text if is_foreign(text) else path_text(file_of(text, place), new)
                          for text in record.source.paths)
            records.append(dataclasses.replace(record, source=dataclasses.replace(record.source, paths=paths)))
    return state.replacing(*records)


def changed_file(record: ImageRecord, place: Path) -> Path | None:
    """Return the (first) file of an image if it is another one than when the image came; None if not, or if missing."""
    found = files_of(record, place)
    if found is not None and record.hash:
        with contextlib.suppress(OSError):
            return found[0] if _joined_hash(found) != record.hash else None
    return None


def what_changed(record: ImageRecord, place: Path) -> str:
    """Say in a sentence that the file of a painted image is another one than before; empty if not, or if missing."""
    found = changed_file(record, place)
    return "" if found is None else (f"The file of {record.name!r} ({found}) has changed since it was painted. Look "
                                     "whether the strokes still lie where they should.")


def read_source(record: ImageRecord, place: Path, moved: Mapping[str, str] | None = None) -> Image:
    """Return an image of a project; its file is opened only when pixels are asked for.

    Parameters
    ----------
    record : ImageRecord
    place : Path
        Folder of the project.
    moved : mapping of str to str, optional
        See :func:`files_of`.

    Raises
    ------
    UserError
        If a file is missing; when pixels are read: if it cannot be read, or is of another shape now.
    """
    found = files_of(record, place, moved)
    if found is None:
        wanted = file_of(record.source.paths[0], place)
        raise UserError(
            f"The image {record.name!r} is not where it was ({wanted}). Its strokes are kept. Say where it is now, or "
            "put it back."
        )
    if not record.axes:
        return dataclasses.replace(read_image(found[0], series=record.source.series), name=record.name)
    parts = [_pixels(record, path, len(found) > 1) for path in found]
    data = parts[0] if len(parts) == 1 else ChannelFiles(parts, record.axes.index("C") if "C" in record.axes else 0)
    return at_level(Image(
        data, record.axes, record.name, record.scale, record.unit, f"axes {record.axes} (of the project)",
        record.translate, record.time_unit, record.no_data,
    ), record, found)


def _pixels(record: ImageRecord, path: Path, one_channel: bool) -> LazyPixels | Reordered:
    """Return the pixels of one file of an image, not opened yet."""
    axes, shape = record.axes, record.shape
    if one_channel:
        kept = [at for at, letter in enumerate(axes) if letter != "C"]
        axes, shape = "".join(axes[at] for at in kept), tuple(shape[at] for at in kept)
    if record.source.stored:
        return Reordered.of_stored(path, record.source.axes, shape, record.dtype)
    return LazyPixels(path, axes, shape, record.dtype, record.source.series)


def found_from(state: ProjectState, place: Path, old: Path) -> tuple[ProjectState, int]:
    """Return the state of a project that was in another folder, images taken from there that are missing from here.

    Returns
    -------
    state : ProjectState
    count : int
        How many images were.
    """
    records = []
    for record in state.images:
        if files_of(record, place) is None and (found := files_of(record, old)) is not None:
            paths = tuple(path_text(path, place) for path in found)
            records.append(dataclasses.replace(record, source=dataclasses.replace(record.source, paths=paths)))
    return state.replacing(*records), len(records)
