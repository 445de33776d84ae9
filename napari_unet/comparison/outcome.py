"""The outcome of a comparison: scores, masks, notes and models by method. Runs and scores nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..core.classes import ClassTable
from ..core.image import Image
from ..core.method import Model
from ..core.rows import Row
from ..core.scribbles import TrainingSet
from .contender_run import Labels
from .object_contest import Found, ObjectContest


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The outcome of a comparison.

    Parameters
    ----------
    training : TrainingSet
        All images, with the strokes the methods have seen (with several folds: all strokes).
    planes : tuple of tuple of int
        Planes to segment, by image.
    references : tuple
        By image: painted ids (0 = unknown) scored against, or None. With held-out strokes, these strokes.
    held_out : bool
        Whether the references are held-out strokes.
    rows : tuple of Row
    masks : dict of str to tuple
        By method, one array per image: painted ids, uint8, the image's shape without channels, 0 where a plane was
        not segmented. With several folds, of the first fold, but every held-out stroke is as the fold that did not
        see it has it; so that scoring the masks gives the rows.
    notes : dict of str to str
        By method, what it chose and how, and what was not done in time.
    failures : dict of str to str
        By method that could not, why.
    done : dict of str to tuple
        By method, by image, the planes that were segmented in time.
    methods : dict of str to Segmenter
        By method that was fitted here, the method with all parameters as they were chosen.
    asked : dict of str to Segmenter
        The same before anything was chosen: None = auto.
    models : dict of str to Model
        What each method has learnt (with several folds: in the first).
    folds : int
        How many folds of held-out strokes there were; 1 = about a quarter of the strokes was held out, and another
        quarter in a second fit.
    objects : ObjectContest, optional
        How objects were found and judged, if they were.
    found : dict of str to mapping
        By method, by way and image: the objects of its result.
    """

    training: TrainingSet
    planes: tuple[tuple[int, ...], ...]
    references: tuple[Labels | None, ...]
    held_out: bool
    rows: tuple[Row, ...]
    masks: dict[str, tuple[Labels, ...]]
    notes: dict[str, str]
    failures: dict[str, str]
    done: dict[str, tuple[tuple[int, ...], ...]] = dataclasses.field(default_factory=dict)
    methods: dict[str, Any] = dataclasses.field(default_factory=dict)
    asked: dict[str, Any] = dataclasses.field(default_factory=dict)
    models: dict[str, Model] = dataclasses.field(default_factory=dict)
    folds: int = 1
    objects: ObjectContest | None = None
    found: dict[str, Found] = dataclasses.field(default_factory=dict)

    @property
    def images(self) -> tuple[Image, ...]:
        """All images."""
        return tuple(pair.image for pair in self.training.pairs)

    @property
    def classes(self) -> ClassTable:
        """Classes of the strokes."""
        return self.training.classes

    def planes_of(self, method: str) -> tuple[tuple[int, ...], ...]:
        """Return by image the planes that a method has segmented."""
        return self.done.get(method, self.planes)

    def partial(self, method: str) -> tuple[int, int] | None:
        """Return (n, m) if a method has segmented only n of m planes in its time, else None."""
        done, total = sum(map(len, self.planes_of(method))), sum(map(len, self.planes))
        return (done, total) if done < total else None
