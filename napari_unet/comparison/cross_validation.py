"""A contender's run in every fold of the strokes, put together into one outcome. Scores nothing."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from ..core.scribbles import TrainingSet
from .contender_run import ComparisonEvent, ContenderResult, Labels, run_contender
from .contenders import Contender

Fold = tuple[TrainingSet, tuple["Labels | None", ...]]
"""Strokes to learn from, and by image the strokes held out meanwhile."""


def run_folds(
    contender: Contender, parts: Sequence[Fold], planes: tuple[tuple[int, ...], ...], held_out: bool
) -> Generator[ComparisonEvent, None, ContenderResult]:
    """Let a contender run in every fold; later folds answer only for the strokes held out in them.

    Parameters
    ----------
    contender : Contender
    parts : sequence of Fold
        The first fold also makes the masks of everything that is not held out later.
    planes : tuple of tuple of int
        By image: planes to segment.
    held_out : bool
        Whether strokes are the judges; otherwise only the first fold counts.

    What is yielded, returned and raised is that of :func:`.contender_run.run_contender`. Masks are painted ids, 0
    where nothing was segmented.
    """
    first = yield from run_contender(contender, parts[0][0], planes)
    done, seconds, said = [list(one) for one in first.planes], first.seconds, [first.said]
    for training, held in parts[1:] if held_out else ():
        needed = tuple(
            tuple(plane for plane in wanted if truth is not None and plane_view(truth, plane).any())
            for wanted, truth in zip(planes, held, strict=True)
        )
        if not any(needed):
            continue
        outcome = yield from run_contender(contender, training, needed, shown=False)
        seconds += outcome.seconds
        said.append(outcome.said)
        for number, truth in enumerate(held):
            for plane in needed[number]:
                if plane in outcome.planes[number] and truth is not None:
                    mine, theirs = plane_view(first.masks[number], plane), plane_view(outcome.masks[number], plane)
                    np.copyto(mine, theirs, where=(plane_view(truth, plane) > 0) & (mine > 0))
                elif plane in done[number]:
                    done[number].remove(plane)
                    plane_view(first.masks[number], plane)[:] = 0
    text = " ".join(dict.fromkeys(one for one in said if one))
    return ContenderResult(first.model, first.masks, tuple(map(tuple, done)), seconds, text)


def strokes_by_image(held: TrainingSet) -> tuple[Labels | None, ...]:
    """Return by image the strokes as painted ids, uint8 (the image's shape without channels); None without any."""
    return tuple(pair.scribbles.to_array() if pair.scribbles.planes else None for pair in held.pairs)


def combine_folds(parts: Sequence[Labels | None]) -> Labels | None:
    """Put the strokes of all folds of one image, arrays of one shape, together; no two share a pixel."""
    there = [part for part in parts if part is not None]
    return np.maximum.reduce(there) if there else None


def plane_view(labels: Labels, number: int) -> Labels:
    """Return a plane (Y, X) of labels (..., Y, X) as a view, counted through all leading axes."""
    plane: Labels = labels.reshape(-1, *labels.shape[-2:])[number]
    return plane
