"""Operations on strokes and classes as the window does them: asks where much would go, shows the result. No widgets.

Strokes that were painted a moment ago are published first; what an operation changes is written into the layers of the
images that are open. Those that are not open are changed in the session alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.session.edit_history import EditOutcome
from napari_unet.session.stroke_edits import (
    change_classes,
    clear_strokes,
    fill_at,
    merge_classes,
    remove_class,
)

from ..layers import label_view
from .edit_layers import write_strokes
from .layer_binding import LayerBinding
from .live_controller import LiveController
from .viewport import shown_plane, shows_planes

MUCH = 20_000
"""Painted pixels from which on one is asked before they go, although it can be undone."""

CHOOSE = "Choose an image and strokes first: press + beside Strokes."

BEGINS_ANEW = "It was too large for Ctrl+Z on the layer, which begins anew."


class EditActions(QObject):
    """What the buttons, menus and keys of editing do.

    Parameters
    ----------
    controller : LiveController
    ask : callable
        Asks the person a question; returns whether to go on.
    parent : QObject, optional
    """

    said = Signal(str)
    """One sentence."""

    def __init__(self, controller: LiveController, ask: Callable[[str], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._session, self._ask = controller, controller.session, ask
        session, follow = self._session, self._follow
        session.strokes_edited.connect(follow)
        self.destroyed.connect(lambda *_: session.strokes_edited.disconnect(follow, missing_ok=True))
        self._small = True

    # -- undo --------------------------------------------------------------------------------------------------------

    def undo(self) -> None:
        """Undo the last operation."""
        self.do(self._session.undo)

    def redo(self) -> None:
        """Do again the operation that was undone last."""
        self.do(self._session.redo)

    def do(self, operation: Callable[[], EditOutcome]) -> bool:
        """Do an operation on the strokes as they are now, and say how it went; return whether it changed anything."""
        for binding in self._controller.bindings.values():
            binding.flush()
        self._small = True
        try:
            outcome = operation()
        except UserError as error:
            self.said.emit(str(error))
            return False
        self.said.emit(outcome.text if self._small else f"{outcome.text} {BEGINS_ANEW}")
        return outcome.changed

    def _follow(self, changed: Mapping[Any, tuple[int, ...]]) -> None:
        """Show what an operation has changed in the layers of images that are open."""
        for key, planes in changed.items():
            binding = self._controller.bindings.get(key)
            if binding is not None:
                self._small &= write_strokes(binding, self._session.pair(key).scribbles, planes)

    # -- strokes -----------------------------------------------------------------------------------------------------

    def clear_plane(self) -> None:
        """Clear the strokes of the plane shown."""
        binding = self.binding()
        if binding is not None:
            self.do(partial(clear_strokes, self._session, [binding.key], plane=self.plane(binding)))

    def clear_image(self) -> None:
        """Clear the strokes of the present image, on all planes."""
        binding = self.binding()
        if binding is None:
            return
        binding.flush()
        if self._may_go([binding.key], f"all strokes of {binding.image_layer.name!r}"):
            self.do(partial(clear_strokes, self._session, [binding.key]))

    def clear_all(self) -> None:
        """Clear the strokes of all images."""
        if self._may_go(self._session.keys, "the strokes of all images"):
            self.do(partial(clear_strokes, self._session))

    def fill(self) -> None:
        """Fill what is under the pointer with the class of the brush."""
        binding = self.binding()
        if binding is None:
            return
        viewer, layer = self._controller.viewer, binding.strokes
        if not shows_planes(viewer):
            self.said.emit("Filling works where planes are shown. Go back to the 2-D view.")
            return
        number = int(layer.selected_label)
        if not 0 < number <= 255:
            self.said.emit("The brush holds no class. Choose one first.")
            return
        world = np.asarray(viewer.cursor.position, float)[-layer.ndim:]
        row, column = (int(place) for place in np.rint(layer.world_to_data(world))[-2:])
        plane = self.plane(binding)
        self.do(lambda: fill_at(self._session, binding.key, plane, row, column, number,
                                 self._predicted(binding, plane)))

    def _predicted(self, binding: LayerBinding, plane: int) -> NDArray[np.uint8] | None:
        """Return a plane of the prediction as it is shown."""
        if binding.prediction is None or binding.prediction not in self._controller.viewer.layers:
            return None
        try:
            view = label_view(binding.prediction, binding.image)
        except UserError:
            return None
        return np.asarray(view.reshape(-1, *view.shape[-2:])[plane], np.uint8)

    # -- classes -----------------------------------------------------------------------------------------------------

    def change_classes(self, classes: ClassTable) -> None:
        """Take over a class table in which a class was added, renamed or recoloured."""
        self.do(partial(change_classes, self._session, classes))

    def remove_class(self, number: int) -> None:
        """Remove a class and its strokes."""
        if self._may_go(self._session.keys, f"the class {self._session.classes.name(number)!r} with its strokes",
                        number):
            self._hold_another(number, partial(remove_class, self._session, number))

    def merge_class(self, number: int, into: int) -> None:
        """Let the strokes of a class be of another."""
        self._hold_another(number, partial(merge_classes, self._session, number, into), into)

    def clear_class(self, number: int) -> None:
        """Clear the strokes of a class on all images."""
        if self._may_go(self._session.keys, f"the strokes of {self._session.classes.name(number)!r}", number):
            self.do(partial(clear_strokes, self._session, number=number))

    def _hold_another(self, number: int, operation: Callable[[], EditOutcome], instead: int | None = None) -> None:
        """Do an operation after which a class is gone, and take up another brush if its own was held."""
        if self.do(operation):
            for binding in self._controller.bindings.values():
                if binding.strokes.selected_label == number:
                    binding.strokes.selected_label = instead or self._session.classes.ids[-1]

    def _may_go(self, keys: Any, what: str, number: int | None = None) -> bool:
        """Ask before much is destroyed."""
        for binding in self._controller.bindings.values():
            binding.flush()
        counts = [self._session.pair(key).scribbles.counts() for key in keys]
        pixels = sum(sum(one.values()) if number is None else one.get(number, 0) for one in counts)
        images = sum(any(one.values()) if number is None else number in one for one in counts)
        if pixels < MUCH:
            return True
        where = "1 image" if images == 1 else f"{images} images"
        return self._ask(f"Take away {what}? That is {pixels} painted pixels on {where}.\nUndo brings them back.")

    def binding(self) -> LayerBinding | None:
        """Return the pair of layers that is looked at; None, and that is said, if there is none."""
        binding = self._controller.current
        if binding is None or binding.key not in self._session.keys:
            self.said.emit(CHOOSE)
            return None
        return binding

    def plane(self, binding: LayerBinding) -> int:
        """Return the number of the plane that is shown."""
        return shown_plane(self._controller.viewer, binding.strokes, binding.image)
