"""Active contours: an outline per class that moves until it fits. Starts from how much each pixel resembles a class."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical import level_sets, snakes
from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.edge_regions import gradient_strength
from napari_unet.classical.regions import Regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import AppearanceMethod
from ._steps import Paint
from ._volumes import SeesVolumes

TITLES = {
    "chan_vese": "Chan-Vese contours",
    "geodesic": "geodesic active contours",
    "snake": "snakes",
}
_SURE = 0.9
_STEEP = 100.0


@dataclasses.dataclass(frozen=True, eq=False)
class ContourInput:
    """What a contour sees of a plane or volume: the measured pixels, and how large a step each lies on, or None."""

    pixels: Regions
    steps: NDArray[np.float32] | None


@register("contours", title="Active contours", family="cuts")
@dataclasses.dataclass(frozen=True)
class Contours(SeesVolumes, AppearanceMethod):
    """Active contours: outlines (in a volume, surfaces) that move until they fit, and stay smooth.

    How much a pixel resembles each class comes from the painted pixels (a mixture of Gaussians per class). Every class
    but the first has a contour, which starts around the pixels that look like it. Chan-Vese moves it until resemblance
    inside and outside is as even as can be (doi:10.1109/83.902291); geodesic contours (doi:10.1023/A:1007979827043) and
    snakes (doi:10.1007/BF00133570) are drawn to steps in brightness. Where contours overlap, the class that a pixel
    resembles more has it; what lies in none is the first class. Painted pixels keep their class. Snakes are curves in
    planes; the other two move surfaces through volumes.
    """

    voxel_bytes: ClassVar[int] = 96  # its measures along two axes, and claims of classes

    kind: Annotated[
        Literal["chan_vese", "geodesic", "snake"] | None,
        Parameter("What moves the outline: chan_vese (how alike the pixels inside are; needs no edges), geodesic "
                  "(edges; may split and merge) or snake (edges; stiff curves).",
                  auto=("chan_vese", "geodesic", "snake")),
    ] = None
    smoothing: Annotated[int | None, Parameter("How strongly chan_vese and geodesic smooth the outline; 0 keeps thin "
                                               "lines.", min=0, max=10, step=1, auto=(1, 0, 3))] = None
    scale: Annotated[float | None, Parameter("Blur before looking for edges (geodesic, snake): edges are felt from "
                                             "about twice as far.", min=0.5, max=20, step=0.5, unit="px",
                                             auto=(2.0, 1.0, 4.0))] = None
    push: Annotated[int | None, Parameter("For kind geodesic: 1 grows from the surest pixels out to the next edge, -1 "
                                          "shrinks from around, 0 only draws the outline to edges nearby.", min=-1,
                                          max=1, step=1, auto=(0, 1, -1))] = None
    strength: Annotated[float | None, Parameter("For kind geodesic: the smallest step in brightness that stops an "
                                                "outline that is pushed; 1 is the whole range from dark to bright.",
                                                min=0, max=2, step=0.05, auto=(0.3, 0.15, 0.6))] = None
    stiffness: Annotated[float | None, Parameter("For kind snake: how much the outline resists bending.", min=0,
                                                 max=100, step=0.5, auto=(1.0, 0.1, 10.0))] = None
    rounds: Annotated[int | None, Parameter("How often the outline may move, each time by at most about a pixel; it "
                                            "stops when it fits.", min=1, max=1000, step=10, advanced=True,
                                            auto=(50,))] = None

    @property
    def soft(self) -> bool:
        """A contour has no probabilities."""
        return False

    @property
    def only_planes(self) -> str:
        """Snakes are curves."""
        return "snakes are curves in planes" if self.kind == "snake" else ""

    def uses(self, parameter: str) -> bool:
        """Some parameters are for some kinds."""
        kind = self.kind or "chan_vese"
        return {
            "smoothing": kind != "snake", "scale": kind != "chan_vese", "stiffness": kind == "snake",
            "push": kind == "geodesic", "strength": kind == "geodesic" and self.push != 0,
        }.get(parameter, True)

    def describe(self, plane: PreparedPlane, survey: Any) -> ContourInput:
        """Measure every pixel, and the edges where the kind looks at them."""
        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        steps = gradient_strength(plane, self.scale or 2.0) if self.uses("scale") else None
        return ContourInput(Regions.of_pixels(stack, plane.spacing), steps)

    def measured(self, seen: ContourInput) -> Regions:
        """Return the measured pixels."""
        return seen.pixels

    def decide(
        self, seen: ContourInput, learnt: Appearance, ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.intp]:
        """Start a contour around what looks like each class, let it move, and give every pixel to one of them."""
        shares = learnt.memberships(seen.pixels.features).reshape(-1, *seen.pixels.numbers.shape)
        if paint is not None:
            for index, number in enumerate(ids):
                shares[index, paint == number] = 1
                shares[index, (paint > 0) & (paint != number)] = 0
        values = (seen.pixels.features @ apart(learnt)).T.reshape(-1, *seen.pixels.numbers.shape)
        claims = np.zeros(shares.shape, np.float32)
        claims[0] = -1
        for index in range(1, len(ids)):
            claims[index] = np.where(self._inside(shares, index, values, seen.steps), shares[index], -2)
        chosen = claims.argmax(axis=0)
        if paint is not None:
            for index, number in enumerate(ids):
                chosen[paint == number] = index
        return chosen

    def _inside(
        self, shares: NDArray[np.float32], index: int, values: NDArray[np.float32], steps: NDArray[np.float32] | None
    ) -> NDArray[np.bool_]:
        """Return the mask (Y, X) inside the contour of one class."""
        mine = shares[index]
        others = np.delete(shares, index, axis=0)
        lead = mine - others.max(axis=0)
        rounds, smoothing = self.rounds or 50, 1 if self.smoothing is None else self.smoothing
        if steps is None:
            return level_sets.chan_vese(values, lead > 0, rounds, smoothing, others.argmax(axis=0))
        if self.kind == "snake":
            stiffness = 1.0 if self.stiffness is None else self.stiffness
            curves = snakes.relax_outlines(snakes.level_outlines(lead), steps, stiffness, rounds)
            return snakes.fill_outlines(curves, lead.shape)
        push = self.push or 0
        start = mine > _SURE if push > 0 else lead > 0
        if push < 0:
            start = level_sets.dilated(start, 3)
        stop = 1 / math.sqrt(1 + _STEEP * (0.3 if self.strength is None else self.strength))
        return level_sets.geodesic_contour(1 / np.sqrt(1 + _STEEP * steps), start, rounds, smoothing, push, stop)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say whose outlines were moved how."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids[1:]) or "nothing"
        return f"{TITLES[self.kind or 'chan_vese']} around {names}; the rest is {classes.name(ids[0])}."


def apart(looks: Appearance) -> NDArray[np.float32]:
    """Return the axes (F, D) in feature space along which classes lie apart, in units of the spread within classes.

    As many axes as there are classes, less one (linear discriminant analysis, Rao 1948).
    """
    covariances = np.linalg.inv(looks.whitening.astype(np.float64) @ looks.whitening.transpose(0, 2, 1))
    unit = np.linalg.cholesky(np.linalg.inv(covariances.mean(axis=0)))
    count = int(looks.owner.max()) + 1
    centres = np.stack([looks.centres[looks.owner == index].mean(axis=0) for index in range(count)])
    axes = np.linalg.qr(((centres[1:] - centres[0]) @ unit).T)[0]
    return (unit @ axes).astype(np.float32)
