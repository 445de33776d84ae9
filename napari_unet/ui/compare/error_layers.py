"""Layers that show where a result is wrong: missed, false, of another class; stray parts and holes. Scores nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Points
from numpy.typing import NDArray

from napari_unet.comparison.object_contest import Found, ObjectContest
from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.image import Image
from napari_unet.report.error_maps import COLOURS, NAMES, ErrorMap, error_map
from napari_unet.report.object_errors import Mark

from ..layer_metadata import class_table, mark_layer, note, notes_of
from ..layers import labels_like
from ..worker_group import WorkerGroup
from ..workers import Worker
from .result_layers import MARK, insert_above

_CLASSES = ClassTable(tuple(PaintedClass(code, NAMES[code], colour) for code, colour in COLOURS.items()))
_MOST_RINGS = 40
"""Rings of one kind in a plane; the largest parts have them."""
_MARGIN = 4.0  # px between a part and its ring

Labels8 = NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class ErrorRequest:
    """One image whose errors are asked for.

    Parameters
    ----------
    number : int
        Of the image.
    labels, reference : ndarray of uint8, the image's shape without channels
        Painted ids; not changed.
    planes : tuple of int
        In the order in which they are wanted.
    dense : bool
        False if the reference is strokes.
    image : Image, optional
        The image itself, where objects are judged.
    contest : ObjectContest, optional
        How objects are judged.
    found : mapping of str to tuple
        The objects of the result, by way and image.
    way : str
        By which objects are shown; default the first.
    """

    number: int
    labels: Labels8
    reference: Labels8
    planes: tuple[int, ...]
    dense: bool
    image: Image | None = None
    contest: ObjectContest | None = None
    found: Found = dataclasses.field(default_factory=dict)
    way: str = ""

    def objects(self, plane: int, truth: Labels8) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Return the objects found and the true ones on a plane; None where they are not judged."""
        if self.contest is None or self.image is None:
            return None
        return self.contest.plane_objects(self.number, self.image, truth, plane, self.found, self.way)

    @property
    def about(self) -> str:
        """What the rings are about."""
        if self.contest is None:
            return "stray parts and holes"
        by = f" (by {self.way})" if self.way and len(self.contest.searches) > 1 else ""
        return f"split, merged, missed, invented{by}"


def find_errors(wanted: Sequence[ErrorRequest]) -> Generator[tuple[int, int, ErrorMap], None, None]:
    """Yield number of image and plane with what is wrong there; to be iterated in another thread."""
    for one in wanted:
        results = one.labels.reshape(-1, *one.labels.shape[-2:])
        truths = one.reference.reshape(-1, *one.reference.shape[-2:])
        for plane in one.planes:
            labels, truth = results[plane].copy(), truths[plane]
            yield one.number, plane, error_map(labels, truth, dense=one.dense,
                                               objects=one.objects(plane, truth))


@dataclasses.dataclass(eq=False)
class _Layers:
    codes: Labels
    view: Labels8
    rings: Points
    marks: dict[int, list[tuple[Mark, str]]] = dataclasses.field(default_factory=dict)


class ErrorLayers:
    """The error layers of one comparison: one pair for each image, filled anew for each method.

    Parameters
    ----------
    viewer : napari Viewer
    targets : sequence of (Image layer, Image)
    workers : WorkerGroup
    """

    def __init__(self, viewer: Any, targets: Sequence[tuple[ImageLayer, Image]], workers: WorkerGroup) -> None:
        self._viewer, self._targets, self._workers = viewer, tuple(targets), workers
        self._layers: dict[int, _Layers] = {}
        self._worker: Worker | None = None
        self._asked = 0

    @property
    def layers(self) -> list[Labels]:
        """The layers of codes that are in the viewer."""
        return [one.codes for one in self._layers.values() if one.codes in self._viewer.layers]

    @property
    def busy(self) -> bool:
        """Whether errors are still looked for."""
        return self._worker is not None

    def show(self, wanted: Sequence[ErrorRequest]) -> None:
        """Show these errors, plane by plane as they are found; nothing of what was shown before."""
        self._stop()
        for one in wanted:
            self._clear(one.number)
            self._layers[one.number].rings.name = f"{self._targets[one.number][1].name} · {one.about}"
        if wanted:
            self._asked += 1
            asked = self._asked
            self._worker = self._workers.start(
                partial(find_errors, tuple(wanted)), "napari-unet errors",
                on_item=lambda item: self._on_found(asked, *item), on_end=lambda: self._on_end(asked),
            )

    def hide(self) -> None:
        """Hide the layers."""
        self._stop()
        for one in self._layers.values():
            one.codes.visible = one.rings.visible = False

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        self._stop()
        for one in self._layers.values():
            for layer in (one.codes, one.rings):
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)
        self._layers.clear()

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _on_found(self, asked: int, number: int, plane: int, found: ErrorMap) -> None:
        layers = self._layers.get(number)
        if asked != self._asked or layers is None or layers.codes not in self._viewer.layers:
            return
        image = self._targets[number][1]
        layers.view[image.where(plane)] = found.codes
        layers.codes.refresh()
        colours = dict.fromkeys(colour for _, colour in found.rings)
        layers.marks[plane] = [one for colour in colours
                               for one in [ring for ring in found.rings if ring[1] == colour][:_MOST_RINGS]]
        if layers.rings in self._viewer.layers:
            self._draw_rings(layers, image)

    def _on_end(self, asked: int) -> None:
        if asked == self._asked:
            self._worker = None

    def _clear(self, number: int) -> None:
        layers = self._layers.get(number)
        if layers is None or layers.codes not in self._viewer.layers or layers.rings not in self._viewer.layers:
            layers = self._layers[number] = self._make(number, layers)
        layers.view[...] = 0
        layers.marks.clear()
        layers.rings.data = np.zeros((0, layers.codes.ndim))
        layers.codes.visible = layers.rings.visible = True
        layers.codes.refresh()

    def _make(self, number: int, before: _Layers | None) -> _Layers:
        source, image = self._targets[number]
        for layer in (before.codes, before.rings) if before is not None else ():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        view = np.zeros(image.shape, np.uint8)
        codes = labels_like(source, image, f"{image.name} · errors", _CLASSES, data=view)
        rings = Points(
            np.zeros((0, codes.ndim)), ndim=codes.ndim, name=f"{image.name} · stray parts and holes",
            scale=codes.scale, translate=codes.translate, rotate=codes.rotate, shear=codes.shear,
            affine=codes.affine.affine_matrix, units=codes.units, axis_labels=codes.axis_labels,
            face_color="transparent", border_width=1.5, border_width_is_relative=False,
        )
        for layer, role in ((codes, "errors"), (rings, "errors")):
            mark_layer(layer, role, source)
            note(layer, **{MARK: {"image": image.name}})
        codes.editable = rings.editable = False
        above = next((one for one in reversed(self._viewer.layers) if _lies_on(one, image.name)), source)
        insert_above(self._viewer, above, codes)
        insert_above(self._viewer, codes, rings)
        return _Layers(codes, view, rings)

    @staticmethod
    def _draw_rings(layers: _Layers, image: Image) -> None:
        points, sizes, colours = [], [], []
        extra = layers.codes.ndim - len(image.shape)  # a channel axis of one element
        for plane, marks in sorted(layers.marks.items()):
            index = [float(at) for at in np.unravel_index(plane, image.shape[:-2])] if image.shape[:-2] else []
            for _ in range(extra):
                index.insert(image.axes.index("C"), 0.0)
            for mark, colour in marks:
                points.append([*index, mark.y, mark.x])
                sizes.append(2 * (mark.radius + _MARGIN))
                colours.append(colour)
        layers.rings.data = np.array(points, float).reshape(-1, layers.codes.ndim)
        if points:
            layers.rings.size = np.array(sizes)
            layers.rings.border_color = colours
            layers.rings.face_color = "transparent"
            layers.rings.border_width = 1.5
        layers.rings.selected_data = set()


def _lies_on(layer: Any, image_name: str) -> bool:
    """Whether a layer is a result of the comparison on this image."""
    return notes_of(layer).get(MARK, {}).get("image") == image_name and class_table(layer) is not None
