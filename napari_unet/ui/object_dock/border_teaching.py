"""Hands what lies under cuts to the session, which lets it be learnt as a border. Finds no object, learns nothing."""

from __future__ import annotations

from napari_unet.session.object_notes import Place
from napari_unet.session.object_search import FoundObjects

from ..layer_metadata import identity
from ..train.live_controller import LiveController
from .object_source import ObjectSource


def teach_borders(controller: LiveController, source: ObjectSource, place: Place, found: FoundObjects) -> None:
    """Let the borders of objects that were found be learnt, if their image is one of those that are painted on."""
    layer = None if source.image_layer is None else controller.ties.strokes_of(source.image_layer)
    key, session, borders = "" if layer is None else identity(layer), controller.session, found.borders
    if borders is None or key not in session.keys or session.pair(key).image.shape != source.image.shape:
        return
    planes = dict(zip(source.planes_of(place), borders.reshape(-1, *borders.shape[-2:]), strict=True))
    session.learn_borders(source.key, place, found.question.notes.lines, session.pair(key).image, planes)
