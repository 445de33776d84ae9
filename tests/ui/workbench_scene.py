"""What the tests of the comparison dock share."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPoint


def compared(hands: Any, *methods: str) -> Any:
    """Compare these methods with the reference and return the dock."""
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, *methods)
    hands.click(dock, "compare_run")
    hands.wait(lambda: not dock.running)
    assert set(dock.board.comparison.masks) == set(methods)
    hands.wait(lambda: not dock.board.linked.errors.busy)
    return dock


def row_of(table: Any, text: str) -> QPoint:
    """Return the middle of the first cell of the row whose title is this."""
    titles = [row[0] for row in table.texts()]
    return table.visualRect(table.model().index(titles.index(text), 0)).center()
