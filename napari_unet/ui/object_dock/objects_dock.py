"""The dock ``Objects``: passes on what its controls say. Finds and counts nothing itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from napari.layers import Labels
from qtpy.QtWidgets import QMessageBox

from napari_unet.core.errors import UserError
from napari_unet.session.object_search import SETTING, ObjectWay

from ..layer_boxes import LayerWatch
from ..layer_metadata import role_of
from ..object_news import news_of
from ..train import shortcuts
from ..train.edit_actions import EditActions
from ..train.live_controller import controller_of
from ..widgets import CloseWatch
from .all_planes import AllPlanes
from .canvas_marks import CUT, JOIN, PICKED, CanvasLine, CanvasMarks, outline
from .dock_words import DockWords
from .field_objects import FieldObjects
from .object_actions import ObjectActions
from .object_finder import ObjectFinder
from .object_source import ObjectSource
from .object_tools import ObjectTools
from .objects_panel import TOOLS, ObjectsPanel
from .shown_objects import ShownObjects
from .way_chooser import with_class_names
from .whole_objects import WholeObjects


class ObjectsDock(ObjectsPanel):
    """Find, count and put right the objects of an answer or a mask.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self.controller = controller_of(napari_viewer)
        self.viewer = self.controller.viewer
        super().__init__(self.viewer)
        self.controller.hold(self)
        self.session = self.controller.session
        self.finder = ObjectFinder(self.controller, self)
        self.planes = AllPlanes(self.controller, self.finder, self)
        self.field = FieldObjects(self.controller, self)
        self.whole = WholeObjects(self.controller, self)
        self.words = DockWords(self.viewer, self.finder, self.field, self.planes, self.whole)
        self.news = news_of(self.viewer)
        self.editing = EditActions(self.controller, self._ask, self)
        self.seen = ShownObjects(self.controller, self.finder, self.field, self)
        self.hand = ObjectActions(self.controller, self.seen, self.editing, self)
        self.marks = CanvasMarks(self.viewer)
        self.holding = ObjectTools(self.viewer, self.seen, self.hand, self.marks, self)
        self._connect()
        CloseWatch(self, "Objects")
        self._on_layers()
        self._show_history()
        self._on_found()

    # -- building --------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        finder, hand, session = self.finder, self.hand, self.session
        self._watch = LayerWatch(self.viewer, self)
        self._watch.changed.connect(self._on_layers)
        self.source_box.layer_changed.connect(self._on_layers)
        self.ways.changed.connect(self._on_way)
        self.counts.areas_changed.connect(lambda areas: self._put_way(areas=areas))
        for part in (finder, self.field, self.editing, hand, self.holding, self.whole):
            part.said.connect(self.say)
        for search in (finder, self.field, self.whole):
            search.failed.connect(self.note_line.show_failure)
            search.changed.connect(self._refresh)
        self.seen.found.connect(self._on_found)
        self.planes.changed.connect(self._refresh)
        hand.picked_changed.connect(self._on_found)
        for name, _title, _key, _about in TOOLS:
            self.tools[name].clicked.connect(partial(self._on_tool, name))
        self.holding.changed.connect(self._on_held)
        for made, what in ((self.delete_button, hand.delete), (self.merge_button, hand.merge),
                           (self.fill_button, hand.fill), (self.repaint_button, hand.repaint),
                           (self.strokes_button, hand.to_strokes), (self.forget_button, hand.forget),
                           (self.undo_button, self.editing.undo), (self.redo_button, self.editing.redo),
                           (self.planes_button, self.planes.begin), (self.whole_button, self.whole.begin),
                           (self.cancel_button, self._on_cancel)):
            made.clicked.connect(lambda _checked=False, what=what: what())
        self.volume_button.clicked.connect(finder.find_volume)
        keys: dict[str, Callable[[], Any]] = {
            key: partial(self._on_tool, name) for name, _title, key, _about in TOOLS}
        keys[shortcuts.DELETE_KEY] = hand.delete
        shortcuts.bind_viewer_keys(self.viewer, keys)
        self._undo_keys = shortcuts.bind_free_keys(
            self.viewer, {shortcuts.UNDO_KEY: self.editing.undo, shortcuts.REDO_KEY: self.editing.redo})
        signals: list[tuple[Any, Any]] = [
            (session.edits.changed, self._show_history), (session.images.current_changed, self._watch.soon),
            (session.classes_changed, self._refresh), (session.settings_changed, self._show_way),
            (self.controller.ties.changed, self._watch.soon), (session.objects_changed, self._on_found),
        ]
        for signal, slot in signals:
            signal.connect(slot)
        viewer, marks, undo_keys, field, news = self.viewer, self.marks, self._undo_keys, self.field, self.news

        def forget(*_: Any) -> None:
            for signal, slot in signals:
                signal.disconnect(slot, missing_ok=True)
            shortcuts.unbind_viewer_keys(viewer, keys)
            undo_keys()
            finder.close()
            field.close()
            news.tell("unknown", None)
            with contextlib.suppress(RuntimeError):  # it goes with the canvas, which may be gone already
                marks.deleteLater()

        self.destroyed.connect(forget)
        self._show_way()

    # -- what objects are found in -----------------------------------------------------------------------------------

    def _on_layers(self) -> None:
        """Follow the layer that is chosen, or that belongs to the image looked at."""
        self.source_box.refresh()
        layer = self.source_box.layer or self._automatic()
        source = None if self.field.takes(layer) else self._source(layer)
        now = self.finder.source
        same = now is not None and source is not None and (
            now.layer is source.layer and now.image_layer is source.image_layer
            and now.image.axes == source.image.axes and now.image.shape == source.image.shape)
        there = self.finder.shown is not None and self.finder.shown.is_there
        if (not same or not there) and (source is not None or now is not None):
            self.hand.pick(())
            self.finder.follow(source)
        self._refresh()

    def _source(self, layer: Any) -> ObjectSource | None:
        try:
            return None if layer is None else ObjectSource.of(layer, self.controller.ties, self.session.classes)
        except UserError as error:
            self.say(str(error))
            return None

    def _automatic(self) -> Labels | None:
        """Return the live prediction of the image looked at, else its topmost prediction or result."""
        ties, active = self.controller.ties, self.viewer.layers.selection.active
        image = self.controller.images.layer or (None if active is None else ties.image_of(active))
        if image is None:
            return None
        results = [one for one in ties.layers_of(image)
                   if isinstance(one, Labels) and role_of(one) in ("prediction", "result")]
        return ties.live_prediction_of(image) or (results[0] if results else None)

    def _on_way(self) -> None:
        way, parameters = self.ways.value()
        self._put_way(way=way, parameters=parameters)

    def _put_way(self, **values: Any) -> None:
        now = ObjectWay.of_settings(self.session.settings)
        made = ObjectWay(**{"way": now.way, "parameters": now.parameters, "areas": now.areas, **values})
        if made.to_setting() != now.to_setting():
            self.session.put_settings({**self.session.settings, SETTING: made.to_setting()})

    def _show_way(self) -> None:
        self.ways.show_way(ObjectWay.of_settings(self.session.settings))
        self._refresh()

    # -- tools ---------------------------------------------------------------------------------------------------------

    def _on_tool(self, name: str, *_: Any) -> None:
        self.holding.hold("" if self.holding.tool == name else name)  # type: ignore[arg-type]
        self._on_held(self.holding.tool)

    def _on_held(self, tool: str) -> None:
        for name, made in self.tools.items():
            made.setChecked(name == tool)

    def _on_cancel(self) -> None:
        self.planes.cancel()
        self.finder.cancel()
        self.say("Cancelled.")
        self.whole.cancel()

    # -- what is shown -------------------------------------------------------------------------------------------------

    def _refresh(self, *_: Any) -> None:
        """Make lines and buttons say what is so."""
        finder, state = self.finder, self.field.state or self.finder.state
        source = finder.source
        self.counts.show_classes(self.finder.classes(), ObjectWay.of_settings(self.session.settings).areas)
        counts = state.counts if state is not None else {}
        self.counts.show_counts(counts, state is not None and state.fresh, finder.by_volume)
        self.state_line.setText(self.words.sentence())
        self.way_line.setText(with_class_names(state.note, self.finder.classes()) if state is not None else "")
        stack = source is not None and source.image.n_planes > 1
        self.image_line.setText(self.words.of_image() if stack else "")
        self.image_line.setVisible(stack)
        self._show_buttons(stack)
        shown = self.field.shown if self.field.source is not None else finder.shown
        self.news.tell(self.words.state(), None if shown is None else shown.layer)

    def _show_buttons(self, stack: bool) -> None:
        """Offer what can be done now."""
        finder, source = self.finder, self.finder.source
        self.volume_button.setVisible(source is not None and source.depth is not None)
        self.volume_button.setChecked(finder.by_volume)
        self.planes_button.setVisible(stack)
        self.planes_button.setEnabled(not finder.by_volume and not self.planes.busy)
        field = self.field.source is not None
        self.whole_button.setVisible(field)
        self.whole_button.setEnabled(not self.whole.busy)
        self.cancel_button.setVisible(stack or field or self.whole.busy)
        self.cancel_button.setEnabled(self.planes.busy or (finder.busy and finder.by_volume) or self.whole.busy)
        for one in (*self.tools.values(), self.strokes_button, self.forget_button):
            one.setEnabled(source is not None or (field and self.seen.now is not None))

    def _on_found(self, *_: Any) -> None:
        """Mark what is picked, and the lines that were drawn."""
        shown, height = self.seen.now, self.seen.height
        if shown is None:
            self.marks.show_marks(None, ())
            self._show_picked()
            return
        lines = (one for one in self.seen.notes.lines
                 if height is None or all(round(point[0]) == height for point in one.points))
        marks = [CanvasLine([point[-2:] for point in one.points], CUT if one.kind == "cut" else JOIN) for one in lines]
        found = self.hand.outlines_of()
        if found is not None:
            marks.append(CanvasLine(outline(*found), PICKED, segments=True))
        self.marks.show_marks(shown.layer, marks)
        self._show_picked()

    def _show_picked(self) -> None:
        picked, shown = self.hand.picked, self.seen.now
        for one in self.picked_buttons:
            one.setEnabled(bool(picked))
        self.merge_button.setEnabled(len(picked) > 1)
        if not picked or shown is None:
            self.picked_line.setText("Nothing is picked.")
            return
        names = sorted({self.finder.classes().name(int(shown.classes[one])) for one in picked
                        if one < len(shown.classes)})
        self.picked_line.setText(f"Picked: {', '.join(names)} {picked[0]}" if len(picked) == 1
                                 else f"Picked: {len(picked)} objects ({', '.join(names)})")

    def _show_history(self) -> None:
        history = self.session.edits
        for made, word, text, key in ((self.undo_button, "Undo", history.undo_text, shortcuts.UNDO_KEY),
                                      (self.redo_button, "Redo", history.redo_text, shortcuts.REDO_KEY)):
            made.setEnabled(bool(text))
            made.setToolTip(f"{word}: {text} ({shortcuts.shown(key)})." if text else f"Nothing to {word.lower()} yet.")

    def _ask(self, question: str) -> bool:
        return QMessageBox.question(self, "Objects", question) == QMessageBox.StandardButton.Yes

    def say(self, text: str) -> None:
        """Show one sentence about what was done; ``""``: nothing any more."""
        if text or not self.note_line.text().startswith(("Done", "Undone", "Not")):
            self.note_line.setText(text)
