"""Takes up again what a dock that was closed has left in the session. Trains and shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels

from napari_unet.core.errors import UserError

from ..layer_metadata import identity

if TYPE_CHECKING:
    from .live_controller import LiveController  # which calls this


def take_up_pairs(controller: LiveController) -> None:
    """Link the layers of all pairs of the session as they are now; forget pairs whose layers are gone."""
    session, ties = controller.session, controller.ties
    layers = {identity(one): one for one in controller.viewer.layers if isinstance(one, Labels)}
    for key in session.keys:
        strokes = layers.get(str(key))
        image = None if strokes is None else ties.image_of(strokes)
        if strokes is None or image is None or ties.strokes_of(image) is not strokes:
            session.remove_pair(key)
            continue
        try:
            controller.link(image, strokes)
        except UserError:
            session.remove_pair(key)
    controller.look_at(None)
