"""Finds images in folders and makes records of them for a project; what cannot be read is listed, the rest goes on."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.io import file_stem, image_folder, read_contents
from napari_unet.project.records import ImageRecord, new_id
from napari_unet.project.sources import image_record

PATTERNS = "*.tif *.tiff *.zarr"
"""What is looked for in a folder, unless somebody says otherwise."""

_NEVER_INSIDE = (".zarr", ".unet")


@dataclasses.dataclass(frozen=True)
class FoundImages:
    """What was found.

    Parameters
    ----------
    records : tuple of ImageRecord
    failed : tuple of (Path, str)
        Files that cannot be read, and why.
    masks : int
        Files left out because they hold strokes or masks.
    known : int
        Files left out because the project has them.
    """

    records: tuple[ImageRecord, ...] = ()
    failed: tuple[tuple[Path, str], ...] = ()
    masks: int = 0
    known: int = 0

    @property
    def sentence(self) -> str:
        """What came of it, for people."""
        count = len(self.records)
        parts = [f"Added {count} image{'' if count == 1 else 's'}."]
        if self.known:
            parts.append(f"{self.known} {'was' if self.known == 1 else 'were'} there already.")
        if self.masks:
            parts.append(f"{self.masks} left out: {'it holds' if self.masks == 1 else 'they hold'} strokes or masks.")
        if self.failed:
            listed = "\n".join(f"  {path.name}: {' '.join(reason.split())}" for path, reason in self.failed[:5])
            more = f"\n  and {len(self.failed) - 5} more" if len(self.failed) > 5 else ""
            parts.append(f"{len(self.failed)} could not be read:\n{listed}{more}")
        return " ".join(parts)


def find_files(folder: Path, patterns: str = PATTERNS, below: bool = False) -> Iterator[Path]:
    """Yield what fits one of some patterns in a folder, sorted, and in the folders below it on request.

    OME-Zarr folders and projects are not looked into.

    Parameters
    ----------
    folder : Path
    patterns : str
        File name patterns, with spaces between them.
    below : bool
        Look into folders inside as well.
    """
    wanted = patterns.split() or PATTERNS.split()
    inside: list[Path] = []
    with os.scandir(folder) as entries:
        names = sorted((one.name, one.is_dir()) for one in entries if not one.name.startswith("."))
    for name, is_folder in names:
        path = folder / name
        if _is_wanted(path, is_folder, wanted):
            yield path
        elif is_folder and path.suffix.lower() not in _NEVER_INSIDE:
            inside.append(path)
    for one in inside if below else ():
        try:
            yield from find_files(one, patterns, below)
        except OSError:
            continue  # a folder that may not be read holds nothing for us


def _is_wanted(path: Path, is_folder: bool, patterns: Sequence[str]) -> bool:
    """Whether something is an image, by its name; of folders those of zarr."""
    if not any(fnmatch(path.name.lower(), one.lower()) for one in patterns):
        return False
    ending = path.suffix.lower()
    return ending != ".unet" and (not is_folder or ending == ".zarr" or image_folder(path) is not None)


def records_of(
    files: Iterable[Path], place: Path, known: Sequence[Path] = ()
) -> Generator[Progress, None, FoundImages]:
    """Read what each file says of itself and make a record of it; yields progress.

    Parameters
    ----------
    files : iterable of Path
    place : Path
        Folder of the project.
    known : sequence of Path
        Files that the project has.
    """
    have = {os.path.realpath(one) for one in known}
    records: list[ImageRecord] = []
    failed: list[tuple[Path, str]] = []
    masks = old = 0
    for number, path in enumerate(files, 1):
        yield Progress(f"Looking at {path.name} ({number})", None)
        if os.path.realpath(path) in have:
            old += 1
            continue
        have.add(os.path.realpath(path))
        try:
            record = _record(path, place)
        except (UserError, OSError, ValueError) as error:
            failed.append((path, reason_of(error)))
            continue
        if record is None:
            masks += 1
        else:
            records.append(record)
    return FoundImages(tuple(records), tuple(failed), masks, old)


def _record(path: Path, place: Path) -> ImageRecord | None:
    """Return the record of a file, None for one of strokes or masks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said when the image is looked at
        contents, note = read_contents(path)
    if contents.code is not None or contents.role in ("strokes", "objects"):
        return None
    where = contents.geometry("".join(letter for letter in contents.letters if letter not in "CYX") + "YX")
    image = Image(contents.data, contents.letters, file_stem(path), where.scale, where.unit, note, where.translate,
                  where.time_unit, contents.no_data)
    return image_record(image, [path], place, strokes_id=new_id())
