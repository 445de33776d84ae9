"""A comparison as a folder: report, table, figure, parameters, masks, objects, recipes, models, their provenance.

Replaces nothing unasked.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_unet.comparison.comparison_origin import comparison_provenance
from napari_unet.comparison.outcome import Comparison
from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance
from napari_unet.core.readable import readable
from napari_unet.io import clear_of_inputs, save_mask, save_objects
from napari_unet.io.model_file import can_be_saved, save_model
from napari_unet.io.provenance_file import provenance_text
from napari_unet.io.recipe import save_recipe
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.segmenters import REGISTRY

from .csv_cells import ENCODING, word_of_cell
from .figure import draw
from .html_report import write_html
from .methods_text import describe_methods
from .result_swap import ResultSwap
from .table import write_csv
from .whole_file import appearing_whole

REPORT, TABLE, FIGURE, METHODS = "report.html", "table.csv", "figure.png", "methods.txt"
PROVENANCE = "provenance.json"
MASKS, RECIPES, MODELS, OBJECTS = "masks", "recipes", "models", "objects"
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
        folders = [self.path / name for name in (MASKS, RECIPES, MODELS, OBJECTS)]
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
        return tuple(self.path / name for name in (REPORT, TABLE, FIGURE, METHODS, PROVENANCE))

    def save(
        self,
        comparison: Comparison,
        formats: Sequence[str] = (".tif",),
        models: bool = False,
        provenance: Provenance | None = None,
    ) -> None:
        """Write the report, the table, the figure, the parameters, and of each method masks, objects and its recipe.

        Where results are replaced, masks, recipes and models of earlier methods (those in the table there) go too. Old
        and new results change places when all new ones are there (see :mod:`.result_swap`).

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
        provenance : Provenance, optional
            Where the comparison comes from; by default what it knows itself.
        """
        swap = ResultSwap(self.path)
        try:
            self._build(swap.path, comparison, formats, models)
            told = provenance or comparison_provenance(comparison)
            (swap.path / PROVENANCE).write_text(provenance_text(told), encoding="utf-8")
            swap.commit(sorted(self._of_earlier()) if self.overwrite else ())
        finally:
            swap.discard()

    def _build(self, place: Path, comparison: Comparison, formats: Sequence[str], models: bool) -> None:
        """Write everything into a folder that is empty."""
        write_csv(place / TABLE, comparison.rows)
        (place / MASKS).mkdir()
        for method, masks in comparison.masks.items():
            for number, planes in enumerate(comparison.planes_of(method)):
                if planes:
                    self._mask(place / MASKS, comparison, method, number, masks[number], planes, formats)
        for method, ways in comparison.found.items():
            for way, images in ways.items():
                self._objects(place / OBJECTS, comparison, method, way, images)
        for method, made in comparison.methods.items():
            if any(type(made) is entry.item for entry in REGISTRY):  # a method of one's own need not be in the registry
                (place / RECIPES).mkdir(exist_ok=True)
                save_recipe(place / RECIPES / f"{_plain(method)}.json", made)
        if models:
            (place / MODELS).mkdir()
            for method, model in comparison.models.items():
                if can_be_saved(model):
                    save_model(place / MODELS / f"{_plain(method)}.pt", model)
        with appearing_whole(place / METHODS, False) as unfinished:
            unfinished.write_text(readable(describe_methods(comparison), lines=True), encoding="utf-8")
        draw(comparison, place / FIGURE)
        write_html(place / REPORT, comparison)

    def _of_earlier(self) -> set[Path]:
        """Return masks, recipes and models of the comparison whose table is in the folder; no file of anybody else.

        They are relative to the folder.
        """
        names = {_plain(name) for name in _methods_of(self.path / TABLE)}
        found: set[Path] = set()
        by_way = {f"{name}_{way}" for name in names for way in WAYS.names()}
        for folder, endings, known in ((MASKS, _MASK_ENDINGS, names), (OBJECTS, (".tif",), by_way),
                                       (RECIPES, (".json",), names), (MODELS, (".pt",), names)):
            for place in sorted((self.path / folder).glob("*")):
                ending = next((one for one in endings if place.name.endswith(one)), None)
                stem = place.name.removesuffix(ending or "")
                own = stem in known or (folder in (MASKS, OBJECTS) and any(
                    re.fullmatch(rf"\d+_.*_{re.escape(name)}", stem) for name in known))
                if ending and own:
                    found.add(place.relative_to(self.path))
        return found

    def _mask(
        self, folder: Path, comparison: Comparison, method: str, number: int, labels: Any, planes: tuple[int, ...],
        formats: Sequence[str],
    ) -> None:
        image = comparison.images[number]
        geometry = image.geometry
        if planes != tuple(range(image.n_planes)):
            labels = labels.reshape(-1, *image.plane_shape)[list(planes)]
            geometry = geometry.of_planes()
        for suffix in formats:
            save_mask(folder / f"{_stem(comparison, number, _plain(method))}{suffix}", labels,
                      classes=comparison.classes, geometry=geometry)

    def _objects(self, folder: Path, comparison: Comparison, method: str, way: str, images: Sequence[Any]) -> None:
        """Write the objects of a method by a way, of every image that has some judged; only planes that were judged."""
        for number, packed in enumerate(images):
            if packed is not None:
                folder.mkdir(exist_ok=True)
                found, geometry = packed.known(), comparison.images[number].geometry
                geometry = geometry if found.numbers.shape == packed.shape else geometry.of_planes()
                save_objects(folder / f"{_stem(comparison, number, f'{_plain(method)}_{_plain(way)}')}.tif",
                             found, classes=comparison.classes, geometry=geometry)


def _stem(comparison: Comparison, number: int, name: str) -> str:
    """Return how a file of an image is called, by its own name."""
    return name if len(comparison.images) == 1 else f"{number}_{_plain(comparison.images[number].name)}_{name}"


def _methods_of(table: Path) -> set[str]:
    """Return the methods in a table that a comparison has written; none if it is not there or no such table."""
    try:
        with table.open(encoding=ENCODING, newline="") as file:
            return {word_of_cell(line["method"]) for line in csv.DictReader(file) if line.get("method")}
    except (OSError, ValueError, csv.Error):
        return set()


def _plain(name: str) -> str:
    """Return a name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", name) or "image"
