"""What ``napari-unet predict`` makes: which files of each image, with which model, and which of them are there already.

A file that is there appeared whole. Whether it is what the command would make is told by the note beside it. Segments
nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.fingerprints import image_hash
from napari_unet.core.method import Model
from napari_unet.core.provenance import PROBABILITIES, Provenance
from napari_unet.io import check_output, is_output, provenance_path, read_image, result_stem
from napari_unet.io._named_run import is_ended
from napari_unet.io._told_beside import told_beside
from napari_unet.io.model_file import load_model
from napari_unet.io.provenance_file import read_provenance
from napari_unet.predicting.block_answer import as_block_model
from napari_unet.predicting.mask_origin import MODEL_HASH
from napari_unet.predicting.model_hash import model_hash
from napari_unet.predicting.network_model import NetworkModel

from .object_origin import found_otherwise
from .object_output import is_object_file, way_values
from .terminal import NAMED, say, some_named, tell_standing


@dataclasses.dataclass(frozen=True)
class OutputTarget:
    """Where the results of one image go.

    Parameters
    ----------
    mask, probabilities, objects : Path
        What is not wanted is None.
    segmented : bool
        Whether the mask is there already, and stays: only its objects are looked for.
    """

    mask: Path
    probabilities: Path | None
    objects: Path | None = None
    segmented: bool = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files that are written."""
        asked = (self.objects,) if self.segmented else (self.mask, self.probabilities, self.objects)
        return tuple(path for path in asked if path is not None)

    @property
    def lacks_objects_alone(self) -> bool:
        """Whether an earlier run has ended between the mask and its objects."""
        *others, last = self.paths
        return last == self.objects and bool(others) and not is_ended(last) and all(map(is_ended, others))


def model_of(arguments: argparse.Namespace) -> Model:
    """Load the model that a command names, as it wants it.

    Raises
    ------
    UserError
        If it cannot be loaded, or cannot be used so.
    """
    model: Model = load_model(arguments.model, device=arguments.device)
    if arguments.tta:
        if not isinstance(model, NetworkModel):
            raise UsageError("Averaging over turned versions (--tta) is only for networks.")
        model = dataclasses.replace(model, tta=True)
    return model


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return how the command segments, as the note beside a mask tells it."""
    return {"planes": "all" if arguments.index is None else list(arguments.index), "tta": bool(arguments.tta),
            "painted_ids": bool(arguments.painted_ids), "skip_background": arguments.skip_background}


def left_to_do(arguments: argparse.Namespace, targets: Mapping[str, OutputTarget]) -> dict[str, OutputTarget]:
    """Return what is not done yet.

    Raises
    ------
    UserError
        If only some of the results of an image are there, or one was made of another image, with another model or in
        another way, and it may not be replaced.
    """
    if not arguments.resume:
        return dict(targets)
    halves, missing = _unfinished(targets)
    others = _made_otherwise(arguments, _without(targets, missing))
    anew = missing | set(others)
    unlike = found_otherwise(list(_without(targets, anew | halves).values()), arguments, way_values(arguments))
    if not arguments.overwrite:
        ours = own_halves(arguments, targets)
        _check_parts([(name, targets[name]) for name in targets if name in missing], ours)
        refuse_others({**{targets[name].mask: reason for name, reason in others.items()}, **unlike}, arguments)
    halves |= {name for name, one in targets.items() if one.objects in unlike}
    left = {name: one if name in anew else dataclasses.replace(one, segmented=True)
            for name, one in targets.items() if name in anew | halves}
    tell_standing([], len(targets) - len(left), len(targets))
    _tell_halves([one.mask for one in left.values() if one.segmented])
    return left


def _without(targets: Mapping[str, OutputTarget], names: Collection[str]) -> dict[str, OutputTarget]:
    """Return the targets of all other images."""
    return {name: one for name, one in targets.items() if name not in names}


def _unfinished(targets: Mapping[str, OutputTarget]) -> tuple[set[str], set[str]]:
    """Return the images of which the objects alone are missing, and those of which more is."""
    halves = {name for name, one in targets.items() if one.lacks_objects_alone}
    return halves, {name for name, one in targets.items() if not all(map(is_ended, one.paths))} - halves


def _tell_halves(masks: Sequence[Path]) -> None:
    """Say which masks are there, so that only their objects are looked for."""
    if masks:
        say(f"{some_named(masks)}: there already, only the objects are looked for.")


def own_halves(arguments: argparse.Namespace, targets: Mapping[str, OutputTarget]) -> frozenset[Path]:
    """Return probabilities that this command has made, in a run that ended before their mask had its name.

    They may be made again unasked: they come out the same.
    """
    hashed, found = "", set()
    for name, one in targets.items():
        maps = one.probabilities
        if maps is None or one.segmented or one.mask.exists() or not maps.exists():
            continue
        told = told_beside(maps)
        if told is None or told.what != PROBABILITIES or not any(image.hash for image in told.images):
            continue
        hashed = hashed or model_hash(as_block_model(model_of(arguments)), on_device=False)
        if MODEL_HASH in told.settings and not mask_difference(told, name, hashed, arguments):
            found.add(maps)
    return frozenset(found)


def _check_parts(missing: Sequence[tuple[str, OutputTarget]], ours: Collection[Path]) -> None:
    for name, one in missing:
        there = next((path for path in one.paths if is_ended(path) and path not in ours), None)
        if there is not None:
            refuse_part(name, there)


def refuse_part(name: str, there: Path | str) -> NoReturn:
    """Refuse to go on where some results of an image are there, and what they were made of is not.

    Raises
    ------
    UserError
        Naming one.
    """
    raise UserError(f"Of {name} only some results are there, e.g. {there}. Add --overwrite to make such images anew; "
                    "where all is there, it stays as it is.")


def refuse_others(others: Mapping[Path | str, str], arguments: argparse.Namespace) -> None:
    """Refuse to go on where results are there that were made otherwise (how, by place), and may not be replaced.

    Raises
    ------
    UserError
        Naming some.
    """
    if not others or arguments.overwrite:
        return
    more = [f"  and {len(others) - NAMED} more"] if len(others) > NAMED else []
    raise UserError("\n".join([
        f"{len(others)} of the results that are there {'is' if len(others) == 1 else 'are'} not what this command "
        "makes. Add --overwrite to make such images anew (all others stay), or choose another place:",
        *(f"  {place}: {reason}" for place, reason in list(others.items())[:NAMED]), *more]))


def _made_otherwise(arguments: argparse.Namespace, done: Mapping[str, OutputTarget]) -> dict[str, str]:
    """Say of results that are there in what they are not what the command makes; of most, nothing."""
    found: dict[str, str] = {}
    unknown: list[str] = []
    hashed = model_hash(as_block_model(model_of(arguments)), on_device=False) if done else ""
    for name, one in done.items():
        try:
            told = read_provenance(provenance_path(one.mask))
        except UserError:
            unknown.append(str(one.mask))
            continue
        if reason := mask_difference(told, name, hashed, arguments):
            found[name] = reason
    tell_standing(unknown, 0, len(done))
    return found


def mask_difference(told: Provenance, name: str, hashed: str, arguments: argparse.Namespace) -> str:
    """Say in what a mask differs from what the command makes of an image, with a model that is known by a hash.

    What is not noted does not differ.
    """
    parts = []
    if told.settings.get(MODEL_HASH, hashed) != hashed:
        parts.append("another model")
    for key, now in settings_of(arguments).items():
        if key in told.settings and told.settings[key] != now:
            parts.append(f"other {key.replace('_', ' ')} ({told.settings[key]} then, {now} now)")
    (first,) = told.images[:1] or (None,)
    if first is not None and first.hash:
        with contextlib.suppress(UserError):  # an image that cannot be read any more makes its mask no worse
            if first.hash != image_hash(read_image(name, arguments.axes)):
                parts.append("another image (its pixels or axes have changed)")
    return ", ".join(parts)


def plan_outputs(
    images: Sequence[str], output: Path, probabilities: Path | None, objects: Path | None = None
) -> list[OutputTarget]:
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
    if objects is not None and is_object_file(objects) is (len(images) > 1):
        raise UsageError(f"--objects {objects}: give a .tif, .zarr, .zip or .geojson for one image, a folder for "
                         "several.")

    def of_several(path: Path | None, name: str) -> Path | None:
        return path if path is None or len(images) == 1 else path / name

    return [OutputTarget(output / f"{stem}_mask.tif" if in_folder else output,
                         of_several(probabilities, f"{stem}_probabilities.tif"),
                         of_several(objects, f"{stem}_objects.tif")) for stem in map(result_stem, images)]
