"""What all methods of a comparison learn from, and what they are scored against. Runs and scores nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..core.errors import UsageError, UserError
from ..core.image import Image
from ..core.method import checked_planes
from ..core.scribbles import TrainingSet
from ..learning.folds import fold_strokes
from ..learning.strokes import hold_out
from .contender_run import Labels
from .cross_validation import Fold, combine_folds, strokes_by_image
from .held_out_evidence import StrokeCount


@dataclasses.dataclass(frozen=True, eq=False)
class ComparisonDesign:
    """What every contender gets, so that all are treated alike.

    Parameters
    ----------
    training : TrainingSet
        All images, with the strokes the methods may see (with several folds: all strokes).
    planes : tuple of tuple of int
        Planes to segment and score, by image.
    references : tuple
        By image: painted ids (0 = unknown) to score against, or None. Where strokes are held out, these strokes.
    held_out : bool
        Whether the references are held-out strokes.
    folds : tuple of (TrainingSet, tuple)
        For every fit of a method: what it learns from, and what it is scored against.
    strokes : StrokeCount
        How many strokes there are, and how many of them are held out.
    """

    training: TrainingSet
    planes: tuple[tuple[int, ...], ...]
    references: tuple[Labels | None, ...]
    held_out: bool
    folds: tuple[Fold, ...]
    strokes: StrokeCount = dataclasses.field(default_factory=StrokeCount)

    @classmethod
    def of(
        cls, training: TrainingSet, references: Sequence[Labels | None] | None = None, folds: int = 1
    ) -> ComparisonDesign:
        """Check references and folds; no plane is scored yet, and no stroke held out.

        Parameters are those of :func:`.runner.run_comparison`.

        Raises
        ------
        UserError
            If a reference has another shape than its image.
        UsageError
            For folds that cannot be.
        """
        images = [pair.image for pair in training.pairs]
        truths: tuple[Labels | None, ...] = tuple(references or [None] * len(images))
        _check_references(images, truths)
        held_out = all(truth is None for truth in truths)
        if folds < 1 or (folds > 1 and not held_out):
            raise UsageError(f"folds cannot be {folds}. Allowed: a whole number of at least 1, and 1 with a reference.")
        return cls(training, ((),) * len(images), truths, held_out, ((training, truths),))

    def scoring(self, planes: Sequence[Sequence[int] | None] | None) -> ComparisonDesign:
        """Return the design with planes to score, all by default; none of an image that is only learnt from.

        Raises
        ------
        UserError
            If there is no such plane.
        """
        asked = planes or [None] * len(self.planes)
        scored = tuple(checked_planes(pair.image, one) if self.held_out or truth is not None else ()
                       for pair, one, truth in zip(self.training.pairs, asked, self.references, strict=True))
        return dataclasses.replace(self, planes=scored)

    def holding_out(self, folds: int, seed: int) -> ComparisonDesign:
        """Return the design with strokes kept from the methods where there is no reference.

        About a quarter of them, and another quarter in a second fit, because two fits show how far they agree; or, in
        several folds, each once.
        """
        if not self.held_out:
            return self
        if folds > 1:
            divided = fold_strokes(self.training, folds, seed)
        else:
            divided = [hold_out(self.training, seed, part) for part in (0, 1)]
            divided = [one for one in divided if one[1].painted_ids] or divided[:1]
        parts = tuple((kept, strokes_by_image(held)) for kept, held in divided) or self.folds
        references = tuple(combine_folds([held[number] for _, held in parts]) for number in range(len(self.planes)))
        training = self.training if folds > 1 else parts[0][0]
        strokes = StrokeCount.of(self.training, [held for _, held in divided])
        return dataclasses.replace(self, training=training, references=references, folds=parts, strokes=strokes)


def _check_references(images: Sequence[Image], truths: Sequence[Labels | None]) -> None:
    if len(truths) != len(images):
        raise UserError(f"There are {len(images)} images but {len(truths)} references. Give one (or none) per image.")
    for image, truth in zip(images, truths, strict=True):
        if truth is not None and truth.shape != image.shape:
            raise UserError(
                f"The reference of {image.name!r} has shape {truth.shape}, but the image without channels has "
                f"{image.shape} (axes {image.label_axes}). Choose the reference that belongs to this image."
            )
