"""A comparison as a folder: report, table, figure, parameters, masks, recipes, models. Replaces nothing unasked."""

from __future__ import annotations

import csv
import dataclasses
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.errors import UserError
from napari_unet.io import clear_of_inputs, save_mask
from napari_unet.io.model_file import can_be_saved, save_model
from napari_unet.io.recipe import save_recipe
from napari_unet.segmenters import REGISTRY

from .figure import draw
from .html_report import write_html
from .methods_text import describe_methods
from .table import write_csv

REPORT, TABLE, FIGURE, METHODS = "report.html", "table.csv", "figure.png", "methods.txt"
MASKS, RECIPES, MODELS = "masks", "recipes", "models"
_MASK_ENDINGS = (".tif", ".ome.zarr")


@dataclasses.dataclass(frozen=True)
class ComparisonFolder:
    """A folder that is ready to take the results of a comparison.

    Parameters
    ----------
    path : Path
    overwrite : bool
        Whether results that are there may be replaced; other files in the folder are left alone.
    inputs : sequence of str or Path
        Files of the comparison, which no result may replace.

    Raises
    ------
    UserError
        If an input is where a result goes, the folder cannot be made or written, or it holds results and may not be
        overwritten.
    """

    path: Path
    overwrite: bool = False
    inputs: Sequence[str | Path] = ()

    def __post_init__(self) -> None:
        folders = [self.path / name for name in (MASKS, RECIPES, MODELS)]
        for place in (*self._files, *folders):
            clear_of_inputs(place, self.inputs)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".napari-unet-probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(f"The folder {self.path} cannot be written ({error.strerror}). Choose another.") from None
        there = [one for one in (*self._files, *(one for folder in folders if folder.is_dir()
                                                 for one in folder.iterdir())) if one.exists()]
        if there and not self.overwrite:
            raise UserError(
                f"{self.path} holds results already ({there[0].name}). Add --overwrite to replace them, or choose "
                "another folder."
            )

    @property
    def _files(self) -> tuple[Path, ...]:
        return tuple(self.path / name for name in (REPORT, TABLE, FIGURE, METHODS))

    def save(self, comparison: Comparison, formats: Sequence[str] = (".tif",), models: bool = False) -> None:
        """Write the report, the table, the figure, the parameters, and of each method its masks and its recipe.

        Where results are replaced, masks, recipes and models of earlier methods (those in the table there) go too.

        Masks, one per method and image in each format (``.tif``, ``.ome.zarr``), hold only the planes that were
        segmented, in their order; an image of which none was has no mask. A recipe has the parameters as they were
        chosen.

        Parameters
        ----------
        comparison : Comparison
        formats : sequence of str
            Endings of masks.
        models : bool
            Write a model file of each method that can be saved (networks and forests), too.
        """
        earlier = self._of_earlier() if self.overwrite else set()
        write_csv(self.path / TABLE, comparison.rows, overwrite=self.overwrite)
        (self.path / MASKS).mkdir(exist_ok=True)
        written: set[Path] = set()
        for method, masks in comparison.masks.items():
            for number, planes in enumerate(comparison.planes_of(method)):
                if planes:
                    written |= self._mask(comparison, method, number, masks[number], planes, formats)
        for method, made in comparison.methods.items():
            if any(type(made) is entry.item for entry in REGISTRY):  # a method of one's own need not be in the registry
                (self.path / RECIPES).mkdir(exist_ok=True)
                place = self.path / RECIPES / f"{_plain(method)}.json"
                save_recipe(place, made, overwrite=self.overwrite)
                written.add(place)
        if models:
            (self.path / MODELS).mkdir(exist_ok=True)
            for method, model in comparison.models.items():
                if can_be_saved(model):
                    place = self.path / MODELS / f"{_plain(method)}.pt"
                    save_model(place, model, overwrite=self.overwrite)
                    written.add(place)
        (self.path / METHODS).write_text(describe_methods(comparison), encoding="utf-8")
        draw(comparison, self.path / FIGURE)
        write_html(self.path / REPORT, comparison, overwrite=self.overwrite)
        for place in earlier - written:  # last: what cannot be written leaves the earlier results whole
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)

    def _of_earlier(self) -> set[Path]:
        """Return masks, recipes and models of the comparison whose table is in the folder; no file of anybody else."""
        names = {_plain(name) for name in _methods_of(self.path / TABLE)}
        found: set[Path] = set()
        for folder, endings in ((MASKS, _MASK_ENDINGS), (RECIPES, (".json",)), (MODELS, (".pt",))):
            for place in sorted((self.path / folder).glob("*")):
                ending = next((one for one in endings if place.name.endswith(one)), None)
                stem = place.name.removesuffix(ending or "")
                own = stem in names or (folder == MASKS and any(
                    re.fullmatch(rf"\d+_.*_{re.escape(name)}", stem) for name in names))
                if ending and own:
                    found.add(place)
        return found

    def _mask(
        self, comparison: Comparison, method: str, number: int, labels: Any, planes: tuple[int, ...],
        formats: Sequence[str],
    ) -> set[Path]:
        image = comparison.images[number]
        geometry = image.geometry
        if planes != tuple(range(image.n_planes)):
            labels = labels.reshape(-1, *image.plane_shape)[list(planes)]
            geometry = geometry.of_planes()
        name = _plain(method)
        stem = name if len(comparison.images) == 1 else f"{number}_{_plain(image.name)}_{name}"
        places = {self.path / MASKS / f"{stem}{suffix}" for suffix in formats}
        for place in sorted(places):
            save_mask(place, labels, classes=comparison.classes, geometry=geometry, overwrite=self.overwrite)
        return places


def _methods_of(table: Path) -> set[str]:
    """Return the methods in a table that a comparison has written; none if it is not there or no such table."""
    try:
        with table.open(encoding="utf-8", newline="") as file:
            return {line["method"] for line in csv.DictReader(file) if line.get("method")}
    except (OSError, ValueError, csv.Error):
        return set()


def _plain(name: str) -> str:
    """Return a name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", name) or "image"
