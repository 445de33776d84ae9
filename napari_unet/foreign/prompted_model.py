"""Models that are asked with points: a picture is looked at once, then points give masks. Opens no file.

They come from files of the user's: two graphs in ONNX, or weights for a package that is installed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, reason_of

KEPT = 8
"""Pictures whose features are kept: those that were learnt from are looked at again to be segmented."""

Picture = NDArray[np.uint8]
"""(Y, X, 3)."""


class Look(Protocol):
    """What a model has seen of a picture."""

    features: NDArray[np.float32]
    """(C, y, x), coarse, all of the picture."""

    def mask(self, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return logits (Y, X) of the thing that has some points (N, 2: row, column) inside and others outside."""


class PictureEncoder(Protocol):
    """A model that looks at pictures."""

    name: str

    def look(self, picture: Picture) -> Look:
        """Look at a picture."""


class PromptedModel:
    """An encoder that remembers what it saw, and whose errors are for people. Threads take turns.

    Parameters
    ----------
    encoder : PictureEncoder
    digest : str
        What it is known by.
    """

    def __init__(self, encoder: PictureEncoder, digest: str) -> None:
        self.name, self.digest = encoder.name, digest
        self._encoder, self._turn = encoder, threading.RLock()
        self._seen: OrderedDict[bytes, SafeLook] = OrderedDict()

    def look(self, picture: Picture) -> SafeLook:
        """Look at a picture, or remember it.

        Raises
        ------
        UserError
            If the model cannot do it.
        """
        key = hashlib.blake2b(repr(picture.shape).encode() + picture.tobytes(), digest_size=16).digest()
        with self._turn:
            if key not in self._seen:
                try:
                    self._seen[key] = SafeLook(self._encoder.look(picture), self.name, picture.shape[:2],
                                               self._turn)
                except UserError:
                    raise
                except Exception as error:  # code of others
                    raise UserError(f"{self.name} cannot look at a picture of {picture.shape[0]} x {picture.shape[1]} "
                                    f"pixels: {reason_of(error)}. Are the weights those of this model?") from error
                while len(self._seen) > KEPT:
                    self._seen.popitem(last=False)
            self._seen.move_to_end(key)
            return self._seen[key]


class SafeLook:
    """A look whose answers are checked.

    Parameters
    ----------
    look : Look
    name : str
        Of the model.
    shape : (int, int)
        Of the picture.
    turn : lock
    """

    def __init__(self, look: Look, name: str, shape: tuple[int, int], turn: Any) -> None:
        self._look, self._name, self.shape, self._turn = look, name, shape, turn
        self.features = np.nan_to_num(np.asarray(look.features, np.float32))
        if self.features.ndim != 3 or not self.features.size:
            raise UserError(f"{name} gives features of shape {self.features.shape}; (channels, rows, columns) are "
                            "needed. It is no model that is asked with points.")

    def mask(self, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return logits (Y, X)."""
        try:
            with self._turn:
                found = np.asarray(self._look.mask(points, inside), np.float32)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{self._name} cannot be asked with {len(points)} points: {reason_of(error)}. Is the "
                            "decoder that of this encoder?") from error
        if found.shape != self.shape:
            raise UserError(f"{self._name} gives a mask of {found.shape} for a picture of {self.shape}. It is no "
                            "model that is asked with points.")
        return np.nan_to_num(found, nan=-10.0)
