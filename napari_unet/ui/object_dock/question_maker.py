"""Takes snapshots of what objects are to be found in, quickly, in the window's thread. Finds nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_unet.session.object_notes import Place
from napari_unet.session.object_search import ObjectQuestion, ObjectWay

from ..layer_metadata import identity
from ..train.live_controller import LiveController
from ..train.viewport import visible_part
from .likelihood_shelf import LikelihoodShelf
from .object_layer import ObjectLayer
from .object_source import ObjectSource

SMALL = 2**20 + 2**19
"""Pixels of a plane up to which all of it is found at once."""

MARGIN = 48
"""Pixels around the visible field that are found with it, so that objects at its edge are whole."""


class QuestionMaker:
    """Asks for the objects of what a layer of objects shows.

    Parameters
    ----------
    controller : LiveController
    likely : LikelihoodShelf
        Probabilities of the live prediction.
    """

    def __init__(self, controller: LiveController, likely: LikelihoodShelf) -> None:
        self._controller, self._session, self._viewer = controller, controller.session, controller.viewer
        self._likely = likely

    def box(self, shown: ObjectLayer) -> tuple[slice, ...] | None:
        """Return the visible field with a margin, None where the whole plane is found as fast."""
        source = shown.source
        rows, columns = source.image.plane_shape
        view = visible_part(self._viewer, source.layer, source.image) if rows * columns > SMALL else None
        if view is None:
            return None
        wide = [slice(max(0, one.start - MARGIN), min(size, one.stop + MARGIN))  # type: ignore[union-attr]
                for one, size in zip(view.where[-2:], (rows, columns), strict=True)]
        part = (wide[0].stop - wide[0].start) * (wide[1].stop - wide[1].start)
        return tuple(wide) if 4 * part < 3 * rows * columns else None

    def make(
        self, shown: ObjectLayer, place: Place, box: tuple[slice, ...] | None, serial: int
    ) -> Callable[[], ObjectQuestion]:
        """Return what makes the question about a place, or a part of it, in whatever thread.

        Raises
        ------
        UserError
            If the layer has been given another shape; where that is called, if it holds no classes.
        """
        source, where = shown.source, box or ()
        labels = source.snapshot(place, where)
        whole = shown.shown if place == shown.place else shown.values(place)
        before, taken = whole[where] if where else whole, shown.classes
        strokes = self._strokes(source, place.plane, where) if not place.volume else None
        notes = self._session.object_notes(source.key, source.image.shape).at(place)
        likely = self._likely.of(place.plane) if not place.volume else ()
        elsewhere = self._session.lessons_elsewhere(source.key, place)
        names = {one.id: one.name for one in self._session.classes.classes}
        way, spacing = ObjectWay.of_settings(self._session.settings), source.spacing(place)

        def made() -> ObjectQuestion:
            return ObjectQuestion(
                labels(), before, taken, way, notes, strokes, likely, spacing, elsewhere, box, serial, names)

        return made

    def _strokes(self, source: ObjectSource, plane: int, where: tuple[slice, ...]) -> NDArray[np.uint8] | None:
        """Return what is painted on a plane of the image, None if nothing is."""
        layer = None if source.image_layer is None else self._controller.ties.strokes_of(source.image_layer)
        key = "" if layer is None else identity(layer)
        if key not in self._session.keys:
            return None
        paint = self._session.pair(key).scribbles.planes.get(plane)
        return None if paint is None or paint.shape != source.image.plane_shape else paint[where]
