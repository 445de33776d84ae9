"""What is measured: a labels layer, the image below it, and which planes. Measures nothing, changes no layer."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.level_field import LevelField

from ..channel_layers import channels_of
from ..field_image import field_under, image_under
from ..large_images import is_field
from ..layer_axes import finest_level, image_of
from ..layer_geometry import exported_shape, layer_geometry
from ..layers import label_view, sliders_at

PLANE, VOLUME, ALL = "this plane", "this z-stack", "all planes, one by one"
"""What is measured at a time."""

Where = tuple[int | slice, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class TableSource:
    """A labels layer of objects, and the image they are measured on.

    Parameters
    ----------
    layer : napari Labels layer
    image : Image, optional
        None: no intensities.
    geometry : Geometry
        Axes and place of the labels.
    shape : tuple of int
        Of the labels along these axes.
    channels : tuple of str
        Names of the channels, where they have any.
    corner : tuple of float
        Where the first pixel lay in the world, and the steps, of a layer that shows a field of a large image.
    field : LevelField, optional
        Which field that is, where that is known.
    """

    layer: Labels
    image: Image | None
    geometry: Geometry
    shape: tuple[int, ...]
    channels: tuple[str, ...] = ()
    corner: tuple[float, ...] = ()
    field: LevelField | None = None

    @classmethod
    def of(cls, layer: Labels, image_layer: ImageLayer | None) -> TableSource:
        """Return a layer as a source.

        Raises
        ------
        UserError
            If the two do not have the same shape, or the layer is no plane, volume or stack.
        """
        if layer.ndim < 2:
            raise UserError(f"{layer.name!r} has one axis only. Choose labels with rows and columns.")
        place = layer_geometry(layer)
        if image_layer is None:
            return cls(layer, None, place, exported_shape(layer), corner=_corner(layer) if is_field(layer) else ())
        parts = channels_of(image_layer)
        channels = tuple(one.name for one in parts) if len(parts) > 1 else ()
        if is_field(layer):
            image = image_under(layer, image_layer)
            return cls(layer, image, image.geometry, image.shape, channels, _corner(layer), field_under(image))
        image = image_of(image_layer)
        try:
            label_view(layer, image)
        except UserError:
            raise UserError(
                f"{layer.name!r} has shape {exported_shape(layer)}, which does not fit {image_layer.name!r} with "
                f"{image.shape} (axes {image.label_axes}). Choose the image that belongs to it under Image, or none."
            ) from None
        if len(place.axes) == len(image.shape):
            place = dataclasses.replace(place, axes=image.label_axes)
        else:
            place = image.geometry
        return cls(layer, image, place, image.shape, channels)

    @property
    def name(self) -> str:
        """What it is of, for people and files; of a large image, which part."""
        if self.image is not None:
            return self.image.name
        return f"{self.layer.name} [the field that was looked at]" if is_field(self.layer) else self.layer.name

    @property
    def holds(self) -> bool:
        """Whether the layer has this shape still, and shows the same field if it shows one."""
        same = math.prod(finest_level(self.layer).shape) == math.prod(self.shape)
        return same and (not self.corner or self.corner == _corner(self.layer))

    @property
    def extents(self) -> tuple[str, ...]:
        """What may be measured at a time."""
        leading = dict(zip(self.geometry.axes[:-2], self.shape[:-2], strict=True))
        found = [PLANE]
        if leading.get("Z", 1) > 1:
            found.append(VOLUME)
        if np.prod(self.shape[:-2], initial=1) > 1:
            found.append(ALL)
        return tuple(found)

    def labels(self) -> Any:
        """Return the labels along the axes; a view where they are in memory."""
        return np.asarray(finest_level(self.layer)).reshape(self.shape)

    def wheres(self, extent: str, viewer: Any) -> tuple[Where, ...]:
        """Return the planes or the volume to be measured, as indices into the labels."""
        rows = (slice(None), slice(None))
        leading = self.shape[:-2]
        if extent == ALL:
            return tuple((*at, *rows) for at in np.ndindex(*leading))
        now = self.shown(viewer)
        axes = self.geometry.axes
        return ((*(slice(None) if extent == VOLUME and letter == "Z" else number
                   for letter, number in zip(axes, now, strict=False)), *rows),)

    def shown(self, viewer: Any) -> tuple[int, ...]:
        """Return the plane that is shown, as numbers along the leading axes."""
        layer = self.layer
        at = [number for number, size in zip(sliders_at(viewer, layer), finest_level(layer).shape, strict=True)
              if size > 1][: -2]
        long = iter(at)
        found = (next(long, 0) if size > 1 else 0 for size in self.shape[:-2])
        return tuple(min(max(number, 0), size - 1) for number, size in zip(found, self.shape[:-2], strict=True))

    def word(self, where: Where) -> str:
        """Say which plane or volume an index means: ``T=3 Z=0``; nothing for the only one."""
        return " ".join(f"{letter}={number}" for letter, number, size in zip(
            self.geometry.axes, where, self.shape, strict=True) if isinstance(number, int) and size > 1)


def _corner(layer: Labels) -> tuple[float, ...]:
    return (*map(float, layer.data_to_world((0,) * layer.ndim)), *map(float, layer.scale))
