"""The layer that shows what was filtered out: grey over its object, which stays visible. Filters nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from ..layer_axes import finest_level
from ..layer_metadata import note
from ..layers import PLACE
from .measured_layer import MeasuredLayer

ROLE = "filtered"
_SMALL = 2**24
_GREY = DirectLabelColormap(color_dict={0: "transparent", 1: "#808080", None: "transparent"})


class FilteredLayer:
    """A grey layer above a layer of objects, there only while something is filtered out.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layer: Labels | None = None

    def show(self, measured: MeasuredLayer, kept: NDArray[np.bool_]) -> None:
        """Show in grey what is not kept of a table."""
        source = measured.source
        if kept.all() or not source.holds:
            self.remove()
            return
        data = np.zeros(source.shape, np.uint8)
        labels = source.labels()
        for at, where in enumerate(measured.wheres):
            gone = measured.table.columns["object"][~kept & (measured.plane == at)]
            if len(gone):
                data[where] = _is_any(labels[where], gone)
        data = data.reshape(finest_level(source.layer).shape)
        layers = self._viewer.layers
        place = {name: getattr(source.layer, name) for name in PLACE}
        if self.layer is not None and self.layer in layers and self.layer.data.shape == data.shape:
            self.layer.data = data
            for name, value in place.items():  # a field of a large image moves
                setattr(self.layer, name, value)
        else:
            self.remove()
            self.layer = Labels(data, name=f"{source.layer.name} filtered out", opacity=0.75, colormap=_GREY, **place)
            note(self.layer, role=ROLE)
            active = layers.selection.active
            layers.insert(layers.index(source.layer) + 1, self.layer)
            self.layer.editable = False
            layers.selection.active = active  # the brush stays in the hand

    def remove(self) -> None:
        """Take the layer away, if it is there."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)


def _is_any(labels: NDArray[Any], numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Say which labels are any of some numbers; of the usual small ones by looking each up, which is far faster."""
    largest = int(labels.max(initial=0))
    if largest > _SMALL:
        return np.isin(labels, numbers).astype(np.uint8)
    found = np.zeros(largest + 1, np.uint8)
    found[numbers[numbers <= largest]] = 1
    return np.asarray(found[labels])
