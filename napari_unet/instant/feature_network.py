"""A network trained beforehand, computing features of parts of pictures on a device. Keeps none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import UserError, WorkError
from ..predicting.devices import Device, choose_device, is_out_of_memory, release_memory
from ..predicting.feature_groups import FeatureGroup
from ..predicting.tiling import Tile, Tiling
from ..predicting.tta import AveragedScores
from ..predicting.weights import Weights
from .backbone import Backbone, backbone_of
from .eye_features import without_eye

Result = TypeVar("Result")


class FeatureNetwork:
    """A network without its last layer, on a device; on the processor once the device's memory is full.

    Parameters
    ----------
    weights : Weights
        A network that sends each image channel through the same layers (see :class:`.backbone.Backbone`).
    device : Device
    """

    def __init__(self, weights: Weights, device: Device) -> None:
        backbone = backbone_of(without_eye(weights))
        self.device = device
        self._backbone, self._scores = cast("Backbone", backbone.network), AveragedScores(backbone, False)

    def tiling(self, shape: tuple[int, int]) -> Tiling:
        """How a picture with so many rows and columns is cut."""
        return Tiling(shape, self._backbone.stride, self._backbone.halo)

    def features(
        self, channels: Sequence[NDArray[np.float32]], tiling: Tiling, tile: Tile
    ) -> list[list[FeatureGroup]]:
        """Return features of the same part of some normalised channels, each (1, Y, X).

        Raises
        ------
        UserError
            If there is not enough memory even on the processor.
        WorkError
            If torch fails for another reason.
        """
        def computed() -> list[Tensor]:
            found, self.device = self._scores(channels, tiling, [tile] * len(channels), self.device)
            return found

        part = ((tile.keep.y0, tile.keep.y1), (tile.keep.x0, tile.keep.x1))
        with torch.inference_mode():
            return [self._backbone.unpacked(one, part, tile.read.shape) for one in self.on_device(computed)]

    def on_device(self, work: Callable[[], Result]) -> Result:
        """Compute on the device; on the processor if the device's memory is full. Raises as :meth:`features`."""
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise WorkError(f"Features could not be computed on {self.device}: {error}") from error
            if self.device.kind == "cpu":
                raise UserError("There is not enough memory to look at the image. Close other programs.") from error
            release_memory(self.device)
            self.device = choose_device("cpu")
            return self.on_device(work)
