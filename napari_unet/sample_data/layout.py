"""Folders of images with truth and strokes, as the samples and the benchmarks use them. Writes nothing.

A folder holds ``images.tif``, ``labels.tif`` and ``scribbles.tif`` with the same first axes, perhaps
``instances.tif``, and ``split.json``: ``kind`` is ``2d-stack`` (axes NYX or NYXC), ``2d-files`` (sizes differ:
``images_00.tif``, ...) or ``3d-volume`` (ZYX); ``classes`` names the painted ids; ``train`` and ``test`` are image
numbers, or half-open z ranges of a volume.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet, checked_ids

Where = tuple[tuple[int, int], ...]
"""Planes as (image, plane) numbers."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Images with strokes and, mostly, truth.

    Parameters
    ----------
    name, title : str
    pairs : tuple of Pair
        Images (one stack, or several of different sizes) with their strokes.
    references : tuple
        By image: painted ids, uint8, 0 = unknown; or None.
    classes : ClassTable
    objects : tuple
        By image: the true single objects, numbered, uint16; or None.
    train, test : tuple of (int, int)
        Planes meant for learning and for scoring, as (image, plane).
    """

    name: str
    title: str
    pairs: tuple[Pair, ...]
    references: tuple[NDArray[np.uint8] | None, ...]
    classes: ClassTable
    train: Where = ()
    test: Where = ()
    objects: tuple[NDArray[np.uint16] | None, ...] = ()

    @property
    def training(self) -> TrainingSet:
        """Images, strokes and classes."""
        return TrainingSet(self.pairs, self.classes)

    def planes(self, image: int, part: Where) -> tuple[int, ...]:
        """Return the plane numbers of one image among ``train`` or ``test``."""
        return tuple(plane for number, plane in part if number == image)


def load_set(folder: str | Path) -> Sample:
    """Load a folder.

    Raises
    ------
    UserError
        If ``split.json`` or an image is missing or says something else than this layout.
    """
    folder = Path(folder)
    try:
        split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        kind, axes = split["kind"], split["axes"]
        classes = ClassTable.named({int(number): str(name) for number, name in split["classes"].items()})
        parts = {part: _planes(kind, split[part]) for part in ("train", "test")}
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder} is not a folder of samples ({type(error).__name__}: {error}). Expected: split.json, images.tif, "
            "labels.tif and scribbles.tif."
        ) from None
    stems = [""] if kind != "2d-files" else [f"_{number:02d}" for number in range(_count(folder))]
    pairs, references, objects = [], [], []
    for stem in stems:
        image = Image(_read(folder / f"images{stem}.tif"), axes, f"{folder.name}{stem}", **_scale(split, axes))
        strokes = folder / f"scribbles{stem}.tif"
        painted = Scribbles.from_array(_read(strokes)) if strokes.exists() else Scribbles.empty(image.shape)
        pairs.append(Pair(image, painted))
        references.append(checked_ids(_read(folder / f"labels{stem}.tif"), "labels"))
        single = folder / f"instances{stem}.tif"
        objects.append(_read(single) if single.exists() else None)
    return Sample(folder.name, str(split.get("title", folder.name)), tuple(pairs), tuple(references), classes,
                  parts["train"], parts["test"], tuple(objects))


def _count(folder: Path) -> int:
    return len(list(folder.glob("images_*.tif")))


def _scale(split: dict[str, Any], axes: str) -> dict[str, Any]:
    size = split.get("voxel_size_um") or split.get("pixel_size_um")
    if not size:
        return {}
    return {"scale": (1.0,) * (len(axes.replace("C", "")) - len(size)) + tuple(map(float, size)), "unit": "micrometer"}


def _planes(kind: str, numbers: list[int]) -> Where:
    """Read ``train`` or ``test``: image numbers, or half-open ranges of planes."""
    if kind == "3d-volume":
        return tuple((0, plane) for start in range(0, len(numbers), 2)
                     for plane in range(int(numbers[start]), int(numbers[start + 1])))
    if kind == "2d-files":
        return tuple((int(number), 0) for number in numbers)
    if kind == "2d-stack":
        return tuple((0, int(number)) for number in numbers)
    raise ValueError(f"kind {kind!r} is none of 2d-stack, 2d-files, 3d-volume")


def _read(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(tifffile.imread(path))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} could not be read ({error}).") from None
