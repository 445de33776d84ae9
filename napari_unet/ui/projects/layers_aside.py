"""Takes the layers of an image out of a window without losing what is on them. Opens nothing.

What was painted is in the session before its layer goes. A layer whose contents are nowhere else (a reference, the
result of a comparison, strokes that do not fit any more) is put aside and comes back with its image.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Sequence
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer

from napari_unet.core.errors import UserError
from napari_unet.session.annotation_session import Session

from ..channel_layers import channels_of
from ..garbage_collection import image_has_left
from ..image_ties import ImageTies
from ..large_images import is_field
from ..layer_axes import image_of
from ..layer_metadata import identity, image_id_of, role_of
from ..layers import scribbles_of
from ..train.live_controller import controller_of
from .project_layers import is_saved_result, look_of, set_look


@contextlib.contextmanager
def _little_garbage() -> Iterator[None]:
    """Let napari, which collects garbage for each layer that goes (half a second each), look at what is new only.

    What the layers leave behind is collected later, see :func:`.garbage_collection.image_has_left`.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _at_once(layers: Any) -> contextlib.AbstractContextManager[None]:
    """Let napari clear up once for all layers that go; older ones do it for each."""
    batch = getattr(layers, "batched_update", contextlib.nullcontext)
    together: contextlib.AbstractContextManager[None] = batch()
    return together


class LayersAside:
    """What is kept of images that are not in the window: how they looked, and layers that cannot be made again.

    Parameters
    ----------
    session : Session
    ties : ImageTies
    """

    def __init__(self, session: Session, ties: ImageTies) -> None:
        self._session, self._ties = session, ties
        self._looks: dict[str, list[dict[str, Any]]] = {}
        self._shelf: dict[str, list[Layer]] = {}

    @property
    def all_layers(self) -> tuple[Layer, ...]:
        """All layers that are put aside."""
        return tuple(one for layers in self._shelf.values() for one in layers)

    def layers(self, key: str) -> tuple[Layer, ...]:
        """Return the layers that were put aside with an image."""
        return tuple(self._shelf.get(key, ()))

    def give_back(self, key: str) -> tuple[Layer, ...]:
        """Return the layers that were put aside with an image, and forget them."""
        return tuple(self._shelf.pop(key, ()))

    def restore_looks(self, key: str, layers: Sequence[ImageLayer]) -> None:
        """Give the layers of an image the contrast and colours that they had when they were last seen."""
        for one, look in zip(layers, self._looks.get(key, ()), strict=False):
            set_look(one, look)

    def take_out(self, viewer: Any, key: str, pair: str) -> None:
        """Take all layers of an image out of a window; its pair stays in the session.

        Parameters
        ----------
        viewer : napari Viewer
        key, pair : str
            Of the image, and of the image with its strokes.
        """
        image = self._ties.image(key)
        own = [one for one in viewer.layers if image_id_of(one) == key]
        self._unlink(viewer, image, own)
        parts = [] if image is None else channels_of(image)
        self._looks[key] = [look_of(one) for one in parts if isinstance(one, ImageLayer)]
        self._shelf[key] = [one for one in own if not self._is_elsewhere(one, image, pair)]
        with _little_garbage(), _at_once(viewer.layers):
            for one in (*own, *reversed(parts)):
                if one in viewer.layers:
                    viewer.layers.remove(one)
        image_has_left()

    def _unlink(self, viewer: Any, image: ImageLayer | None, own: Sequence[Layer]) -> None:
        """Let the controller let go of the layers, after the last strokes have come to the session."""
        controller = controller_of(viewer)
        gone = [name for name, one in controller.bindings.items() if one.strokes in own or one.image_layer is image]
        for name in gone:
            binding = controller.bindings.pop(name)
            binding.close()
            if controller.current is binding:
                controller.look_at(None)
        if gone:
            controller.pairs_changed.emit()

    def _is_elsewhere(self, layer: Layer, image: ImageLayer | None, pair: str) -> bool:
        """Whether a layer can be made again: its strokes are in the session, its prediction follows from the model."""
        if is_saved_result(layer) or role_of(layer) in ("prediction", "uncertainty", "objects"):
            return True
        if identity(layer) != pair or not isinstance(layer, Labels) or image is None or pair not in self._session.keys:
            return False
        if is_field(layer):
            return True
        try:
            painted = scribbles_of(layer, image_of(image))
        except UserError:
            return False
        return painted.same_paint(self._session.pair(pair).scribbles)
