"""Methods that can look at volumes: when they do, and why not where they do not. Registers nothing, reads no pixels."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from napari_unet.classical.background import Fading
from napari_unet.core.depth import LONGEST_BESIDE, elongation, has_depth, is_volume, stack_planes
from napari_unet.core.image import Image
from napari_unet.core.parameters import Parameter
from napari_unet.core.saying import say_once
from napari_unet.core.sight import Sees

MEMORY = 2**31
"""Bytes that the work on one volume may take; larger ones are answered plane by plane."""

FILTERS = 8
"""Features that filters measure of a voxel beside its brightness."""


@dataclasses.dataclass(frozen=True)
class SeesVolumes:
    """What a method adds that can look at a volume as a whole: the person's choice, and what its work takes.

    Sizes are in pixels along rows; along z, where voxels are longer, they are fewer.
    """

    sees: ClassVar[Sees] = "both"
    voxel_bytes: ClassVar[int] = 64
    """Memory for a voxel, its features apart."""
    swift_voxels: ClassVar[int] = 2**21
    """A larger volume takes so long that it is answered plane by plane, unless a person asks for more."""

    volume: Annotated[
        Literal["planes", "volume"] | None,
        Parameter("Whether a stack along z is looked at plane by plane (planes) or as one (volume); auto: as a volume "
                  "where the size of the voxels makes sense, unless strokes that are left out speak for planes.",
                  advanced=True),
    ] = None

    fading: Annotated[
        Fading | None,
        Parameter("Of a volume, what becomes of light that falls from plane to plane: it is kept, so that one range of "
                  "brightness holds for all planes; halved; or evened, so that each plane has a range of its own.",
                  auto=("evened", "halved", "kept"), advanced=True),
    ] = None

    @property
    def light(self) -> Fading:
        """What becomes of light that falls from plane to plane of a volume."""
        return self.fading or "evened"

    @property
    def only_planes(self) -> str:
        """Why it looks at planes alone with the parameters chosen here; empty if it does not."""
        return ""

    @property
    def deep(self) -> bool:
        """Whether it looks at volumes, with the parameters chosen here."""
        return self.volume == "volume"

    def volume_bytes(self, image: Image) -> int:
        """Return the memory that the work on a volume of an image takes."""
        features = image.n_channels + (FILTERS if getattr(self, "filters", False) is not False else 0)
        return _voxels(image) * (self.voxel_bytes + 12 * features)


def why_planes(method: Any, image: Image) -> str:
    """Say why a method cannot look at an image as volumes; empty if it can."""
    if not has_depth(image):
        return ("it has a single plane" if image.n_planes == 1 else
                "it has no axis that is known to be z (say what its axes are, e.g. ZYX)")
    if method.only_planes:
        return str(method.only_planes)
    needed = method.volume_bytes(image)
    if needed > MEMORY:
        return f"as a volume it takes {needed / 2**30:.1f} GB of memory, and {MEMORY / 2**30:.1f} GB may be used"
    return ""


def why_not_volumes(method: Any, image: Image) -> str:
    """Say why a method had better not look at an image as volumes, though it could; empty if it had."""
    if not is_volume(image):
        longer = elongation(image)
        shape = f"{longer:.3g} times as long as wide" if longer > 1 else f"{1 / longer:.3g} times as wide as long"
        return f"its voxels are {shape}, and up to {LONGEST_BESIDE:g} times tell something"
    if _voxels(image) > method.swift_voxels:
        return (f"a volume of {_voxels(image) / 1e6:.1f} million voxels takes it long (volume 'volume' looks at it all "
                "the same)")
    return ""


def settled_volume(method: Any, images: Iterable[Image]) -> tuple[Literal["planes", "volume"] | None, bool, str]:
    """Return how a method looks at all of some images, whether strokes are to decide that, and why it is planes.

    Warns
    -----
    InputWarning
        Once per image that a person asks to be looked at as volumes, if that cannot be.
    """
    wanted: Literal["planes", "volume"] | None = method.volume
    if wanted == "planes":
        return wanted, False, ""
    settled: Literal["planes", "volume"] | None = wanted
    why = ""
    for image in images:
        reason = why_planes(method, image) or ("" if wanted else why_not_volumes(method, image))
        if reason and not (wanted or has_depth(image)):
            return None, False, ""  # pictures without depth are neither
        if reason:
            settled, why = "planes", f"{image.name!r}: {reason}"
        if reason and wanted:
            say_once(image.data, f"{type(method).__name__} looks at {image.name!r} plane by plane: {reason}.")
    return settled, settled is None, why


def looks_deep(method: Any, image: Image) -> bool:
    """Say whether a fitted method looks at an image as volumes.

    Warns
    -----
    InputWarning
        Once per image, if it has learnt from volumes and cannot look at this one so.
    """
    if not getattr(method, "deep", False):
        return False
    reason = why_planes(method, image)
    if reason:
        say_once(image.data, f"{type(method).__name__} answers {image.name!r} plane by plane, though it learnt from "
                             f"volumes: {reason}.")
    return not reason


def _voxels(image: Image) -> int:
    """Return the number of voxels of one volume of an image."""
    return len(stack_planes(image, 0)) * math.prod(image.plane_shape)
