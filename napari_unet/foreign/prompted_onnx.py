"""Models that are asked with points, as two graphs in ONNX: an encoder of pictures, a decoder of points.

The decoder is that of `segment_anything`'s own export (``scripts/export_onnx_model.py``); the encoder takes either
(rows, columns, 3) in the values of the file, or (1, 3, side, side), normalised as that package does. Opens no file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

from .onnx_session import OnnxSession
from .prompted_model import Picture

SIDE = 1024
"""The longer side of a picture is brought to so many pixels, where the encoder does not say another number."""

_MEAN, _SPREAD = np.array([123.675, 116.28, 103.53], np.float32), np.array([58.395, 57.12, 57.375], np.float32)
_WANTED = ("image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size")
_PADDING = -1.0
"""Label of the point that stands where no box is given."""


class OnnxPair:
    """An encoder and its decoder.

    Parameters
    ----------
    encoder, decoder : OnnxSession

    Raises
    ------
    UserError
        If they are no such pair.
    """

    def __init__(self, encoder: OnnxSession, decoder: OnnxSession) -> None:
        self.name, self._encoder, self._decoder = f"{encoder.name} with {decoder.name}", encoder, decoder
        missing = [name for name in _WANTED if name not in decoder.inputs]
        if missing or "masks" not in decoder.outputs:
            raise UserError(
                f"{decoder.name} is no decoder as segment_anything exports it: it lacks "
                f"{', '.join(missing) or 'the output masks'}. Export it with its scripts/export_onnx_model.py.")
        if len(encoder.inputs) != 1 or len(next(iter(encoder.inputs.values()))) not in (3, 4):
            raise UserError(f"{encoder.name} is no encoder of pictures: it takes {len(encoder.inputs)} inputs. Choose "
                            "the graph that makes image_embeddings.")
        self._input, self._shape = next(iter(encoder.inputs.items()))
        side = self._shape[-1] if len(self._shape) == 4 else None
        self._side = side if isinstance(side, int) and side > 0 else SIDE

    def look(self, picture: Picture) -> OnnxLook:
        """Compute the features of a picture."""
        height, width = picture.shape[:2]
        scale = self._side / max(height, width)
        small = _resized(picture, (max(1, round(height * scale)), max(1, round(width * scale))))
        given: NDArray[Any] = small
        if len(self._shape) == 4:
            given = np.zeros((1, 3, self._side, self._side), np.float32)
            given[0, :, : small.shape[0], : small.shape[1]] = ((small - _MEAN) / _SPREAD).transpose(2, 0, 1)
        found = self._encoder.run({self._input: given.astype(self._encoder.kind(self._input))})
        features = found.get("image_embeddings", next(iter(found.values())))
        return OnnxLook(self._decoder, features, (height, width), scale, self._side)


class OnnxLook:
    """What the encoder saw; see :class:`.prompted_model.Look`."""

    def __init__(
        self, decoder: OnnxSession, found: NDArray[Any], shape: tuple[int, int], scale: float, side: int
    ) -> None:
        self._decoder, self._found, self._shape, self._scale = decoder, found.astype(np.float32), shape, scale
        # the picture lies in the upper left of a square
        rows, columns = (max(1, round(size * length * scale / side))
                         for size, length in zip(found.shape[-2:], shape, strict=True))
        self.features = self._found[0][:, :rows, :columns]

    def mask(self, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Ask the decoder."""
        coordinates = np.concatenate([points[:, ::-1] * self._scale, [[0.0, 0.0]]])[None].astype(np.float32)
        labels = np.append(inside.astype(np.float32), _PADDING)[None].astype(np.float32)
        (low, high) = (side * 4 for side in self._found.shape[-2:])
        found = self._decoder.run({
            "image_embeddings": self._found, "point_coords": coordinates, "point_labels": labels,
            "mask_input": np.zeros((1, 1, low, high), np.float32), "has_mask_input": np.zeros(1, np.float32),
            "orig_im_size": np.array(self._shape, np.float32)})
        masks = found["masks"][0]
        best = int(np.argmax(found["iou_predictions"][0])) if "iou_predictions" in found else 0
        chosen: NDArray[np.float32] = masks[min(best, len(masks) - 1)]
        return chosen


def _resized(picture: Picture, shape: tuple[int, int]) -> NDArray[np.float32]:
    from skimage.transform import resize

    found = resize(picture, (*shape, 3), order=1, anti_aliasing=max(picture.shape[:2]) > max(shape),
                   preserve_range=True)
    return np.asarray(found, np.float32)
