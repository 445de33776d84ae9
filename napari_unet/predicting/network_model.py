"""A trained network as a model: planes in, patches out, tile by tile. Knows no registry, no files and no windows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.classes import ClassTable
from ..core.depth import has_depth, stack_planes
from ..core.errors import UsageError
from ..core.image import Image, say_some_not_finite, warn_not_finite
from ..core.latest import Latest
from ..core.method import Patch, View, check_channels, checked_planes
from ..core.normalisation import warn_of_scale
from ..core.plane_facts import is_large
from ..core.saying import say_once
from ..core.sight import Seen
from . import tta
from .devices import choose_device
from .forward import is_unpadded
from .kept_planes import extra_planes, kept_planes
from .plane_windows import WindowedPlane
from .slabs import DepthReach, Slab, depth_reach, single_planes, slab_of, slab_size, slabs_of
from .tile_run import KEPT_PIXELS, InputPlane, TileRun, slab_voxels, tile_size
from .tiling import LARGE, Box, Tiling, asked_for
from .weights import Weights


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkModel:
    """Weights and how to predict with them.

    Parameters
    ----------
    weights : Weights
        The trained network.
    device : str
        See :func:`napari_unet.predicting.devices.choose_device`.
    tta : bool or int
        Average over turned versions of the image: True or 8 for the eight flips and quarter turns, another number for
        that many rotations by equal angles (Ronneberger et al. 2015 averaged 7). False, 0 and 1: none.
    tile : int, optional
        Pixels of a side that are written at once; None chooses by device and network.
    full_precision : bool
        Compute in float32 even where 16 bits are faster.
    refits : bool
        Whether strokes painted later may fit the last layer anew, see :mod:`napari_unet.instant.answers`; only
        while it learns from those strokes.

    Raises
    ------
    UsageError
        If ``tta`` or ``tile`` is out of its bounds.
    """

    weights: Weights
    device: str = "auto"
    tta: bool | int = False
    tile: int | None = None
    full_precision: bool = False
    refits: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.tta <= tta.MOST:
            raise UsageError(f"tta cannot be {self.tta!r}. Allowed: true, false, or 0 to {tta.MOST} versions.")
        if self.tile is not None and self.tile < 1:
            raise UsageError(f"tile cannot be {self.tile!r}. Allowed: a whole number of at least 1 (px), or auto.")

    @property
    def classes(self) -> ClassTable:
        """Classes it can tell apart."""
        return self.weights.classes

    @property
    def note(self) -> str:
        """What it is, in one sentence."""
        if self.weights.step == 0:
            return f"{self.weights.network_name}, as pre-trained, fitted to strokes, {len(self.classes.ids)} classes"
        steps = f"{self.weights.step} step{'' if self.weights.step == 1 else 's'}"
        return f"{self.weights.network_name}, trained for {steps}, {len(self.classes.ids)} classes"

    def segment(
        self,
        image: Image,
        planes: Sequence[int] | None = None,
        *,
        probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment planes (all by default), tile by tile; tiles that touch the view come first.

        Every pixel of every plane asked for is covered exactly once. Pixels that are not finite become background
        (the first class) with probability 1; one warning at the end gives their count.
        Another one says if the image is on another scale than those that were learnt from.

        Parameters
        ----------
        image : Image
            Read plane by plane, never written.
        planes : sequence of int, optional
            Plane numbers.
        probabilities : bool
            Add class probabilities to the patches.
        view : Latest of View or None, optional
            Read again before every tile.

        Raises
        ------
        UserError
            If the image has another number of channels than the network, no such plane, or no number in it.
        WorkError
            If torch fails.
        """
        check_channels(image.n_channels, self.weights.channels, repr(image.name))
        numbers = tuple(dict.fromkeys(checked_planes(image, planes)))
        return self._segment(image, numbers, probabilities, view, asked_for(image))

    def segment_box(self, image: Image, plane: int, box: Box, probabilities: bool = False) -> Iterator[Patch]:
        """Segment the tiles that begin in a box of a plane: the same labels that :meth:`segment` gives there.

        What is read is the box and the halo around it. The box begins and ends where tiles do (:meth:`tile_side`), or
        at the border of the plane.
        """
        return self._segment(image, (plane,), probabilities, None, box)

    def tile_side(self) -> int | None:
        """Return the rows and columns of the tiles of a large plane; None: such a plane is one tile."""
        network = self.weights.network
        if network.halo is None or not self.by_windows:
            return None
        size = self.tile or tile_size(self.weights, choose_device(self.device))
        return math.ceil(size / network.stride) * network.stride

    @property
    def by_windows(self) -> bool:
        """Whether a plane can be read in windows: not where it is turned by odd angles."""
        return int(self.tta) in (0, 1, 4, 8)

    def logits(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network says about normalised values, tile by tile like :meth:`segment`.

        Parameters
        ----------
        plane : ndarray of float32, shape (C, Y, X) or (C, Z, Y, X)
            Output of ``weights.normalisation``, of one plane or of the planes of a volume.

        Returns
        -------
        ndarray of float32, shape (classes, Y, X) or (classes, Z, Y, X)
            Logits; with ``tta``, the logarithm of the average probability.

        Raises
        ------
        UserError
            If it has another number of channels than the network.
        """
        check_channels(len(plane), self.weights.channels, "the plane")
        volume = plane[:, None] if plane.ndim == 3 else plane
        count, height, width = volume.shape[1:]
        out = np.empty((len(self.classes.ids), *volume.shape[1:]), np.float32)
        along, side = depth_reach(self.weights.network), None
        slabs = single_planes(range(count))
        if along is not None:
            thickness, side = self._slab_size((count, height, width), along)
            slabs = [slab_of(range(count), *ends, along) for ends in along.axis(count).even_cuts(thickness)]
        run = self._run((height, width), slabs, lambda number: InputPlane(volume[:, number]), side=side)
        for number, write, scores, _ in run:
            out[(slice(None), number, *write.slices)] = scores.cpu().numpy()
        return out[:, 0] if plane.ndim == 3 else out

    def _run(
        self, shape: tuple[int, int], slabs: Sequence[Slab], read: Callable[[int], InputPlane],
        within: Box | None = None, side: int | None = None,
    ) -> TileRun:
        device = choose_device(self.device)
        size = side or self.tile or tile_size(self.weights, device)
        if self.full_precision:
            device = device.full_precision()
        network = self.weights.network
        tiling = Tiling(shape, network.stride, network.halo, is_unpadded(network))
        return TileRun(tta.AveragedScores(self.weights, self.tta), tiling, size, device, slabs, read, within)

    def _slab_size(self, shape: tuple[int, int, int], along: DepthReach) -> tuple[int, int | None]:
        """Return how many planes, and rows and columns of them, go through the network at once."""
        if along.beyond:  # what it needs of other planes is not computed
            return 1, None
        side = self.tile_side() if math.prod(shape[1:]) > LARGE else self.tile
        return slab_size(shape, self.weights.network, slab_voxels(choose_device(self.device)), side)

    def slab_planes(self, image: Image) -> int:
        """Return how many planes of an image are answered together."""
        along = depth_reach(self.weights.network)
        return 1 if along is None else self._slab_size((len(stack_planes(image, 0)), *image.plane_shape), along)[0]

    def seen(self, image: Image) -> Seen:
        """Say what is used of an image: each plane alone, or its volume."""
        return "volumes" if depth_reach(self.weights.network) is not None and has_depth(image) else "planes"

    def _plane(self, image: Image, number: int, within: Box | None, together: int = 1) -> InputPlane:
        """Return a plane for the network, where so many have to be at hand at once."""
        many = together * math.prod(image.plane_shape) * image.n_channels > KEPT_PIXELS
        if (is_large(image) or many) and self.by_windows and self.weights.network.halo is not None:
            near = within and within.grown(self.weights.network.halo, image.plane_shape)
            if not is_large(image):  # as it is stored, which is mostly smaller
                near = Box(0, image.plane_shape[0], 0, image.plane_shape[1])
            windows = WindowedPlane(image, number, self.weights.normalisation, near)
            return InputPlane(cast("NDArray[np.float32]", windows), cast("NDArray[np.bool_] | None", windows.hidden))
        normalised, valid = self.weights.normalisation.plane(image, number)
        return InputPlane(normalised, None if valid.all() else ~valid)

    def _segment(
        self, image: Image, numbers: tuple[int, ...], probabilities: bool, view: Latest[View | None] | None,
        within: Box | None = None,
    ) -> Iterator[Patch]:
        along = depth_reach(self.weights.network)
        if along is None:
            yield from self._computed(image, single_planes(numbers), probabilities, view, within)
            return
        if not has_depth(image):
            say_once(image.data, f"{image.name!r} has no axis that is known to be z (say what its axes are, e.g. ZYX), "
                                 "but this network looks at volumes: it sees each plane alone.")
        kept = kept_planes((self.weights, image.data), (image.axes, image.guessed_axes, self.device, int(self.tta),
                                                        self.tile, self.full_precision))
        missing = []
        for number in numbers:
            patches = kept.take(within, number, probabilities)
            if patches is None:
                missing.append(number)
            for done, patch in enumerate(patches or (), 1):
                yield dataclasses.replace(patch, done=done, total=len(patches or ()))
        if not missing:
            return
        thickness, side = self._slab_size((len(stack_planes(image, missing[0])), *image.plane_shape), along)
        slabs, wanted, more = slabs_of(image, missing, along, thickness), set(missing), []
        for patch in self._computed(image, slabs, probabilities, view, within, side):
            if image.plane_of(patch.where) in wanted:
                yield patch
            else:
                more.append(patch)
        kept.keep(within, extra_planes(image, more))

    def _computed(
        self, image: Image, slabs: Sequence[Slab], probabilities: bool, view: Latest[View | None] | None,
        within: Box | None, side: int | None = None,
    ) -> Iterator[Patch]:
        ids = np.array(self.classes.ids, np.uint8)
        holes = 0
        together = max((len(set(slab.read)) for slab in slabs), default=1)

        def read(number: int) -> InputPlane:
            plane = self._plane(image, number, within, together)
            nothing = within is None and isinstance(plane.hidden, np.ndarray) and plane.hidden.all()
            if nothing and not _any_number(image):
                warn_not_finite(image, math.prod(image.shape))
            return plane

        warn_of_scale(self.weights.normalisation, image)
        run = self._run(image.plane_shape, slabs, read, within, side)
        if view is not None:
            run.look_at(view, image)
        elif within is None and not is_large(image):  # of a large image pixels are read on the way, and memory is short
            run.two_abreast(wide=self.tile is None and side is None)
        for done, (number, write, scores, plane) in enumerate(run, 1):
            labels = ids[most_likely(scores).cpu().numpy()]
            maps = torch.softmax(scores, 0).cpu().numpy() if probabilities else None
            if plane.hidden is not None:
                hidden = plane.hidden[write.slices]
                holes += int(np.count_nonzero(hidden))
                labels[hidden] = ids[0]
                if maps is not None:
                    maps[:, hidden] = 0
                    maps[0, hidden] = 1
            yield Patch(image.where(number, *write.slices), labels, maps, done, done + run.left)
        if within is None:
            warn_not_finite(image, holes)
        elif holes:
            say_some_not_finite(image)


def most_likely(scores: Tensor) -> Tensor:
    """Return the number of the largest of (classes, Y, X) at each pixel, uint8 (Y, X); the first of equals."""
    best, label = scores[0], torch.zeros(scores.shape[1:], dtype=torch.uint8, device=scores.device)
    for number in range(1, len(scores)):  # several times faster than argmax over a few classes
        better = scores[number] > best
        label = torch.where(better, torch.tensor(number, dtype=torch.uint8, device=scores.device), label)
        if number + 1 < len(scores):
            best = torch.maximum(best, scores[number])
    return label


def _any_number(image: Image) -> bool:
    return any(np.isfinite(image.plane(number)).all(axis=0).any() for number in range(image.n_planes))
