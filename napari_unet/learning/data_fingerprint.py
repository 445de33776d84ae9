"""What data are like, as far as the choice of a network depends on it: sizes, steps, channels. Reads no pixels."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence

from ..core.depth import has_depth
from ..core.errors import UserError
from ..core.image import Image

Spacing = tuple[float | None, float | None, float | None]
"""Steps along planes, rows and columns; None where one is not known."""


@dataclasses.dataclass(frozen=True)
class DataFingerprint:
    """What some images are like.

    Parameters
    ----------
    sizes : (int, int, int)
        Planes that lie behind one another, rows and columns: the median over images.
    spacing : tuple of float or None
        Step along each of these, the median over the images that tell; None where it is not known.
    unit : str
        Of these steps, ``"pixel"`` where it is not known.
    channels : int
    images : int
        How many volumes, or planes that do not belong together, there are.
    has_depth : bool
        Whether an axis is known to be z.
    """

    sizes: tuple[int, int, int]
    spacing: Spacing = (None, None, None)
    unit: str = "pixel"
    channels: int = 1
    images: int = 1
    has_depth: bool = True

    @property
    def steps(self) -> tuple[float, float, float]:
        """Steps to compute with: all alike unless all are known."""
        planes, rows, columns = self.spacing
        if planes is None or rows is None or columns is None:
            return 1.0, 1.0, 1.0
        return planes, rows, columns

    @property
    def elongation(self) -> float:
        """How many times as long a step along z is as one along rows and columns."""
        planes, rows, columns = self.steps
        return planes / math.sqrt(rows * columns)

    @property
    def times_as_long(self) -> str:
        """:attr:`elongation` in words."""
        return f"{self.elongation:.0f}" if self.elongation >= 10 else f"{self.elongation:.2g}"

    @property
    def spacing_text(self) -> str:
        """Voxels in words."""
        if None in self.spacing:
            return "voxel size not known: taken for cubes"
        shown = " x ".join(f"{one:.4g}" for one in self.steps)
        return f"voxels of {shown}" + ("" if self.unit == "pixel" else f" {self.unit}")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is odd, one sentence each."""
        found = []
        if not self.has_depth:
            found.append("No axis is known to be z, so that planes are looked at one by one. If they lie behind one "
                         "another, say what the axes are, e.g. ZYX.")
        elif self.sizes[0] > 1 and None in self.spacing:
            found.append("The size of the voxels is not known; if planes lie farther apart than pixels, write it into "
                         "the file, or set the scale of the layer.")
        elif self.sizes[0] > 1 and not 1 / 20 <= self.elongation <= 20:
            found.append(f"A step along z is {self.times_as_long} times one along rows and columns. Is the size of the "
                         "voxels right?")
        return tuple(found)


def fingerprint_of(images: Iterable[Image]) -> DataFingerprint:
    """Return what some images are like.

    Raises
    ------
    UserError
        If there are none, or they differ in their channels.
    """
    found = list(images)
    if not found:
        raise UserError("There is no image to plan for. Give at least one.")
    channels = {image.n_channels for image in found}
    if len(channels) > 1:
        raise UserError(f"The images differ in their channels ({', '.join(map(str, sorted(channels)))}). Plan for "
                        "images with the same channels.")
    deep = [image for image in found if has_depth(image)]
    planes, rows, columns = (int(statistics.median_low(each)) for each in zip(*map(_sizes, deep or found), strict=True))
    counted = sum(math.prod(image.shape) // math.prod(_sizes(image)) for image in found)
    return DataFingerprint((planes, rows, columns), *_spacing_of(deep), channels.pop(), counted, bool(deep))


def _spacing_of(volumes: Sequence[Image]) -> tuple[Spacing, str]:
    """Return the median of the steps that volumes tell, and their unit."""
    told = [one for one in map(_spacing, volumes) if one is not None]
    if not told:
        return (None, None, None), "pixel"
    planes, rows, columns = (statistics.median(each) for each in zip(*told, strict=True))
    units = {image.unit for image in volumes}
    return (planes, rows, columns), units.pop() if len(units) == 1 else "pixel"


def _sizes(image: Image) -> tuple[int, int, int]:
    planes = image.shape[image.label_axes.index("Z")] if has_depth(image) else 1
    return planes, *image.plane_shape


def _spacing(image: Image) -> tuple[float, float, float] | None:
    """Return the steps of an image; None where one is missing, zero or no number, or all are only counted."""
    steps = [abs(step) for step in (image.scale[image.label_axes.index("Z")], *image.scale[-2:])]
    known = all(math.isfinite(step) and step > 0 for step in steps) and (image.unit != "pixel" or len(set(steps)) > 1)
    return (steps[0], steps[1], steps[2]) if known else None
