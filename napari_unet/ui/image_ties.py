"""Which layer belongs to which image: known by the layers themselves, not by their names. Trains and shows nothing.

A layer that was opened from a file cannot know its image. It is taken by its whole name then (``"<image> strokes"``),
where its shape fits; that is said, and from then on the layer itself is known. What we make of an image follows its
name, and where it lies.
"""

from __future__ import annotations

import re
import weakref
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from psygnal import Signal

from napari_unet.core.errors import UserError

from .channel_layers import channels_of, first_channel, part_channels
from .large_images import is_field
from .layer_axes import image_of
from .layer_metadata import (
    forget,
    identity,
    image_id_of,
    image_name_of,
    is_source_image,
    mark_layer,
    note,
    notes_of,
    role_of,
)
from .layers import PLACE, follow, same_shape

STROKES = ("stroke", "strokes", "scribble", "scribbles")
REFERENCE = ("reference", "truth", "ground truth", "expert", "gt", "labels", "mask", "masks")
_KEPT = ("prediction", "result", "reference")
"""Roles of layers that were saved with their image's name and may be opened with it again."""


class ImageTies:
    """The images of a viewer, and the layers that belong to them.

    Parameters
    ----------
    layers : napari LayerList

    Attributes
    ----------
    told : str
        Which layer was taken by its name last, ``""`` if none was, or a dock has said so.
    """

    said = Signal(str)
    """A layer was taken for the strokes of an image by its name."""

    changed = Signal()
    """A layer belongs to another image than before, or the channels of an image are others."""

    def __init__(self, layers: Any) -> None:
        self._layers = layers
        self._in_use: dict[str, str] = {}
        self._live: dict[str, str] = {}
        self.told = ""
        self._watched: weakref.WeakSet[Layer] = weakref.WeakSet()
        layers.events.inserted.connect(self._on_inserted)
        layers.events.removed.connect(self._on_removed)
        for layer in layers:
            self._watch(layer)
        self._adopt()

    # -- asking ----------------------------------------------------------------------------------------------------

    @property
    def images(self) -> list[ImageLayer]:
        """All images that one may want to segment, in the order of their layers; channels count as one."""
        return [one for one in self._layers if is_source_image(one) and first_channel(one) is one]

    def image(self, key: Any) -> ImageLayer | None:
        """Return the image layer with this identity, None if it is gone."""
        return next((one for one in self.images if identity(one) == key), None)

    def image_of(self, layer: Layer) -> ImageLayer | None:
        """Return the image that a layer is, is a channel of, or belongs to; None where nobody has said so."""
        if is_source_image(layer):
            first = first_channel(layer)
            return first if isinstance(first, ImageLayer) else None
        key = image_id_of(layer)
        return self.image(key) if key else None

    def layers_of(self, image: Layer, role: str = "") -> list[Layer]:
        """Return the layers that belong to an image (with a role), the topmost first."""
        return [one for one in reversed(self._layers)
                if one is not image and image_id_of(one) == identity(image) and role in ("", role_of(one))]

    def strokes_of(self, image: Layer) -> Labels | None:
        """Return the strokes layer in use of an image: the one chosen, else the topmost of its own."""
        own = [one for one in self.layers_of(image, "strokes") if isinstance(one, Labels)]
        chosen = self._in_use.get(identity(image))
        return next((one for one in own if identity(one) == chosen), own[0] if own else None)

    def live_prediction_of(self, image: Layer) -> Labels | None:
        """Return the layer into which an image is predicted live, None if it was not made yet or is gone."""
        own = (one for one in self.layers_of(image, "prediction") if isinstance(one, Labels))
        return next((one for one in own if identity(one) == self._live.get(identity(image))), None)

    def reference_of(self, image: ImageLayer) -> Labels | None:
        """Return the reference of an image: one that belongs to it, else one that carries its whole name."""
        own = [one for one in self.layers_of(image, "reference") if isinstance(one, Labels)]
        named = (one for one in reversed(self._layers)
                 if isinstance(one, Labels) and not image_id_of(one) and not role_of(one)
                 and named_for(one, image, REFERENCE) and fits(one, image))
        return own[0] if own else next(named, None)

    def orphans(self, image: ImageLayer) -> list[Labels]:
        """Return strokes layers that fit an image and whose own image is gone."""
        return [one for one in reversed(self._layers)
                if isinstance(one, Labels) and role_of(one) == "strokes" and image_id_of(one)
                and self.image_of(one) is None and fits(one, image)]

    # -- saying ----------------------------------------------------------------------------------------------------

    def use_strokes(self, image: ImageLayer, strokes: Labels) -> None:
        """Note which strokes are in use on an image; they belong to it from now on, and lie above it."""
        self._in_use[identity(image)] = identity(strokes)
        top = max((self._layers.index(one) for one in channels_of(image) if one in self._layers), default=-1)
        if strokes in self._layers and self._layers.index(strokes) < top:  # the image was opened after them
            self._layers.move(self._layers.index(strokes), top + 1)
        if image_id_of(strokes) != identity(image) or role_of(strokes) != "strokes":
            mark_layer(strokes, "strokes", image)
            follow(strokes, image)
        self.changed.emit()

    def predict_into(self, image: Layer, prediction: Labels) -> None:
        """Note into which layer an image is predicted live, whatever strokes and channels it has."""
        self._live[identity(image)] = identity(prediction)

    def remove(self, layer: Layer) -> None:
        """Take a layer of ours out of the viewer; no error if it is gone."""
        if layer in self._layers:
            self._layers.remove(layer)

    # -- layers come, go and change --------------------------------------------------------------------------------

    def _on_inserted(self, event: Any) -> None:
        self._tell_apart(event.value)
        self._watch(event.value)
        self._adopt()

    def _on_removed(self, event: Any) -> None:
        if part_channels(event.value):
            self.changed.emit()
        self._in_use.pop(identity(event.value), None)
        self._live.pop(identity(event.value), None)

    def _tell_apart(self, layer: Layer) -> None:
        """Take the project's number from a copy of a layer that has it; the copy is a layer of its own."""
        if "id" in notes_of(layer) and any(
            one is not layer and type(one) is type(layer) and identity(one) == identity(layer) for one in self._layers
        ):
            forget(layer, "id")

    def _watch(self, layer: Layer) -> None:
        if not is_source_image(layer) or layer in self._watched:
            return
        self._watched.add(layer)  # not its identity: an image that comes back has the same, in a layer of its own
        layer.events.name.connect(self._on_renamed)
        for what in PLACE:
            getattr(layer.events, what).connect(self._on_moved)

    def _on_renamed(self, event: Any) -> None:
        """Let what was made of an image follow its name."""
        image = event.source
        for layer in self.layers_of(image):
            before = image_name_of(layer)
            note(layer, image=image.name)
            if before and layer.name.startswith(f"{before} "):
                layer.name = f"{image.name}{layer.name[len(before):]}"

    def _on_moved(self, event: Any) -> None:
        """Let what was made of an image lie where it lies."""
        image = event.source
        if isinstance(image, ImageLayer):
            for layer in self.layers_of(image):
                follow(layer, image)

    def _adopt(self) -> None:
        """Take layers that were opened from files for those of an image whose whole name they carry."""
        for layer in self._layers:
            if not isinstance(layer, Labels) or image_id_of(layer):
                continue
            role = role_of(layer)
            if role not in ("strokes", *_KEPT):
                continue
            words = STROKES if role == "strokes" else ()
            found = [one for one in self.images if named_for(layer, one, words) and fits(layer, one)]
            found = [one for one in found if layer.name.startswith(one.name)] or found  # its very letters first
            if len(found) == 1:
                mark_layer(layer, role, found[0])
                if role == "strokes":
                    self.told = f"{layer.name!r} is taken for the strokes of {found[0].name!r}, by its name."
                    self.said.emit(self.told)
                self.changed.emit()


def named_for(layer: Layer, image: Layer, words: tuple[str, ...]) -> bool:
    """Say whether a layer carries the whole name of an image: as its file noted it, or before one of some words."""
    noted = image_name_of(layer)
    if noted:
        return noted == image.name
    name, whole = layer.name.casefold(), image.name.casefold()
    rest = re.sub(r"[\s_.\-]+", " ", name[len(whole):]) if name.startswith(whole) else ""
    return rest.startswith(" ") and rest.strip() in words


def fits(labels: Labels, image: ImageLayer) -> bool:
    """Say whether a labels layer has the shape of an image without its channels."""
    if is_field(labels):
        return image_id_of(labels) == identity(image)
    try:
        return same_shape(labels, image_of(image))
    except UserError:
        return False
