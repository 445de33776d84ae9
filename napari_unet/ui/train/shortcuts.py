"""Keyboard shortcuts of the docks. Where napari has a key for something (brush size, undo), it stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from napari.utils.key_bindings import coerce_keybinding

CLASS_KEYS = {number: f"Ctrl-{number}" for number in range(1, 10)}
"""Take up the brush of a class; the bare numbers choose napari's tools."""

UPDATE_KEY = "U"
PREDICTION_KEY = "H"
UNSURE_KEY = "G"
PREVIOUS_KEY, NEXT_KEY = "PageUp", "PageDown"
UNDO_KEY, REDO_KEY = "Alt-Z", "Alt-Shift-Z"
FILL_KEY = "Shift-F"
SWITCH_KEY = "Shift-M"
CUT_KEY, JOIN_KEY, PICK_KEY = "K", "J", "Q"
DELETE_KEY = "Shift-D"


def shown(key: str) -> str:
    """Return a key as people read it: ``Alt+Z`` for ``Alt-Z``."""
    return key.replace("-", "+")


HELP = (
    ("Ctrl+1 to 9", "brush of a class"),
    ("-  =", "class before, after (napari)"),
    ("[  ]", "smaller, larger brush"),
    ("E / P", "eraser / brush"),
    ("Space", "hold to move the image"),
    ("Ctrl+Z", "take back a stroke (napari)"),
    (shown(UNDO_KEY), "undo what the dock did"),
    (shown(REDO_KEY), "redo it"),
    (shown(FILL_KEY), "fill under the pointer"),
    (UPDATE_KEY, "update once"),
    (PREDICTION_KEY, "hide or show the prediction"),
    (UNSURE_KEY, "go to the least sure place"),
    (shown(SWITCH_KEY), "switch between two models"),
    (f"{CUT_KEY} {JOIN_KEY} {PICK_KEY}", "cut, join, pick objects (Objects)"),
    (f"{PREVIOUS_KEY} {NEXT_KEY}", "previous, next image"),
)
"""What the dock shows: keys and what they do, napari's own among them."""


def bind_viewer_keys(viewer: Any, actions: Mapping[str, Callable[[], None]]) -> None:
    """Bind keys that work whatever layer is chosen; a dock opened later takes them over."""
    for key, action in actions.items():
        viewer.bind_key(key, lambda _viewer, action=action: action(), overwrite=True)


def bind_free_keys(viewer: Any, actions: Mapping[str, Callable[[], None]]) -> Callable[[], None]:
    """Bind keys that nobody has bound yet; return what takes them away again, unless another dock has taken them."""
    bound = {}
    for key, action in actions.items():
        binding = coerce_keybinding(key)
        if binding not in viewer.keymap:
            bound[binding] = lambda _viewer, action=action: action()
            viewer.bind_key(key, bound[binding])

    def release() -> None:
        for binding, ours in bound.items():
            if viewer.keymap.get(binding) is ours:
                viewer.bind_key(binding, None, overwrite=True)

    return release


def unbind_viewer_keys(viewer: Any, keys: Iterable[str]) -> None:
    """Take the keys away again."""
    for key in keys:
        viewer.bind_key(key, None, overwrite=True)
