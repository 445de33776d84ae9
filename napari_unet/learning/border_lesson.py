"""What is to be learnt of borders between objects: images, and where borders and insides are. Learns nothing."""

from __future__ import annotations

import dataclasses

from ..core.classes import ClassTable
from ..core.scribbles import TrainingSet

INSIDE = 1
"""Stroke of what lies inside objects."""

BORDER = 2
"""Stroke of what parts objects."""

FEW = 5
"""So many cuts are trusted by half."""


def border_classes() -> ClassTable:
    """Return the two classes of border strokes."""
    return ClassTable.named({INSIDE: "inside", BORDER: "border"})


@dataclasses.dataclass(frozen=True, eq=False)
class BorderLesson:
    """Border strokes on images, and how many cuts they stand on.

    Parameters
    ----------
    training : TrainingSet
        With the two classes of :func:`border_classes`, both painted.
    cuts : int
    """

    training: TrainingSet
    cuts: int

    @property
    def trust(self) -> float:
        """How far what was learnt is believed, 0 to 1: few cuts say little."""
        return self.cuts / (self.cuts + FEW)

    def of_channels(self, channels: int) -> BorderLesson | None:
        """Return what is said on images of so many channels, None if that is not enough to learn from."""
        pairs = tuple(one for one in self.training.pairs if one.image.n_channels == channels)
        if len(pairs) == len(self.training.pairs):
            return self
        left = TrainingSet(pairs, self.training.classes)
        return BorderLesson(left, self.cuts) if set(left.painted_ids) == {INSIDE, BORDER} else None
