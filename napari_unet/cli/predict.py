"""``napari-unet predict``: images and a model in, masks out."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from napari_unet import workflows
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.io import FOLDER_SUFFIXES, mask_suffix, save_mask, save_probabilities
from napari_unet.io.model_file import load_model

from .inputs import pictures
from .terminal import bar, writable


@dataclasses.dataclass(frozen=True)
class Target:
    """Where the results of one image go."""

    mask: Path
    probabilities: Path | None


def predict(arguments: argparse.Namespace) -> None:
    """Segment images and save the masks."""
    targets = plan(arguments.images, arguments.output, arguments.probabilities)
    outputs = [path for target in targets for path in (target.mask, target.probabilities) if path is not None]
    if len(set(outputs)) < len(outputs):
        raise UserError("Two results would have the same file name. Rename an image, or predict them one by one.")
    replace = {path: writable(path, arguments.overwrite, [*arguments.images, arguments.model]) for path in outputs}
    model = load_model(arguments.model, device=arguments.device)
    for path, target in zip(arguments.images, targets, strict=True):
        (image,) = pictures([path], arguments.axes)
        work = workflows.predict(image, model, index=arguments.index, painted_ids=True,
                                 probabilities=arguments.probabilities is not None, tta=arguments.tta)
        with bar(image.name, total=None) as shown:
            for event in work:
                shown.total, shown.n = event.patch.total, event.patch.done
                shown.refresh()
        labels, maps = work.result() if arguments.probabilities is not None else (work.result(), None)
        axes = image.label_axes if arguments.index is None else "NYX"
        save_mask(target.mask, labels, classes=model.classes, axes=axes, scale=scale_of(image, axes), unit=image.unit,
                  code="painted" if arguments.painted_ids else "mask", overwrite=replace[target.mask],
                  version=arguments.zarr_version)
        print(target.mask)
        if target.probabilities is not None:
            save_probabilities(target.probabilities, maps, overwrite=replace[target.probabilities])
            print(target.probabilities)


def scale_of(image: Image, axes: str) -> tuple[float, ...]:
    """Return the scale of a result of this image: that of the image, or of its planes if planes were picked."""
    return image.scale if len(axes) == len(image.scale) and axes == image.label_axes else (1.0, *image.scale[-2:])


def plan(images: Sequence[str], output: Path, probabilities: Path | None) -> list[Target]:
    """Say where the results of each image go, making the folder for several.

    Raises
    ------
    UsageError
        If several images are to go into one file.
    """
    suffix = mask_suffix(output)
    in_folder = suffix is None
    if len(images) > 1 and not in_folder:
        raise UsageError(f"{len(images)} images cannot go into the one file {output}. Give -o a folder.")
    if probabilities is not None and (probabilities.suffix.lower() in (".tif", ".tiff")) is (len(images) > 1):
        raise UsageError(f"--probabilities {probabilities}: give a .tif file for one image, a folder for several.")
    if in_folder:
        make_folder(output)
    if probabilities is not None and len(images) > 1:
        make_folder(probabilities)
    targets = []
    for name in images:
        stem = stem_of(name)
        maps = probabilities
        if probabilities is not None and len(images) > 1:
            maps = probabilities / f"{stem}_probabilities.tif"
        targets.append(Target(output / f"{stem}_mask.tif" if in_folder else output, maps))
    return targets


def stem_of(name: str) -> str:
    """Return the name of a file without its (double) suffix."""
    base = Path(name).name
    for suffix in (*FOLDER_SUFFIXES, ".ome.tiff", ".ome.tif", ".tiff", ".tif"):
        if base.lower().endswith(suffix):
            return base[: -len(suffix)]
    return Path(base).stem


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises
    ------
    UserError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made ({error.strerror}). Choose another.") from None


