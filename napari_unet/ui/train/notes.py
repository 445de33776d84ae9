"""What the dock has to say below its state: each sentence goes when its cause is gone. Knows no layer."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel


class Notes:
    """Sentences by cause, of which the newest is shown in a line of text.

    Parameters
    ----------
    line : QLabel
    """

    def __init__(self, line: QLabel) -> None:
        self._line = line
        self._texts: dict[str, str] = {}
        self._show()

    def say(self, cause: str, text: str) -> None:
        """Say something for a cause, in place of what was said for it before; ``""``: the cause is gone."""
        before = self._texts.pop(cause, "")
        if text:
            self._texts[cause] = text
        if text or before:
            self._show()

    def _show(self) -> None:
        self._line.setText(next(reversed(self._texts.values()), ""))
