"""The label layers that a comparison fills: made when looked at, shown and hidden. Scores and runs nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Model, Patch

from ..layer_metadata import identity, mark_layer, note, notes_of
from ..layer_origin import note_origin, sum_of
from ..layers import labels_like

MARK = "comparison"
"""Key in our corner of the metadata of a result layer; holds the method's name, its parameters and what it chose."""


def is_result(layer: Layer) -> bool:
    """Say whether a layer is the result of a comparison."""
    return MARK in notes_of(layer)


@dataclasses.dataclass(eq=False)
class _Result:
    labels: NDArray[np.uint8]  # the image's shape without channels; the layer shows this very memory
    layer: Labels | None = None
    dirty: bool = False
    asked_for: bool = False  # somebody has clicked it
    sum: int | None = None  # of the labels as they came out

    @property
    def edited(self) -> bool:
        """Whether somebody has corrected it."""
        return self.layer is not None and self.sum is not None and self.sum != _sum(self.labels)


def _sum(labels: NDArray[np.uint8]) -> int:
    return sum_of([labels])


class ResultLayers:
    """The results of one comparison, of which those that were looked at have a layer.

    A method whose result is only shown in passing, while the methods run, leaves no layer behind: 25 methods would be
    as many layers. One that somebody has chosen, or corrected, keeps it.

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
        self._models: Mapping[str, Model] = {}

    def paste(self, method: str, number: int, patch: Patch) -> None:
        """Paste a patch into the result of a method on an image."""
        result = self._results.get((method, number))
        if result is None:
            result = self._results[method, number] = _Result(np.zeros(self._targets[number][1].shape, np.uint8))
        result.labels[patch.where] = patch.labels
        result.dirty = True

    def refresh(self) -> None:
        """Redraw the visible layers that got something new."""
        for result in self._results.values():
            layer = result.layer
            if result.dirty and layer is not None and layer.visible and layer in self._viewer.layers:
                result.dirty = False
                layer.refresh()

    def has(self, method: str) -> bool:
        """Whether there is something to show of a method."""
        return any(one == method for one, _ in self._results)

    def layers(self, method: str) -> list[Labels]:
        """Return the layers of a method that are in the viewer."""
        return [
            result.layer for (one, _), result in self._results.items()
            if one == method and result.layer is not None and result.layer in self._viewer.layers
        ]

    def show_only(self, method: str, *, asked_for: bool = False) -> None:
        """Show the results of one method; hide those of the others, or put them away if nobody had asked for them."""
        free = {number: self._put_away(result) for (one, number), result in self._results.items()
                if one != method and result.layer is not None and not result.asked_for}
        for (one, number), result in self._results.items():
            if one != method:
                if result.layer is not None:
                    result.layer.visible = False
                continue
            result.asked_for = result.asked_for or asked_for
            if result.layer is None or result.layer not in self._viewer.layers:
                result.layer = self._lend(free.pop(number, None), method, number, result.labels)
            result.layer.visible = True
            result.dirty = True
        for layer in free.values():
            if layer is not None:
                self._viewer.layers.remove(layer)
        self.refresh()

    def hide(self) -> None:
        """Hide all."""
        self.show_only("")

    def finish(self, method: str, note: str) -> None:
        """Keep what a method chose with its layers; from now on what changes in them is somebody's correction."""
        self._about[method] = {**self._about.get(method, {}), "note": note}
        for (one, number), result in self._results.items():
            if one == method:
                result.sum = _sum(result.labels)
                if result.layer is not None and result.layer in self._viewer.layers:
                    self._note(result.layer, method, number)

    def take(self, comparison: Comparison) -> None:
        """Take over what came out in the end (folds change it); corrections made meanwhile stay."""
        masks, self._models = comparison.masks, comparison.models
        for (method, number), result in self._results.items():
            if method in masks and not result.edited and not np.array_equal(result.labels, masks[method][number]):
                result.labels[...] = masks[method][number]
                result.sum, result.dirty = _sum(result.labels), True
            if result.layer is not None:
                self._note(result.layer, method, number)
        self.refresh()

    def labels(self, method: str, number: int) -> NDArray[np.uint8] | None:
        """Return what a method has segmented of an image, corrections included; not to be changed."""
        result = self._results.get((method, number))
        return None if result is None else result.labels

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
            if result.layer is None or result.layer not in self._viewer.layers:
                continue
            if result.edited:
                kept += 1
                result.layer.name = f"{result.layer.name} (edited)"
            else:
                self._viewer.layers.remove(result.layer)
        self._results.clear()
        return kept

    def _put_away(self, result: _Result) -> Labels | None:
        """Take the layer from a result that nobody had asked for; None if it is corrected, or gone."""
        layer = result.layer
        if layer is None or result.edited:
            return None
        result.layer = None
        return layer if layer in self._viewer.layers else None

    def _lend(self, layer: Labels | None, method: str, number: int, labels: NDArray[np.uint8]) -> Labels:
        """Let a layer that is free show another result (to make one takes napari ten times as long), or make one."""
        if layer is None:
            return self._make(method, number, labels)
        layer.name, layer.data = self._name(method, number), labels.reshape(layer.data.shape)
        self._note(layer, method, number)
        return layer

    def _make(self, method: str, number: int, labels: NDArray[np.uint8]) -> Labels:
        source, image = self._targets[number]
        layer = labels_like(
            source, image, self._name(method, number), self._classes, background=False, data=labels
        )
        mark_layer(layer, "result", source)
        self._note(layer, method, number)
        layer.editable = True
        insert_above(self._viewer, source, layer)
        return layer

    def _name(self, method: str, number: int) -> str:
        return f"{self._targets[number][1].name} · {self._titles.get(method, method)}"

    def _note(self, layer: Labels, method: str, number: int) -> None:
        about = {"method": method, "image": self._targets[number][1].name, **self._about.get(method, {})}
        note(layer, **{MARK: about})
        result, model = self._results.get((method, number)), self._models.get(method)
        if result is not None and model is not None:
            from napari_unet.predicting.mask_origin import mask_provenance  # imports torch

            origin = mask_provenance(model, self._targets[number][1], made_by="window")
            note_origin(layer, origin, result.sum)
        else:
            note_origin(layer, None)


def insert_above(viewer: Any, source: Layer, layer: Layer) -> None:
    """Put a layer above its image and below the strokes; the brush stays with whoever held it."""
    layers = viewer.layers
    chosen, active = set(layers.selection), layers.selection.active
    # by identity: a field of a large image has a layer of its own that is in no viewer
    below = next((at for at, one in enumerate(layers) if identity(one) == identity(source)), len(layers) - 1)
    layers.insert(below + 1, layer)
    layers.selection = chosen
    layers.selection.active = active
