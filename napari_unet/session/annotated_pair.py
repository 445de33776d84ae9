"""A pair of an annotation session, and what is learnt from of it. Knows no session."""

from __future__ import annotations

import dataclasses

from ..core.scribbles import Pair
from .level_lens import LevelLens


@dataclasses.dataclass(frozen=True, eq=False)
class AnnotatedPair:
    """An image with its strokes, whether it is learnt from, and what it is seen through if it is large."""

    pair: Pair
    enabled: bool = True
    lens: LevelLens | None = None

    @property
    def learnt(self) -> Pair:
        """What is learnt from: the pair itself, or what is seen of it."""
        return self.pair if self.lens is None else self.lens.pair(self.pair)
