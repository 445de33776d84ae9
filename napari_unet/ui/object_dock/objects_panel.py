"""The controls of the dock and how they are laid out. What they do is decided in :mod:`.objects_dock`."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ..error_details import TellingLine
from ..fixed_lines import FixedLines
from ..layer_boxes import LayerBox
from ..train import shortcuts
from ..widgets import button, fill_scrolling, text_line, tool_button, warn_of_namesake
from .count_table import CountTable
from .object_source import may_hold_classes
from .outline_tick import OutlineTick
from .way_chooser import WayChooser

AUTOMATIC = "answer of the image looked at"

TOOLS = (
    ("cut", "Cut", shortcuts.CUT_KEY, "These are two: drag a short line across the bridge between them."),
    ("join", "Join", shortcuts.JOIN_KEY, "This is one: drag a line from one part into the other."),
    ("pick", "Pick", shortcuts.PICK_KEY, "Click an object to pick it; Shift adds more. Then delete, merge, fill it..."),
)


class ObjectsPanel(QWidget):
    """All controls, one column.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.setObjectName("objects_dock")
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(6)
        warn_of_namesake(column, "objects_namesake")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.source_box = LayerBox(viewer, "objects_source", may_hold_classes, AUTOMATIC)
        self.source_box.setToolTip("Where objects are found: what is predicted live, a result, or a mask you opened.")
        form.addRow("Objects of", self.source_box)
        column.addLayout(form)
        self.counts = CountTable()
        column.addWidget(self.counts)
        self.image_line = text_line("objects_image_counts", "Counts of all planes that were looked at or found.")
        column.addWidget(self.image_line)
        self.state_line = FixedLines("objects_state", 2, "How far the counts hold, and what to do next.")
        column.addWidget(self.state_line)
        self.ways = WayChooser()
        column.addWidget(self.ways)
        self.outlines = OutlineTick(viewer)
        column.addWidget(self.outlines)
        self.way_line = FixedLines("objects_way_note", 2, "What this way has chosen, and why.")
        column.addWidget(self.way_line)
        column.addLayout(self._tools())
        self.picked_line = FixedLines("objects_picked", 1, "What is picked.")
        column.addWidget(self.picked_line)
        for row in self._on_picked():
            column.addLayout(row)
        column.addLayout(self._stack())
        self.note_line = TellingLine("objects_note", 2, "What was done last.")
        column.addWidget(self.note_line)
        column.addStretch(1)
        fill_scrolling(self, inner, "objects_scroll", 300)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.tools: dict[str, QPushButton] = {}
        for name, title, key, about in TOOLS:
            made = button(f"{title} ({shortcuts.shown(key)})", f"objects_{name}",
                          f"{about} Key: {shortcuts.shown(key)}. Press again to lay it down.")
            made.setCheckable(True)
            self.tools[name] = made
            row.addWidget(made, 1)
        return row

    def _on_picked(self) -> tuple[QHBoxLayout, QHBoxLayout]:
        first, second = QHBoxLayout(), QHBoxLayout()
        key = shortcuts.shown(shortcuts.DELETE_KEY)
        self.delete_button = button("Delete", "objects_delete", f"Take away what is picked ({key}). It stays away when "
                                    "the answer changes a little.")
        self.merge_button = button("Merge", "objects_merge", "Make one object of those that are picked.")
        self.fill_button = button("Fill holes", "objects_fill", "Fill the holes of what is picked.")
        self.repaint_button = button("Repaint", "objects_repaint", "Take up the brush to paint the picked object anew.")
        for one in (self.delete_button, self.merge_button, self.fill_button, self.repaint_button):
            first.addWidget(one, 1)
        self.strokes_button = button(
            "To strokes", "objects_to_strokes", "Paint the inside of what is picked (else of all that was put right or "
            "cut on this plane) into the strokes, as its class: the next answer learns from it.")
        self.forget_button = button("Forget all", "objects_forget", "Take back all cuts, joins and corrections of this "
                                    "plane. Undo brings them back.")
        self.undo_button = tool_button("Undo", "objects_undo", "")
        self.redo_button = tool_button("Redo", "objects_redo", "")
        second.addWidget(self.strokes_button, 1)
        second.addWidget(self.forget_button, 1)
        second.addWidget(self.undo_button)
        second.addWidget(self.redo_button)
        for row in (first, second):
            row.setSpacing(4)
        return first, second

    def _stack(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.volume_button = button(
            "Whole volume", "objects_volume", "Find objects in the whole z-stack at once, not plane by plane. It takes "
            "a while; press again to go back to planes.")
        self.volume_button.setCheckable(True)
        self.planes_button = button("All planes", "objects_planes", "Count the objects of every plane of this image.")
        self.whole_button = button(
            "Whole image...", "objects_whole", "Find the objects of the whole large image, block by block: from the "
            "mask that Whole image to a store... has written, into a store of objects. Stopped, it goes on when the "
            "same names are chosen again.")
        self.cancel_button = button("Cancel", "objects_cancel", "Stop looking for objects.")
        for one in (self.volume_button, self.planes_button, self.whole_button, self.cancel_button):
            row.addWidget(one, 1)
        return row

    @property
    def picked_buttons(self) -> tuple[QPushButton, ...]:
        """The buttons that need something to be picked."""
        return self.delete_button, self.merge_button, self.fill_button, self.repaint_button
