"""The label layers that a comparison fills: made, pasted into, shown and hidden. Scores and runs nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Patch

from ..layers import KEY, labels_like

MARK = "comparison"
"""Key in our corner of the metadata of a result layer; holds the method's name, its knobs and what it chose."""


def is_result(layer: Layer) -> bool:
    """Say whether a layer is the result of a comparison."""
    ours = layer.metadata.get(KEY)
    return isinstance(ours, dict) and MARK in ours


@dataclasses.dataclass(eq=False)
class _Result:
    layer: Labels
    labels: NDArray[np.uint8]  # the image's shape without channels; the layer shows this very memory
    dirty: bool = False
    original: NDArray[np.uint8] | None = None  # as it came out


class ResultLayers:
    """The result layers of one comparison.

    Parameters
    ----------
    viewer : napari Viewer
    targets : sequence of (Image layer, Image)
        The images compared.
    classes : ClassTable
        Names and colours.
    titles : dict of str to str
        What layers call each method.
    about : dict of str to dict
        What to keep in the metadata, by method.
    """

    def __init__(
        self,
        viewer: Any,
        targets: Sequence[tuple[ImageLayer, Image]],
        classes: ClassTable,
        titles: dict[str, str],
        about: dict[str, dict[str, Any]],
    ) -> None:
        self._viewer = viewer
        self._targets = tuple(targets)
        self._classes = classes
        self._titles = titles
        self._about = about
        self._results: dict[tuple[str, int], _Result] = {}

    def paste(self, method: str, number: int, patch: Patch) -> None:
        """Paste a patch into the layer of a method and an image; the first one makes the layer."""
        result = self._results.get((method, number))
        if result is None:
            result = self._results[method, number] = self._make(method, number)
        result.labels[patch.where] = patch.labels
        result.dirty = True

    def refresh(self) -> None:
        """Redraw the visible layers that got something new."""
        for result in self._results.values():
            if result.dirty and result.layer.visible and result.layer in self._viewer.layers:
                result.dirty = False
                result.layer.refresh()

    def layers(self, method: str) -> list[Labels]:
        """Return the layers of a method that are still in the viewer."""
        return [
            result.layer
            for (one, _), result in self._results.items()
            if one == method and result.layer in self._viewer.layers
        ]

    def show_only(self, method: str) -> None:
        """Show the layers of one method and hide those of the others."""
        for (one, _), result in self._results.items():
            result.layer.visible = one == method
        self.refresh()

    def finish(self, method: str, note: str) -> None:
        """Keep what a method chose with its layers; from now on what changes in them is somebody's correction."""
        for (one, _), result in self._results.items():
            if one == method:
                result.original = result.labels.copy()
        for layer in self.layers(method):
            ours = layer.metadata[KEY]
            layer.metadata = {**layer.metadata, KEY: {**ours, MARK: {**ours[MARK], "note": note}}}

    def drop(self, method: str) -> None:
        """Remove the layers of a method that did not come to its end."""
        for layer in self.layers(method):
            self._viewer.layers.remove(layer)
        for key in [key for key in self._results if key[0] == method]:
            del self._results[key]

    def retire(self) -> int:
        """Make room for a new comparison; return how many layers were kept because somebody has corrected them."""
        kept = 0
        for result in self._results.values():
            if result.layer not in self._viewer.layers:
                continue
            if result.original is None or np.array_equal(result.labels, result.original):
                self._viewer.layers.remove(result.layer)
            else:
                kept += 1
                result.layer.name = f"{result.layer.name} (edited)"
        self._results.clear()
        return kept

    def _make(self, method: str, number: int) -> _Result:
        source, image = self._targets[number]
        labels = np.zeros(image.shape, np.uint8)
        name = f"{image.name} · {self._titles.get(method, method)}"
        layer = labels_like(source, image, name, self._classes, background=False, data=labels)
        mark = {"method": method, "image": image.name, **self._about.get(method, {})}
        layer.metadata = {**layer.metadata, KEY: {**layer.metadata[KEY], MARK: mark}}
        layer.editable = True
        layers = self._viewer.layers
        chosen = set(layers.selection)
        # above its image and below the strokes, and the brush stays with whoever held it
        layers.insert(layers.index(source) + 1 if source in layers else len(layers), layer)
        layers.selection = chosen
        return _Result(layer, labels)
