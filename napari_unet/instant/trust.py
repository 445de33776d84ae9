"""What an answer may rely on beside a plane's own features, and how far. Fits nothing, knows no images."""

from __future__ import annotations

import dataclasses

from ..core.depth import DEPTHS, Depth

FACTORS = (1.0, 0.5, 2.0)
"""How many times the usual trust in the second eye are tried, the usual one first."""

DEPTH_TRUST: dict[Depth, tuple[float, ...]] = {"plane": (1.0,), "neighbours": (1.0, 1.0), "three cuts": (0.5, 0.5, 2.0)}
"""How many times the usual trust the features of the plane, of the planes beside and of the cuts deserve together.
Chosen by the mean over two real volumes: two cuts of a voxel tell more than a third."""


@dataclasses.dataclass(frozen=True)
class Trust:
    """What is relied on beside a plane's own features.

    Parameters
    ----------
    eye : float
        How many times the usual trust the second eye deserves.
    depth : str
        How far beyond their plane pixels are looked at, of what is possible.
    """

    eye: float = 1.0
    depth: Depth = "three cuts"


def trusts_to_try(eye: bool, depth: Depth, pinned: bool = False) -> tuple[Trust, ...]:
    """Return what may be relied on, the usual first: with a second eye or without, with so much depth, or less."""
    deep = (depth,) if pinned else DEPTHS[DEPTHS.index(depth) :: -1]
    return tuple(Trust(factor, one) for one in deep for factor in (FACTORS if eye else FACTORS[:1]))
