"""Lets cuts and joins of a project teach from the moment it is opened, looked at or not. Finds no object itself.

1. In a thread the objects of planes with lines are found in the predictions that the project has.
2. Where there are none, the same once there is a model that can segment these planes.
"""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import QObject

from napari_unet.core.method import Model
from napari_unet.project.unseen_lines import UnseenImage, UnseenLesson, unseen_images, unseen_lessons
from napari_unet.session.object_notes import Place

from ..workers import Worker
from .keeper import ProjectKeeper


class LineTeacher(QObject):
    """Teaches what the lines of a project say that was just opened; it is gone when that is done.

    Parameters
    ----------
    keeper : ProjectKeeper
        Has the project.
    """

    def __init__(self, keeper: ProjectKeeper) -> None:
        super().__init__(keeper)
        assert keeper.folder is not None
        self._keeper, self._folder, self._session = keeper, keeper.folder, keeper.session
        self._asked: dict[str, set[Place]] = {}
        self._worker: Worker | None = None
        self._model: Model | None = None
        self._session.model_changed.connect(self._on_model)
        self._begin()

    def _left(self) -> list[UnseenImage]:
        if self._keeper.folder is not self._folder:
            return []
        images = (one.without(self._asked.get(one.record.id, set()))
                  for one in unseen_images(self._folder, self._session))
        return [one for one in images if one.notes.places]

    def _begin(self) -> None:
        left, folder = self._left(), self._folder
        self._model = model = self._session.model
        if not left:
            self._end()
            return

        def work() -> Iterator[UnseenLesson]:
            return unseen_lessons(folder, left, model)

        # an error is told where the image is looked at; what it would have taught is not
        self._worker = self._keeper.workers.start(work, "napari-unet cuts", on_item=self._on_item, on_end=self._on_end)

    def _on_item(self, item: UnseenLesson) -> None:
        session, record, lesson = self._session, item.record, item.lesson
        if self._keeper.folder is not self._folder:
            return
        self._asked.setdefault(record.id, set()).add(lesson.place)
        notes = session.noted_images.get(record.id)
        if notes is None or notes.at(lesson.place).lines != lesson.lines:
            return  # they were changed meanwhile, by somebody who looks at them
        image = session.pair(record.pair_key).image if record.pair_key in session.keys else None
        session.teach_lines(record.id, lesson.place, lesson.lines, lesson.said, image, lesson.borders)

    def _on_end(self) -> None:
        self._worker = None
        if self._keeper.workers.closed:
            return
        if self._model is not None or not self._left():
            self._end()
        elif self._session.model is not None:  # it came while the predictions were looked at
            self._begin()

    def _on_model(self, model: Model | None) -> None:
        if self._worker is None and model is not None:
            self._begin()

    def _end(self) -> None:
        self._session.model_changed.disconnect(self._on_model, missing_ok=True)
        self.deleteLater()
