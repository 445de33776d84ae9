"""Whether the newest strokes have their answer, and what waits meanwhile: the training, a person. Predicts nothing."""

from __future__ import annotations

from qtpy.QtCore import QObject, QTimer

from napari_unet.core.floor import ANSWER
from napari_unet.core.latest import Latest
from napari_unet.session.annotation_session import Session
from napari_unet.session.live_prediction import AnswerFitted

LONGEST_ANSWER = 0.5
"""Seconds for which a training makes way for an answer, at most."""

WAITING_MS = 400
"""An answer that takes longer than this is said to be under way."""


class DueAnswer(QObject):
    """The answer to the strokes of a session that has not come yet, if there is one to come.

    Parameters
    ----------
    session : Session
    parent : QObject, optional

    Attributes
    ----------
    due : Latest of bool
        Whether an answer to the newest strokes is to come.
    moves : Latest of int
        Grows as long as whoever makes the answers does anything.
    """

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.due: Latest[bool] = Latest(False)
        self.moves: Latest[int] = Latest(0)
        self._session = session
        self._long = QTimer(self)
        self._long.setSingleShot(True)
        self._long.setInterval(WAITING_MS)
        self._long.timeout.connect(session.note_waiting)

    def expect(self) -> None:
        """Wait for the answer to strokes that are new, if there is to be one."""
        if self._session.follows_strokes:
            self.due.put(True)
            self._long.start()
            ANSWER.take(LONGEST_ANSWER)
        else:
            self.give_up()

    def note_move(self) -> None:
        """Take note that whoever makes the answers has done something."""
        self.moves.put(self.moves.get() + 1)

    def note_fitted(self, found: AnswerFitted) -> bool:
        """Take note of an answer; say whether it is the one that was waited for.

        That is one which is not worked on further; while a network learns, there is always a better one to come.
        """
        if found.training is not self._session.snapshots.get() or not (
                found.whole or self._session.state.phase == "learning"):
            return False
        self.due.put(False)
        return True

    def note_seen(self) -> None:
        """Take note that an answer is seen: the training need not make way any longer."""
        self._long.stop()
        ANSWER.leave()

    def give_up(self) -> None:
        """Wait no longer: no answer will come."""
        self.due.put(False)
        self._long.stop()
        ANSWER.leave()
        self._session.end_waiting()
