"""Labels that are written into an OME-Zarr image, beside its pixels. Touches nothing of the image itself.

Source: Next-generation file format specification, section on labels, https://ngff.openmicroscopy.org/0.5/.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError

from . import _ngff
from ._mask_info import MaskInfo
from ._ngff_writing import described_axes, group_attributes
from ._output import appearing, writing
from ._pyramid import Level, PyramidSink
from ._run_lock import taking_turns

_MARKS = ("zarr.json", ".zgroup", ".zattrs")


def label_place(path: Path) -> LabelPlace | None:
    """Return the place that ``IMAGE.ome.zarr/labels/NAME`` means, None for any other path."""
    path = Path(os.path.realpath(path.expanduser()))
    image = path.parent.parent
    inside = image.suffix.lower() == ".zarr" or any((image / mark).is_file() for mark in _MARKS)
    if path.parent.name != "labels" or not inside or path.suffix.lower() in (".tif", ".tiff"):
        return None
    return LabelPlace(image, path.name)


@dataclasses.dataclass(frozen=True)
class LabelPlace:
    """Where labels lie inside an OME-Zarr image: ``labels/NAME`` of the group that describes the image.

    Parameters
    ----------
    image : Path
        Folder of the group that describes the image.
    name : str
    """

    image: Path
    name: str

    @property
    def path(self) -> Path:
        """Folder of the labels."""
        return self.image / "labels" / self.name

    @property
    def note(self) -> str:
        """What people should know after saving, or nothing."""
        whole = [self.image / ".zmetadata", self.image / "zarr.json"]
        if any(one.is_file() and b'"consolidated_metadata"' in one.read_bytes() for one in whole) or whole[0].is_file():
            return (
                f"{self.image.name} has a list of all its parts (consolidated metadata), which is left as it was: a "
                "program that reads that list alone does not find the new labels."
            )
        return ""

    def create(self, partial: Path, shape: tuple[int, ...], info: MaskInfo, chunk: int) -> PyramidSink:
        """Begin to write labels for this place, with the axes, resolutions and version of the image.

        Raises
        ------
        UserError
            If they do not have the image's shape.
        """
        version, axes, stored, levels = self._plan()
        given = _letters_of_image(info.geometry.axes, shape, stored, levels[0].shape)
        if not given:
            raise UserError(
                f"Labels of shape {shape} (axes {info.geometry.axes}) do not fit the image {self.image}, which has "
                f"{levels[0].shape} (axes {stored}, without channels). Save them beside the image that they belong to, "
                "or in a file of their own."
            )
        axes = axes or described_axes(stored, info)
        return PyramidSink(
            partial, given, shape, stored, [axis["name"] for axis in axes], levels,
            lambda: group_attributes(info, axes, levels, version, source="../../"),
            version, chunk, info.dtype,
        )

    def _plan(self) -> tuple[str, list[dict[str, str]], str, list[Level]]:
        """Return (version, axes as the image describes them, their letters, levels), all without channels."""
        from .ome_zarr import open_folder

        if not self.image.is_dir():
            raise UserError(f"There is no OME-Zarr image {self.image} to save labels in. Check the name.")
        group = open_folder(self.image)
        if not hasattr(group, "keys"):
            raise UserError(
                f"{self.image} is one resolution of an image, in which no labels can lie. They lie beside it: "
                f"{self.image.parent / 'labels' / self.name}."
            )
        image = _ngff.multiscale(group.attrs.asdict())
        if image is None:
            raise UserError(
                f"{self.image} describes no image, so that no labels can lie in it. Of a folder with several images "
                f"name one of them, e.g. {self.image.name}/0/labels/{self.name}."
            )
        try:
            axes, stored, levels = self._without_channels(image)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(f"The OME-Zarr metadata of {self.image} make no sense ({error}).") from error
        if not stored.endswith("YX"):
            raise UserError(f"The image {self.image} does not say that its last two axes are rows and columns.")
        return "0.4" if group.metadata.zarr_format == 2 else "0.5", axes, stored, levels

    def _without_channels(self, image: Mapping[str, Any]) -> tuple[list[dict[str, str]], str, list[Level]]:
        from .ome_zarr import open_folder

        arrays = [open_folder(self.image / path) for path in _ngff.level_paths(image)]
        letters = _ngff.describe_level(image, 0, arrays[0].ndim).letters
        kept = [axis for axis, letter in enumerate(letters) if letter != "C"]
        levels = [
            Level.along(kept, array.shape, *_ngff.level_transforms(image, number, array.ndim))
            for number, array in enumerate(arrays)
        ]
        told = image.get("axes") or ()
        axes = [{"type": "custom", **told[axis]} for axis in kept] if told and isinstance(told[0], Mapping) else []
        return axes, "".join(letters[axis] for axis in kept), levels

    # -- the list of labels ----------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check, before long work, that labels of this name can be saved here.

        Raises
        ------
        UserError
            If there is no image, the name is none, or the list of its labels is damaged.
        """
        if self.name.startswith("."):
            raise UserError(f"Labels cannot be called {self.name!r}. Choose a name that begins with a letter.")
        self._plan()
        self._listed()

    def open_group(self) -> None:
        """Make the group of labels if the image has none."""
        with self._alone():
            if self._version_3():
                mark, whole = "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {}}
            else:
                mark, whole = ".zgroup", {"zarr_format": 2}
            if not self._file(mark).is_file():
                self._write(mark, whole)

    def enlist(self) -> None:
        """Add the name to the image's list of labels; nothing else of the list changes."""
        with self._alone():
            file = "zarr.json" if self._version_3() else ".zattrs"
            whole, names = self._listed()
            if self.name in names:
                return
            names = [*names, self.name]
            if not self._version_3():
                whole["labels"] = names
            else:
                attributes = whole.setdefault("attributes", {})
                attributes["ome"] = {"version": "0.5", **attributes.get("ome", {}), "labels": names}
            self._write(file, whole)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other runs from changing the list meanwhile: each would forget what the other has added."""
        with writing(self.path):
            self.path.parent.mkdir(exist_ok=True)
            with taking_turns(self._file(".list.lock")):
                yield

    def _listed(self) -> tuple[dict[str, Any], list[str]]:
        """Return the metadata of the group of labels, and the names listed there."""
        file = self._file("zarr.json" if self._version_3() else ".zattrs")
        if not file.is_file():
            return {}, []
        try:
            whole = json.loads(file.read_text(encoding="utf-8"))
            names = _ngff.ome_attributes(whole.get("attributes", {}) if self._version_3() else whole).get("labels", [])
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return whole, names
        except (OSError, ValueError, AttributeError):
            pass
        raise UserError(f"The list of labels in {file} is damaged. Mend or remove it, or save in a file of its own.")

    def _version_3(self) -> bool:
        return (self.image / "zarr.json").is_file()

    def _file(self, name: str) -> Path:
        return self.path.parent / name

    def _write(self, name: str, content: dict[str, Any]) -> None:
        """Write a file of the group at once or not at all."""
        with appearing(self._file(name), overwrite=True) as unfinished:
            unfinished.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _letters_of_image(axes: str, shape: tuple[int, ...], stored: str, sizes: tuple[int, ...]) -> str:
    """Call the axes of labels by the image's letters, small letters for axes of size 1 that the image lacks.

    Axes are matched by letter where that fits, else by order. Nothing if neither fits.
    """
    ours = [letter for letter, size in zip(axes, shape, strict=True) if size > 1]
    theirs = [letter for letter, size in zip(stored, sizes, strict=True) if size > 1]
    by_letter, by_order = dict(zip(ours, ours, strict=True)), dict(zip(ours, theirs, strict=False))
    size_of, size_there = dict(zip(axes, shape, strict=True)), dict(zip(stored, sizes, strict=True))
    for names in (by_letter, by_order):
        if sorted(names.values()) == sorted(theirs) and all(size_of[a] == size_there[b] for a, b in names.items()):
            return "".join(names.get(letter, letter.lower()) for letter in axes)
    return ""
