"""Chooses what a network looks like from what the data are like, and says why. Reads no pixels, builds no network.

The rules are those that F. Isensee and others describe (nnU-Net: a self-configuring method for deep learning-based
biomedical image segmentation. Nature Methods 2021), in so far as they concern the network: pieces as large as the
memory allows; an axis is halved as long as four voxels are left of a piece; an axis whose steps are more than twice as
long as the finest is neither halved nor looked along until the others have caught up. What differs: images are not
brought to a common voxel size, pieces are as long as wide in space (there, of the shape of the image), norms are over
batches (a norm over the piece would make tiles disagree), and there are fewer halvings and channels, because all of
this also runs on processors.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from .data_fingerprint import DataFingerprint

Steps = tuple[int, int, int]
"""Along planes, rows and columns."""

LEAST_LEFT = 4
"""Voxels of a piece that are left along an axis that is halved."""

MOST_HALVINGS = {"planes": 4, "volume": 3}
"""Each halving doubles what has to be read around a tile for it to agree with the whole."""

COARSER = 2.0
"""An axis whose steps are more than so many times the finest waits until the others have caught up."""

LEAST_PLANES = 4
"""A volume of fewer planes is looked at plane by plane."""

LEAST_SIDE, MOST_SIDE = 16, 512
"""Rows and columns of a piece."""

LEAST_BATCH, MOST_BATCH = 2, 12
LARGEST_SHARE = 0.05
"""Of all voxels there are, in one step."""

WIDTHS = ((2**33, 32), (2**31, 16), (0, 8))
"""Channels at full resolution by memory; of networks of planes at least 16."""

MOST_CHANNELS = 320

KEPT = 14
"""Numbers of four bytes that a step keeps for each voxel and channel of a level: what convolutions and norms gave, in
encoder and decoder, and their gradients."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """One thing that was chosen, and why."""

    what: str
    chosen: str
    why: str


@dataclasses.dataclass(frozen=True)
class NetworkPlan:
    """A configuration of a network.

    Parameters
    ----------
    patch : (int, int, int)
        Planes, rows and columns of the pieces that are learnt from.
    batch : int
        Pieces of a step.
    pools : tuple of (int, int, int)
        How each axis is pooled after each level but the coarsest.
    kernels : tuple of (int, int, int)
        Of the convolutions, by level.
    width : int
        Channels at full resolution.
    memory : int
        Bytes of a step, estimated.
    choices : tuple of Choice
        All of it for people, with reasons.
    remarks : tuple of str
        What is odd about the data; one sentence each.
    """

    patch: Steps
    batch: int
    pools: tuple[Steps, ...]
    kernels: tuple[Steps, ...]
    width: int
    memory: int
    choices: tuple[Choice, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def dimensions(self) -> str:
        """``"volume"`` or ``"planes"``."""
        return "volume" if any(kernel[0] > 1 for kernel in self.kernels) else "planes"

    @property
    def depth(self) -> int:
        """How many times the picture is halved, along some axis."""
        return len(self.pools)

    @property
    def text(self) -> str:
        """All of it as lines of text: what was chosen and why."""
        width = max(len(one.what) for one in self.choices)
        chosen = max(len(one.chosen) for one in self.choices)
        lines = [f"{one.what:<{width}}  {one.chosen:<{chosen}}  {one.why}" for one in self.choices]
        return "\n".join([*lines, *self.remarks])


@dataclasses.dataclass(frozen=True)
class _Topology:
    pools: tuple[Steps, ...]
    kernels: tuple[Steps, ...]

    @property
    def stride(self) -> Steps:
        planes, rows, columns = (math.prod(one[axis] for one in self.pools) for axis in range(3))
        return planes, rows, columns


def plan_network(
    data: DataFingerprint, memory: int, *, dimensions: str | None = None, width: int | None = None,
    halvings: int | None = None,
) -> NetworkPlan:
    """Choose a network for data.

    Parameters
    ----------
    data : DataFingerprint
    memory : int
        Bytes that a step of training may take.
    dimensions : str, optional
        ``"planes"`` or ``"volume"``; None: by the data.
    width, halvings : int, optional
        Channels at full resolution, and halvings at most, where they are settled.
    """
    whole, reason = _dimensions(data, dimensions)
    sizes = data.sizes if whole == "volume" else (1, *data.sizes[1:])
    most = MOST_HALVINGS[whole] if halvings is None else halvings
    channels = width or next(one for least, one in WIDTHS if memory >= least)
    if width is None and whole == "planes":
        channels = max(16, channels)
    patch, tried = _largest_patch(sizes), set[Steps]()
    while True:
        topology = _topology(patch, data.steps, most, whole)
        patch = _divisible(patch, topology.stride)
        needed = step_memory(patch, LEAST_BATCH, topology.pools, channels, data.channels)
        smaller = _smaller(patch, data.steps, topology.stride)
        if needed <= memory or smaller is None or smaller in tried:
            break
        tried.add(smaller)
        patch = smaller
    batch = _batch(data, patch, memory / max(1, needed / LEAST_BATCH))
    plan = NetworkPlan(patch, batch, topology.pools, topology.kernels, channels,
                       step_memory(patch, batch, topology.pools, channels, data.channels))
    choices = tuple(_explained(plan, data, memory, reason, width is not None, most))
    return dataclasses.replace(plan, choices=choices, remarks=tuple(_remarks(plan, data, memory, whole)))


def step_memory(patch: Steps, batch: int, pools: tuple[Steps, ...], width: int, channels: int) -> int:
    """Return about how many bytes a step of training takes."""
    voxels, total = float(math.prod(patch)), float(channels * math.prod(patch))
    for level in range(len(pools) + 1):
        total += KEPT * voxels * min(width * 2**level, max(width, MOST_CHANNELS))
        if level < len(pools):
            voxels /= math.prod(pools[level])
    return int(4 * batch * total)


def _dimensions(data: DataFingerprint, wanted: str | None) -> tuple[str, str]:
    planes = data.sizes[0]
    if planes < 2:
        why = "there is no axis of planes that is known to be z" if not data.has_depth else "there is one plane"
        return "planes", why
    if wanted is not None:
        return wanted, "as asked"
    if planes < LEAST_PLANES:
        return "planes", f"{planes} planes are too few to look along z"
    if not _reaches(data):
        return "planes", (f"a step along z is {data.times_as_long} times one along rows and columns: however often "
                          "these are halved, they do not catch up")
    return "volume", f"{planes} planes lie behind one another"


def _reaches(data: DataFingerprint) -> bool:
    """Whether rows and columns catch up with z by as many halvings as there may be."""
    return data.elongation <= COARSER * 2 ** MOST_HALVINGS["volume"]


def _largest_patch(sizes: Steps) -> Steps:
    side = max(LEAST_SIDE, min(MOST_SIDE, *sizes[1:]))
    return sizes[0], side, side


def _topology(patch: Steps, steps: tuple[float, float, float], most: int, dimensions: str) -> _Topology:
    """Choose pooling and kernels level by level."""
    sizes, lengths = list(patch), list(steps)
    axes = [0, 1, 2] if dimensions == "volume" else [1, 2]
    kernels: list[Steps] = []
    pools: list[Steps] = []
    looked_along: set[int] = set()
    while True:
        looked_along |= {axis for axis in _close(axes, lengths) if patch[axis] > 1}
        kernels.append(_at_axes(looked_along, 3))
        halved = _close([axis for axis in axes if sizes[axis] >= 2 * LEAST_LEFT], lengths)
        if not halved or len(pools) >= most:
            return _Topology(tuple(pools), tuple(kernels))
        pools.append(_at_axes(halved, 2))
        for axis in halved:
            sizes[axis], lengths[axis] = math.ceil(sizes[axis] / 2), 2 * lengths[axis]


def _close(axes: Sequence[int], lengths: Sequence[float]) -> set[int]:
    """Return those of some axes whose steps are not much longer than the finest of them."""
    finest = min((lengths[axis] for axis in axes), default=0.0)
    return {axis for axis in axes if lengths[axis] <= COARSER * finest}


def _at_axes(axes: set[int], size: int) -> Steps:
    """Return a size at some axes, and 1 at the others."""
    planes, rows, columns = (size if axis in axes else 1 for axis in range(3))
    return planes, rows, columns


def _divisible(patch: Steps, stride: Steps) -> Steps:
    planes, rows, columns = (math.ceil(size / step) * step for size, step in zip(patch, stride, strict=True))
    return planes, max(rows, columns), max(rows, columns)


def _smaller(patch: Steps, steps: tuple[float, float, float], stride: Steps) -> Steps | None:
    """Return a patch that is smaller along the axis along which it is longest in space; None if it cannot be."""
    planes, side = patch[0], patch[1]
    lengths = []
    if planes - stride[0] >= LEAST_LEFT:
        lengths.append((planes * steps[0], 0))
    if side - max(stride[1:]) >= LEAST_SIDE:
        lengths.append((side * math.sqrt(steps[1] * steps[2]), 1))
    if not lengths:
        return None
    if max(lengths)[1] == 0:
        return planes - stride[0], side, side
    return planes, side - max(stride[1:]), side - max(stride[1:])


def _batch(data: DataFingerprint, patch: Steps, fitting: float) -> int:
    share = LARGEST_SHARE * math.prod(data.sizes) * data.images / math.prod(patch)
    return max(LEAST_BATCH, min(MOST_BATCH, int(fitting), int(share)))


def _explained(
    plan: NetworkPlan, data: DataFingerprint, memory: int, dimensions: str, width_settled: bool, most: int
) -> Iterator[Choice]:
    yield Choice("data", f"{_times(data.sizes)} voxels", f"of {data.images} image{'s' if data.images > 1 else ''} "
                 f"(median), {data.channels} channel{'s' if data.channels > 1 else ''}; {data.spacing_text}")
    yield Choice("looks at", plan.dimensions, dimensions)
    fits = f"the largest, as long as wide in space, of which {LEAST_BATCH} fit into {_megabytes(memory)}"
    covered = all(size >= whole for size, whole in zip(plan.patch, data.sizes, strict=True))
    yield Choice("piece", _times(plan.patch), "the whole image fits" if covered else
                 f"{fits}; square in the plane, because pieces are turned while it learns")
    yield Choice("pieces a step", str(plan.batch), f"at least {LEAST_BATCH}, more as far as memory goes, at most "
                 f"{LARGEST_SHARE:.0%} of all voxels")
    names = ("planes", "rows", "columns")
    halved = [sum(pool[axis] == 2 for pool in plan.pools) for axis in range(3)]
    yield Choice("halvings", ", ".join(f"{name} {count}" for name, count in zip(names, halved, strict=True)),
                 f"as long as {LEAST_LEFT} voxels are left of a piece, {most} at most: each doubles what is read "
                 "around a tile")
    yield Choice("pooling", _levels(plan.pools) or "none", "by level, the finest first: a coarser axis waits until the "
                 "others have caught up")
    yield Choice("kernels", _levels(plan.kernels), f"3 along an axis once its steps are at most {COARSER:g} times the "
                 "finest, 1 before")
    yield Choice("channels", str(plan.width), "as set" if width_settled else "by memory; doubled at each level")
    yield Choice("memory", f"about {_megabytes(plan.memory)}",
                 f"of a step, estimated; allowed are {_megabytes(memory)}")


def _remarks(plan: NetworkPlan, data: DataFingerprint, memory: int, dimensions: str) -> Iterator[str]:
    yield from data.remarks
    if dimensions != plan.dimensions:
        yield (f"A step along z is {data.times_as_long} times one along rows and columns, so that no level looks along "
               "z: planes are looked at one by one.")
    if plan.memory > memory:
        yield (f"Even the smallest pieces take about {_megabytes(plan.memory)}, more than the {_megabytes(memory)} "
               "allowed: choose fewer channels (width), or allow more.")


def _levels(steps: tuple[Steps, ...]) -> str:
    return " ".join(map(_times, steps))


def _times(sizes: Steps) -> str:
    return "x".join(map(str, sizes))


def _megabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"
