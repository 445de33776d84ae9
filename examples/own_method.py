"""A method of one's own in one file: it gets strokes like all others and competes with Otsu's threshold.

Put the same lines into a file that napari runs at start, and the method is in the docks too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy import ndimage as ndi

import napari_unet
from napari_unet import ClassTable, Image, Parameter, Patch, Progress, segmenters
from napari_unet.core.method import checked_planes, newest_training_set
from napari_unet.report.table import format_text, summarise
from napari_unet.sample_data import load


@dataclass(frozen=True)
class NearestGreyModel:
    """Each pixel takes the class whose painted pixels are nearest in brightness."""

    sigma: float
    greys: dict[int, float]
    classes: ClassTable

    @property
    def note(self) -> str:
        return ", ".join(f"{self.classes.name(one)}: {grey:.0f}" for one, grey in self.greys.items())

    def segment(self, image: Image, planes: Sequence[int] | None = None, **_: Any) -> Iterator[Patch]:
        numbers = checked_planes(image, planes)
        ids, greys = np.array([*self.greys], np.uint8), np.array([*self.greys.values()])
        for done, number in enumerate(numbers, 1):
            smooth = ndi.gaussian_filter(image.plane(number).mean(0), self.sigma)
            nearest = np.abs(smooth[..., None] - greys).argmin(-1)
            yield Patch(image.where(number), ids[nearest], None, done, len(numbers))


@segmenters.register("nearest_grey", "Nearest grey")
@dataclass(frozen=True)
class NearestGrey:
    """The class whose painted pixels are nearest in brightness."""

    sigma: Annotated[float, Parameter("Blur first, against noise.", min=0, max=20, unit="px")] = 1.0

    def fit(self, painted: Any) -> Generator[Progress, None, NearestGreyModel]:
        training, values = newest_training_set(painted), {}
        for pair in training.pairs:
            for number, strokes in pair.scribbles.planes.items():
                yield Progress(f"looking at plane {number}")
                smooth = ndi.gaussian_filter(pair.image.plane(number).mean(0), self.sigma)
                for one in np.unique(strokes[strokes > 0]):
                    values.setdefault(int(one), []).extend(smooth[strokes == one])
        greys = {one: float(np.median(found)) for one, found in sorted(values.items())}
        return NearestGreyModel(self.sigma, greys, training.classes)


if __name__ == "__main__":
    sample = load("nuclei")
    comparison = napari_unet.compare(
        sample.pairs[0].image, sample.pairs[0].scribbles, sample.references[0], reference_values="painted",
        methods=["nearest_grey", "threshold"], classes=sample.classes, index=sample.planes(0, sample.test),
    ).result()
    print(format_text(summarise(comparison.rows)))
