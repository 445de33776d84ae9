"""Takes up again what a dock that was closed has left in the session. Trains and shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer

from napari_unet.core.errors import UserError
from napari_unet.session.annotation_session import Session

from ..image_ties import ImageTies
from ..layer_metadata import identity


def take_up_pairs(
    session: Session, ties: ImageTies, layers: Iterable[Layer], link: Callable[[ImageLayer, Labels], Any]
) -> None:
    """Link the layers of all pairs of the session as they are now; forget pairs whose layers are gone.

    Those of images of the project that are not open go on without layers.
    """
    there = {identity(one): one for one in layers if isinstance(one, Labels)}
    for key in session.keys:
        if session.images.is_away(key):
            continue
        strokes = there.get(str(key))
        image = None if strokes is None else ties.image_of(strokes)
        if strokes is None or image is None or ties.strokes_of(image) is not strokes:
            session.remove_pair(key)
            continue
        try:
            link(image, strokes)
        except UserError:
            session.remove_pair(key)
