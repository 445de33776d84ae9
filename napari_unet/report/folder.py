"""A comparison as a folder: ``table.csv``, ``figure.png`` and ``masks/``. Replaces nothing unasked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_unet.comparison import Comparison
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import save_mask

from .figure import draw
from .table import write_csv

TABLE, FIGURE, MASKS = "table.csv", "figure.png", "masks"


@dataclasses.dataclass(frozen=True)
class ComparisonFolder:
    """A folder that is ready to take the results of a comparison.

    Parameters
    ----------
    path : Path
    overwrite : bool
        Whether results that are there may be replaced; other files in the folder are left alone.

    Raises
    ------
    UserError
        If the folder cannot be made or written, or holds results and may not be overwritten.
    """

    path: Path
    overwrite: bool = False

    def __post_init__(self) -> None:
        try:
            (self.path / MASKS).mkdir(parents=True, exist_ok=True)
            probe = self.path / ".napari-unet-probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UserError(f"The folder {self.path} cannot be written ({error.strerror}). Choose another.") from None
        there = [one for one in (self.path / TABLE, self.path / FIGURE, *(self.path / MASKS).iterdir()) if one.exists()]
        if there and not self.overwrite:
            raise UserError(
                f"{self.path} holds results already ({there[0].name}). Add --overwrite to replace them, or choose "
                "another folder."
            )

    def check_inputs(self, inputs: Iterable[str | Path]) -> None:
        """Make sure that no input of the comparison would be replaced by its results.

        Raises
        ------
        UserError
            If an input is where a result goes.
        """
        for one in inputs:
            place = Path(one).resolve()
            masks = (self.path / MASKS).resolve()
            if place in ((self.path / TABLE).resolve(), (self.path / FIGURE).resolve()) or place.is_relative_to(masks):
                raise UserError(f"{one} is an input of this command and is never overwritten. Choose another folder.")

    def save(self, comparison: Comparison, formats: Sequence[str] = (".tif",)) -> None:
        """Write the table, the figure and one mask per method and image in each format (``.tif``, ``.ome.zarr``).

        Masks hold only the planes that were segmented; an image of which none was has no mask.
        """
        write_csv(self.path / TABLE, comparison.rows, overwrite=self.overwrite)
        for method, masks in comparison.masks.items():
            for number, (image, planes) in enumerate(zip(comparison.images, comparison.planes, strict=True)):
                if not planes:
                    continue
                labels, axes, scale = masks[number], image.label_axes, image.scale
                if planes != tuple(range(image.n_planes)):
                    labels = labels.reshape(-1, *image.plane_shape)[list(planes)]
                    axes, scale = "NYX", (1.0, *scale[-2:])
                stem = method if len(comparison.images) == 1 else f"{number}_{_plain(image)}_{method}"
                for suffix in formats:
                    save_mask(self.path / MASKS / f"{stem}{suffix}", labels, classes=comparison.classes, axes=axes,
                              scale=scale, unit=image.unit, overwrite=self.overwrite)
        draw(comparison, self.path / FIGURE)


def _plain(image: Image) -> str:
    """Return a name that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", image.name) or "image"
