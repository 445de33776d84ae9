"""Read what a command was given and say how it was understood. Computes nothing."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.io import read_image

from .terminal import say


def read_images(paths: Sequence[str | Path], axes: str | None) -> list[Image]:
    """Read images and say which axes they have and why."""
    images: list[Image] = []
    for path in paths:
        image = read_image(path, axes)
        say(f"{path}: {image.note}, shape {tuple(image.data.shape)}")
        same = sum(one.name == image.name or one.name.startswith(f"{image.name} (") for one in images)
        images.append(dataclasses.replace(image, name=f"{image.name} ({same + 1})") if same else image)
    return images


def file_rows(arguments: argparse.Namespace, flag: str, names: Sequence[str]) -> list[tuple[str | None, ...]]:
    """Return one tuple of paths per image, from the positionals or from a repeated flag; ``-`` becomes None.

    Raises
    ------
    UsageError
        If both or neither are given.
    """
    repeated: list[list[str]] = getattr(arguments, flag)
    positional = [getattr(arguments, name) for name in names]
    if repeated and any(one is not None for one in positional):
        raise UsageError(f"Give either the files themselves or --{flag}, not both.")
    if not repeated:
        if positional[0] is None or positional[1] is None:
            raise UsageError(f"Give IMAGES and SCRIBBLES, or --{flag} once for each image.")
        return [tuple(positional)]
    rows = [tuple(None if one == "-" else one for one in row) for row in repeated]
    if any(row[0] is None for row in rows):
        raise UsageError(f"The first file of --{flag} is the image and cannot be '-'.")
    return rows
