"""What the dock says of how its table stands: one true sentence for every state. Shows nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..object_news import ObjectState
from .layer_measurer import LayerMeasurer
from .measured_layer import MeasuredLayer

NOTHING = "No objects yet. Find some in the dock Objects, or open a labels layer in which each object has a number."
CHANGED = "The objects have changed since: this is the table of an answer from before. Press Measure."
ELSEWHERE = "Another plane is shown than the one that this table is of. Press Measure."
MOVED = "The layer shows something else by now; its table comes in a moment, or press Measure."
CANCELLED = "Cancelled; the table is as it was."
MEASURING = "Measuring\N{HORIZONTAL ELLIPSIS}"
FILTERED_OUT = "Object {} is filtered out."

COMING = {
    "waiting": "No objects yet, as nothing is predicted: paint a little of two classes in Train U-Net.",
    "looking": "The objects are being looked for; the table fills by itself.",
    "failed": "The objects could not be found; the dock Objects says why.",
    "none": "No objects were found here: nothing of a class that is counted is predicted.",
}
"""Where there is nothing to show, by what the dock Objects tells (:mod:`..object_news`)."""


def table_sentence(
    measurer: LayerMeasurer, shown: MeasuredLayer | None, objects: ObjectState, told: str, failure: str,
    filtered_out: int | None,
) -> str | None:
    """Say how the table stands; None where what was said last still holds.

    Parameters
    ----------
    measurer : LayerMeasurer
    shown : MeasuredLayer, optional
    objects : str
        How far the objects are, as the dock Objects tells.
    told, failure : str
        What was done last, and what went wrong.
    filtered_out : int, optional
        The row that is chosen, if a filter hides it.
    """
    coming = COMING.get(objects)
    if measurer.layer is None:
        return told or coming or NOTHING
    if shown is None:
        return MEASURING if measurer.running else failure or told or None
    if coming and not len(shown.table):
        return told or coming
    if measurer.stale and told != CANCELLED:
        return _of_stale(measurer)
    return told or _of_table(shown, filtered_out)


def _of_table(shown: MeasuredLayer, filtered_out: int | None) -> str:
    """Say what is to be known of a table that holds."""
    if filtered_out is not None:
        return FILTERED_OUT.format(shown.table.columns["object"][filtered_out])
    return " ".join(shown.table.notes)


def _of_stale(measurer: LayerMeasurer) -> str | None:
    """Say what to do about a table that does not hold any more; None where it comes by itself."""
    if measurer.running or measurer.is_due:
        return None
    return ELSEWHERE if measurer.elsewhere else CHANGED


def count_text(kept: NDArray[np.bool_], objects: ObjectState) -> str:
    """Say how many rows of a table are shown; nothing while there are none yet."""
    whole, left = len(kept), int(kept.sum())
    if not whole and objects in COMING:
        return ""
    word = "object" if whole == 1 else "objects"
    if left == whole:
        return f"{whole:,} {word}"
    return f"{left:,} of {whole:,} {word}; {whole - left:,} filtered out (grey)"
