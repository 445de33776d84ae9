"""Brings one image into view and hides what belongs to others. Decides nothing about which image that is.

Hidden are only layers of ours, and images that have strokes of their own; channels of the image looked at and layers of
other plugins stay as they are. What was hidden here is shown again with its image, or when this is turned off.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Layer

from ..channel_layers import channels_of
from ..image_ties import ImageTies
from ..layer_metadata import is_source_image, role_of
from .viewport import camera_of, in_grid

_SEEN_THROUGH = ("additive", "minimum", "multiplicative")
"""Blendings of layers that do not cover what is below them."""

_MARGIN = 1.05
"""How much of the window is left free around an image that is brought into view."""


class OneAtATime:
    """Shows one image of a viewer.

    Parameters
    ----------
    viewer : napari Viewer
    ties : ImageTies

    Attributes
    ----------
    on : bool
        Whether other images are hidden.
    """

    def __init__(self, viewer: Any, ties: ImageTies) -> None:
        self._viewer, self._ties = viewer, ties
        self.on = True
        self._hidden: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._known: weakref.WeakSet[Layer] = weakref.WeakSet()
        self._place: tuple[float, ...] | None = None

    def turn(self, on: bool, image: ImageLayer | None) -> None:
        """Look at one image at a time from now on, or at all of them again."""
        self.on = on
        if on and image is not None:
            self.look(image)
        elif not on:
            for layer in tuple(self._hidden):
                layer.visible = True
            self._hidden.clear()

    def look(self, image: ImageLayer) -> None:
        """Bring an image into view: shown, above others that would cover it, and inside the window."""
        if self.on:
            for layer in self._viewer.layers:
                self._known.add(layer)
                self._sort_out(layer, image)
            for layer in channels_of(image):
                if layer is image or layer in self._hidden:
                    layer.visible = True
                    self._hidden.discard(layer)
            self._raise(image)
        self._move_camera(image)

    def note_new(self, image: ImageLayer | None) -> None:
        """Hide what has come since and belongs to other images; what somebody has shown meanwhile stays.

        What was hidden with another image and belongs to this one now is shown again.
        """
        for layer in self._viewer.layers:
            taken = layer in self._hidden and self._ties.image_of(layer) is image
            if layer not in self._known or taken:
                self._known.add(layer)
                if self.on and image is not None:
                    self._sort_out(layer, image)

    def hides(self, layer: Layer) -> bool:
        """Say whether a layer is hidden because it belongs to another image."""
        return layer in self._hidden

    def wish(self, layer: Layer, shown: bool) -> None:
        """Show or hide a layer; one that is hidden with its image later, together with that."""
        if layer in self._hidden:
            if not shown:
                self._hidden.discard(layer)
        elif layer.visible != shown:
            layer.visible = shown

    def seen(self) -> ImageLayer | None:
        """Return the image that one sees: the topmost shown that covers, or simply the topmost shown."""
        shown = [one for one in self._viewer.layers if is_source_image(one) and one.visible and one.opacity > 0]
        covering = [one for one in shown if str(one.blending) not in _SEEN_THROUGH]
        top = (covering or shown or [None])[-1]
        return self._ties.image_of(top) if top is not None else None

    def covers(self, image: ImageLayer) -> ImageLayer | None:
        """Return the image that is seen in place of another one, None if that is seen itself."""
        seen = self.seen()
        if seen is None or seen is image or any(one is seen for one in channels_of(image)):
            return None
        return seen if not image.visible or (_overlap(seen, image) and not in_grid(self._viewer)) else None

    def _sort_out(self, layer: Layer, image: ImageLayer) -> None:
        owner = self._ties.image_of(layer)
        if owner is None:
            return
        if owner is image:
            if layer in self._hidden:
                self._hidden.discard(layer)
                layer.visible = True
        elif layer.visible and (role_of(layer) or self._ties.strokes_of(owner) is not None):
            self._hidden.add(layer)
            layer.visible = False

    def _raise(self, image: ImageLayer) -> None:
        """Move an image with all that belongs to it above other images that would cover it."""
        layers = self._viewer.layers
        above = [one for one in layers[layers.index(image) + 1:]
                 if is_source_image(one) and one.visible and self._ties.image_of(one) is not image
                 and str(one.blending) not in _SEEN_THROUGH and _overlap(one, image)]
        if not above:
            return
        target = layers.index(above[-1]) + 1
        mine = [at for at, one in enumerate(layers[:target]) if self._ties.image_of(one) is image]
        chosen, active = set(layers.selection), layers.selection.active
        layers.move_multiple(mine, target)
        layers.selection = chosen
        layers.selection.active = active

    def _move_camera(self, image: ImageLayer) -> None:
        """Bring an image that lies elsewhere than the last one, or is of another size, into the window."""
        place = _extent(image)
        if self._place is not None and not np.allclose(place, self._place) and self._viewer.dims.ndisplay == 2:
            camera = camera_of(self._viewer)
            top, bottom, left, right = place
            size = np.array([bottom - top, right - left]) * _MARGIN
            canvas = np.array(self._canvas_size(), float)
            if (size > 0).all() and (canvas > 0).all():
                camera.center = (camera.center[0], (top + bottom) / 2, (left + right) / 2)
                camera.zoom = float((canvas / size).min())
        self._place = place

    def _canvas_size(self) -> tuple[int, int]:
        native = self._viewer.window._qt_viewer.canvas.native
        return native.height(), native.width()


def _extent(layer: Layer) -> tuple[float, ...]:
    """Return (top, bottom, left, right) of a layer in the world."""
    low, high = np.asarray(layer.extent.world)[:, -2:]
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _overlap(one: Layer, other: Layer) -> bool:
    a, b = _extent(one), _extent(other)
    return min(a[1], b[1]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[2], b[2])
