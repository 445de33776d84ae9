"""How far a run by blocks is, and from which size on there is one. Imports no torch: objects are found so, too."""

from __future__ import annotations

import dataclasses

STORE_PIXELS = 2**26
"""Pixels of all planes. A larger image is segmented block by block even if its planes are small."""


@dataclasses.dataclass(frozen=True)
class BlockDone:
    """A block is computed and written.

    Parameters
    ----------
    done, total : int
        Of the blocks that this run has to do.
    before : int
        Blocks that an earlier run had done.
    left : float
        Seconds until the last, about.
    note : str
        What people should know of how the run began.
    """

    done: int
    total: int
    before: int
    left: float
    note: str = ""
