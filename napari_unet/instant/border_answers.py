"""Lets answers to strokes tell borders between objects, too: by what cuts have taught, on the features of the answer.

Belongs to the thread of the answers. Strokes never wait for borders, but where the features are new.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

from ..core.latest import Latest
from ..core.method import Progress
from ..core.scribbles import TrainingSet
from ..core.work import relayed
from ..learning.border_lesson import BorderLesson
from .answer_on_features import BorderLook
from .border_fit import fit_border
from .features import FeatureStore
from .instant_model import InstantModel

Fit = Generator[Progress, None, InstantModel]

Key = tuple[FeatureStore, BorderLesson | None]


class BorderAnswers:
    """What tells borders at present, and the fit of it that is being worked on.

    Parameters
    ----------
    lessons : Latest of BorderLesson or None, optional
        Where it appears what is known of borders.
    """

    def __init__(self, lessons: Latest[BorderLesson | None] | None = None) -> None:
        self._lessons: Latest[BorderLesson | None] = lessons or Latest(None)
        self._lesson: BorderLesson | None = None
        self._look: BorderLook | None = None
        self._looked: Key | None = None  # what that was fitted to
        self._looking: tuple[Key, Generator[Progress, None, BorderLook | None]] | None = None

    @property
    def has_news(self) -> bool:
        """Whether cuts teach something else than what was taken up last."""
        return self._lessons.get() is not self._lesson

    def forget(self) -> None:
        """Drop what is kept, with its features."""
        self._look = self._looked = self._looking = None

    def told(self, store: FeatureStore, fit: Fit, training: TrainingSet) -> Fit:
        """Let every model of a fit on these features tell borders, too, by the newest lesson."""
        self._lesson = self._lessons.get()
        return self._with_borders(fit, (store, self._lesson), training)

    def _with_borders(self, fit: Fit, key: Key, training: TrainingSet) -> Fit:
        """Fit; on other features there is no border to tell yet, so it comes first; else that of before meanwhile."""
        if self._looked is None or self._looked[0] is not key[0]:
            yield from self._look_at_borders(key, training)
        look = self._look

        def telling(_number: int, event: Progress) -> Progress:
            return dataclasses.replace(event, model=dataclasses.replace(event.model, border=look)) \
                if isinstance(event.model, InstantModel) and look is not None else event

        model = yield from relayed(fit, telling)
        model = model if model.border is look else dataclasses.replace(model, border=look)
        if self._looked != key:
            yield Progress("Looking at borders", model=model)
            yield from self._look_at_borders(key, training)
        return model if model.border is self._look else dataclasses.replace(model, border=self._look)

    def _look_at_borders(self, key: Key, training: TrainingSet) -> Generator[Progress, None, None]:
        """Fit what tells borders, unless it is known; what was begun goes on, or strokes would hold it up for ever."""
        if self._looked == key:
            return
        if self._looking is None or self._looking[0] != key:
            channels = next((pair.image.n_channels for pair in training.pairs if pair.scribbles.planes), 1)
            self._looking = key, fit_border(key[0], None if key[1] is None else key[1].of_channels(channels))
        work = self._looking[1]
        while self._looking is not None:  # step by step: who drops the fit that asks for it does not end it
            try:
                event = next(work)
            except StopIteration as end:
                self._look, self._looked, self._looking = end.value, key, None
            else:
                yield event


def same_answer(answer: InstantModel) -> Fit:
    """Return an answer that is known, as a fit."""
    yield from ()
    return answer
