"""What a model says of a plane, to be taken over as strokes: all, a part, or only where it is sure. Paints nothing."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.image import Image
from ..core.latest import Latest
from ..core.method import Model, Progress, View


def labels_to_accept(
    model: Model, image: Image, plane: int, view: View | None = None, least: float = 0.0
) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Predict a plane, or a part of it.

    Parameters
    ----------
    model : Model
    image : Image
    plane : int
    view : View, optional
        The part that is wanted; None: the whole plane.
    least : float
        Probability of the likeliest class below which nothing is said.

    Yields
    ------
    Progress
        After every tile.

    Returns
    -------
    ndarray of uint8, shape (Y, X)
        Painted ids, 0 where nothing is said.

    Raises
    ------
    UserError
        If the model cannot do this image, or knows no probabilities where they are wanted.
    """
    labels = np.zeros(image.plane_shape, np.uint8)
    wanted = (slice(None), slice(None)) if view is None else view.where[-2:]
    inside = np.zeros(image.plane_shape, bool)
    inside[wanted] = True
    left = int(inside.sum())
    for patch in model.segment(image, [plane], probabilities=least > 0, view=Latest(view)):
        box = patch.where[-2:]
        found = np.where(inside[box], patch.labels, np.uint8(0))
        if least > 0:
            if patch.probabilities is None:
                raise UserError("This model gives no probabilities, so it is not known where it is sure. Untick *only "
                                "where sure*.")
            found[patch.probabilities.max(axis=0) < least] = 0
        labels[box] = found
        left -= int(inside[box].sum())
        yield Progress(f"Predicting tile {patch.done} of {patch.total}", patch.done / patch.total)
        if left <= 0:
            break  # tiles in view come first
    return labels
