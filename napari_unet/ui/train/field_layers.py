"""The layers of a field of a large image: they lie where it lies, and show what is predicted. Predict nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.level_field import LevelField
from napari_unet.core.method import Patch
from napari_unet.core.window_stack import windows_of

from ..large_images import mark_field
from ..layer_metadata import set_class_table
from ..sessions import ties_of
from .edit_layers import forget_edits
from .field_view import field_place
from .layer_binding import LayerBinding


class FieldLayers(LayerBinding):
    """Strokes, prediction and uncertainty of a field; what is painted and which field it is, others decide.

    Attributes
    ----------
    field : LevelField
        What the layers show.
    """

    field: LevelField
    _moving = False

    def _place(self, layer: Layer, values: NDArray[Any]) -> None:
        """Put values (Y, X) of the field into a layer, and the layer where the field lies."""
        place = field_place(self.image_layer, self.image, self.field)
        self._moving = True
        try:
            layer.data = values.reshape(*(1,) * (len(place["scale"]) - 2), *values.shape)
            for name, value in place.items():
                setattr(layer, name, value)
            if isinstance(layer, Labels):
                forget_edits(layer)  # what napari remembers lies elsewhere
        finally:
            self._moving = False

    def make_prediction(self, classes: ClassTable) -> Labels:
        """Return the prediction layer, made and put right below the strokes if it is not there."""
        if self.prediction is None or self.prediction not in self._viewer.layers:
            ties = ties_of(self._viewer)
            before = ties.live_prediction_of(self.image_layer)
            if before is not None:
                ties.remove(before)  # of another field
            made = Labels(np.zeros(self._shape, np.uint8), name=f"{self.image_layer.name} prediction", opacity=0.5,
                          **field_place(self.image_layer, self.image, self.field))
            set_class_table(made, classes, background=False)
            mark_field(made)
            self.prediction = made
            self._insert(made, "prediction")
            ties.predict_into(self.image_layer, made)
            self.show_classes(classes)
        return self.prediction

    def make_uncertainty(self) -> ImageLayer:
        """Return the layer of uncertainty, made and put right below the strokes if it is not there."""
        if self.uncertainty is None or self.uncertainty not in self._viewer.layers:
            made = ImageLayer(np.zeros(self._shape, np.float16), name=f"{self.image_layer.name} uncertainty",
                              colormap="inferno", blending="additive", opacity=0.5, contrast_limits=(0, 1),
                              **field_place(self.image_layer, self.image, self.field))
            mark_field(made)
            self.uncertainty = made
            self._insert(made, "uncertainty")
        return self.uncertainty

    @property
    def _shape(self) -> tuple[int, ...]:
        return (*(1,) * (self.strokes.ndim - 2), *self.field.shape)

    def clear_prediction(self) -> None:
        """Empty the prediction layer, which shows the old image."""
        if self.prediction is not None:
            self.prediction.data[...] = 0
            self.prediction.refresh()

    def _put(self, layer: Layer, patch: Patch, values: NDArray[Any]) -> None:
        found = self._in_field(patch, values)
        if found is not None:
            (rows, columns), seen = found
            layer.data[..., rows, columns] = seen

    def _note_stale(self, patch: Patch) -> None:
        found = self._in_field(patch, patch.labels)
        if found is not None:
            self._stale.add(self.field.shape, *found[0])

    def _in_field(self, patch: Patch, values: NDArray[Any]) -> tuple[tuple[slice, slice], NDArray[Any]] | None:
        """Return where a patch of a window lies in the field, and how it looks there; None if it does not."""
        lens = self._session.lens(self.key)
        pixels = None if lens is None else windows_of(lens.windows)
        if lens is None or pixels is None:
            return None
        number = lens.windows.plane_of(patch.where)
        if pixels.whole_plane(number) != self.field.plane:
            return None
        origin = pixels.grid.origin(number % len(pixels.grid))
        where, places = [], []
        for part, start, mine, by, size, shown in zip(
            patch.where[-2:], origin, lens.factor, self.field.factor, values.shape,
            (self.field.rows, self.field.columns), strict=True,
        ):
            assert isinstance(part, slice)
            first = (start + part.start) * mine  # of the finest level
            low = max(shown.start, -(-first // by))
            high = min(shown.stop, -(-(first + size * mine) // by))
            if high <= low:
                return None
            where.append(slice(low - shown.start, high - shown.start))
            places.append(((np.arange(low, high) * by + (by - 1) // 2 - first) // mine).clip(0, size - 1))
        return (where[0], where[1]), values[places[0][:, None], places[1]]
