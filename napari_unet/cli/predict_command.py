"""``napari-unet predict``: images and a model in, masks out."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.io import check_output, clear_of_inputs, create_mask, create_probabilities, file_stem, is_output
from napari_unet.io.model_file import load_model
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.patches import prediction_shape, probability_shape, segment_into

from .input_files import read_images
from .terminal import check_writable, progress_bar


@dataclasses.dataclass(frozen=True)
class OutputTarget:
    """Where the results of one image go."""

    mask: Path
    probabilities: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that are written."""
        return (self.mask,) if self.probabilities is None else (self.mask, self.probabilities)


def run_predict(arguments: argparse.Namespace) -> None:
    """Segment images and save the masks."""
    targets = plan_outputs(arguments.images, arguments.output, arguments.probabilities)
    replace = _claim_outputs(arguments, [path for target in targets for path in target.paths])
    model = load_model(arguments.model, device=arguments.device)
    if arguments.tta:
        if not isinstance(model, NetworkModel):
            raise UsageError("Averaging over turned versions (--tta) is only for networks.")
        model = dataclasses.replace(model, tta=True)
    for name, target in zip(arguments.images, targets, strict=True):
        (image,) = read_images([name], arguments.axes)
        _predict_image(image, model, target, replace, arguments)
        for made in target.paths:
            print(made)


def _claim_outputs(arguments: argparse.Namespace, outputs: list[Path]) -> dict[Path, bool]:
    """Check where results go and make their folders; returns by file whether it may replace one that is there."""
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise UserError("Two results would have the same file name. Rename an image, or predict them one by one.")
    for path in outputs:
        clear_of_inputs(path, [*arguments.images, arguments.model])
    # only now: a refused command leaves no folder behind
    for folder in {arguments.output, arguments.probabilities}.intersection(path.parent for path in outputs):
        make_folder(folder)
    return {path: check_writable(path, arguments.overwrite) for path in outputs}


def _predict_image(
    image: Image, model: Model, target: OutputTarget, replace: Mapping[Path, bool], arguments: argparse.Namespace
) -> None:
    """Segment one image into its files."""
    index = arguments.index
    geometry = image.geometry if index is None else image.geometry.of_planes()
    shape = prediction_shape(image, index)
    with contextlib.ExitStack() as files:
        labels = files.enter_context(create_mask(
            target.mask, shape, classes=model.classes, geometry=geometry,
            code="painted" if arguments.painted_ids else "mask", overwrite=replace[target.mask],
            version=arguments.zarr_version,
        ))
        if labels.note:
            warnings.warn(labels.note, InputWarning, stacklevel=2)
        maps = None
        if target.probabilities is not None:
            maps = files.enter_context(create_probabilities(
                target.probabilities, probability_shape(image, model, index), classes=model.classes,
                geometry=geometry, planes=shape[:-2], overwrite=replace[target.probabilities],
            ))
        with progress_bar(image.name, total=None) as shown:
            for patch in segment_into(image, model, labels, maps, index=index):
                shown.total, shown.n = patch.total, patch.done
                shown.refresh()


def plan_outputs(images: Sequence[str], output: Path, probabilities: Path | None) -> list[OutputTarget]:
    """Say where the results of each image go.

    Raises
    ------
    UsageError
        If several images are to go into one file.
    """
    in_folder = not is_output(output)
    if in_folder and output.suffix and not output.is_dir():
        check_output(output)  # says which endings are known
    if len(images) > 1 and not in_folder:
        raise UsageError(f"{len(images)} images cannot go into the one file {output}. Give -o a folder.")
    if probabilities is not None and (probabilities.suffix.lower() in (".tif", ".tiff", ".zarr")) is (len(images) > 1):
        raise UsageError(
            f"--probabilities {probabilities}: give a .tif file or a .zarr for one image, a folder for several."
        )
    targets = []
    for name in images:
        stem = file_stem(name)
        maps = probabilities
        if probabilities is not None and len(images) > 1:
            maps = probabilities / f"{stem}_probabilities.tif"
        targets.append(OutputTarget(output / f"{stem}_mask.tif" if in_folder else output, maps))
    return targets


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


