"""Guess in which code a reference layer is. Knows no widget; changes nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from napari_unet.core.scribbles import Scribbles
from napari_unet.inputs import Code

_AGREE = 0.5
"""Share of painted pixels that must agree before a guess is made from them."""


@dataclasses.dataclass(frozen=True)
class CodeGuess:
    """A code, and why it is believed (one sentence for people)."""

    code: Code
    why: str


def guess_code(reference: Any, scribbles: Scribbles, *, ours: bool = False) -> CodeGuess:
    """Say whether a reference has background 1 (``painted``) or background 0 (``mask``).

    Looks at the reference where strokes are: of a painted reference the ids there are the same, of a mask they are
    one smaller. Without strokes on it, goes by what value 0 does.

    Parameters
    ----------
    reference : ndarray of int, the image's shape without channels
    scribbles : Scribbles
        Strokes on the same image.
    ours : bool
        The layer carries our class table, so it holds painted ids.
    """
    if ours:
        return CodeGuess("painted", "It was made here, so 1 is background.")
    flat = np.asarray(reference).reshape(-1, *np.shape(reference)[-2:])
    painted = same = smaller = 0
    for number, strokes in scribbles.planes.items():
        here = strokes > 0
        ids, values = strokes[here].astype(np.int64), flat[number][here].astype(np.int64)
        painted += ids.size
        same += int((values == ids).sum())
        smaller += int((values == ids - 1).sum())
    if painted and max(same, smaller) > _AGREE * painted:
        share = f"{100 * max(same, smaller) / painted:.0f} % of your strokes agree"
        if same >= smaller:
            return CodeGuess("painted", f"Looks like 1 = background, 0 = unknown ({share}).")
        return CodeGuess("mask", f"Looks like 0 = background ({share}).")
    doubt = "Your strokes agree with neither code; is it the right reference? " if painted else ""
    zeros = float(np.mean(flat == 0)) if flat.size else 0.0
    ones = float(np.mean(flat == 1)) if flat.size else 0.0
    if zeros == 0 or (ones > zeros and flat.max(initial=0) > 1):
        return CodeGuess("painted", f"{doubt}Looks like 1 = background: {100 * ones:.0f} % of its pixels are 1.")
    return CodeGuess("mask", f"{doubt}Looks like 0 = background: {100 * zeros:.0f} % of its pixels are 0.")
