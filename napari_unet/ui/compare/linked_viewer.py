"""The viewer follows the tables: one method, its errors, one plane; all else that would cover them is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Layer
from numpy.typing import NDArray

from napari_unet.comparison.object_contest import Found, ObjectContest
from napari_unet.core.image import Image

from ..layer_axes import channel_axis
from ..layer_metadata import identity, role_of
from ..sessions import ties_of
from ..worker_group import WorkerGroup
from .error_layers import ErrorLayers, ErrorRequest
from .image_rows import plane_shown
from .result_layers import ResultLayers, is_result

_COVERS = ("prediction", "uncertainty", "objects", "filtered")
Reference = NDArray[np.uint8] | None


class LinkedViewer:
    """What the viewer shows of one comparison.

    Parameters
    ----------
    viewer : napari Viewer
    targets : sequence of (Image layer, Image)
        The images compared.
    results : ResultLayers
    workers : WorkerGroup
    """

    def __init__(
        self, viewer: Any, targets: Sequence[tuple[ImageLayer, Image]], results: ResultLayers, workers: WorkerGroup
    ) -> None:
        self._viewer, self._targets, self.results = viewer, tuple(targets), results
        self.errors = ErrorLayers(viewer, targets, workers)
        self._hidden: list[Layer] = []
        self._references: Sequence[Reference] = ()
        self._dense = True
        self._contest: ObjectContest | None = None
        self.found: dict[str, Found] = {}
        self.way = ""
        self.method = ""
        self._image = ""
        self._elsewhere: list[Layer] = []

    def judge_by(self, references: Sequence[Reference], dense: bool, contest: ObjectContest | None = None) -> None:
        """Set what errors are found against, by image: painted ids or None; ``dense`` is False for strokes.

        With a contest of objects, these are judged one by one.
        """
        self._references, self._dense, self._contest = references, dense, contest

    def show(self, method: str, *, errors: bool, asked_for: bool) -> None:
        """Show a method's results, and where they are wrong."""
        self.method = method
        self._uncover()
        self.results.show_only(method, asked_for=asked_for)
        if errors:
            self.show_errors()
        else:
            self.errors.hide()
        self._focus()

    def show_errors(self) -> None:
        """Show where the method that is shown is wrong; the plane in view first."""
        wanted = []
        for number, reference in enumerate(self._references):
            labels = self.results.labels(self.method, number)
            if labels is not None and reference is not None:
                layer, image = self._targets[number]
                known = reference.reshape(image.n_planes, -1).any(axis=1)
                first = plane_shown(self._viewer, layer, image)
                planes = np.flatnonzero(known)
                nearest = planes[np.argsort(np.abs(planes - first), kind="stable")]
                wanted.append(ErrorRequest(number, labels, reference, tuple(nearest.tolist()), self._dense, image,
                                           self._contest, self.found.get(self.method, {}), self.way))
        self.errors.hide()
        self.errors.show(wanted)

    def back(self) -> None:
        """Hide results and errors, and show again what was hidden for them."""
        self.method = ""
        self.results.hide()
        self.errors.hide()
        self._restore()

    def close(self) -> int:
        """Make room for another comparison; return how many corrected layers were kept."""
        self.errors.remove()
        self._restore()
        return self.results.retire()

    def go_to(self, image_name: str, plane: int) -> None:
        """Let the viewer show a plane of an image; of several images that lie on each other, this one."""
        self._image = image_name
        self._focus()
        for layer, image in self._targets:
            if image.name == image_name and layer in self._viewer.layers and image.shape[:-2]:
                index = [int(at) for at in np.unravel_index(plane, image.shape[:-2])]
                channel = channel_axis(layer)
                if channel is not None:
                    index.insert(channel, 0)
                world = layer.data_to_world((*index, *(0,) * (layer.ndim - len(index))))
                first = self._viewer.dims.ndim - layer.ndim
                for axis in range(len(index)):
                    self._viewer.dims.set_point(first + axis, float(world[axis]))

    def _focus(self) -> None:
        """Hide what belongs to other images, show again what belongs to this one."""
        names = {image.name for _, image in self._targets}
        for layer in self._viewer.layers:
            owner = self._owner(layer)
            if not self._image or owner not in names:
                continue
            if owner == self._image and layer in self._elsewhere:
                self._elsewhere.remove(layer)
                layer.visible = True
            elif owner != self._image and layer.visible:
                self._elsewhere.append(layer)
                layer.visible = False

    def _owner(self, layer: Layer) -> str:
        """Return the name of the image that a layer is, or is about."""
        owner = ties_of(self._viewer).image_of(layer)
        return next((image.name for one, image in self._targets if owner is not None
                     and identity(one) == identity(owner)), "")

    def _restore(self) -> None:
        self._image = ""
        for layer in (*self._hidden, *self._elsewhere):
            if layer in self._viewer.layers and not is_result(layer):
                layer.visible = True
        self._hidden.clear()
        self._elsewhere.clear()

    def _uncover(self) -> None:
        """Hide live predictions, their objects and such."""
        for layer in self._viewer.layers:
            if layer.visible and role_of(layer) in _COVERS:
                layer.visible = False
                self._hidden.append(layer)
