"""Long work over all images of a project: adding, predicting, exporting, counting. One thing at a time; no widgets."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import Signal

from napari_unet.core.errors import UserError
from napari_unet.core.method import Model, Progress
from napari_unet.project.mask_names import MaskPlace
from napari_unet.project.prediction_basis import basis_of_model
from napari_unet.project.sources import file_of
from napari_unet.workflows.batch import BatchPiece

from ..layer_axes import image_of
from ..sessions import PerOwner, session_of, ties_of
from ..train.live_controller import controller_of
from .add_images import FoundImages, records_of
from .image_references import checked_record, layer_files, open_keys, unchecked_record
from .job_runner import JobRunner
from .loading import opener_of
from .project_images import project_images_of
from .result_files import answered, counted, exported, methods_text, predicted
from .saved_predictions import saved_predictions_of

FIRST_STEPS = "Paint a little background and a little of each class on one or two of them; then press Predict all."


class ProjectJobs(JobRunner):
    """The work of one viewer's project.

    Parameters
    ----------
    viewer : napari Viewer
    """

    predicted = Signal(str)
    """Key of an image of which the project has a new prediction."""

    added = Signal(object)
    """Keys of images that are in the project now."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(getattr(getattr(viewer, "window", None), "_qt_window", None))
        self._viewer = weakref.ref(viewer)
        self._session, self._ties, self._images = session_of(viewer), ties_of(viewer), project_images_of(viewer)
        self._opener, self._saved = opener_of(viewer), saved_predictions_of(viewer)
        self._place: Path | None = None  # of the project that the present job is for
        self._images.changed.connect(self._on_images_changed)

    def _start(self, *what: Any, **else_: Any) -> None:
        """Start a job for the project that is open."""
        folder = self._images.folder
        self._place = None if folder is None else folder.path
        super()._start(*what, **else_)

    def _on_images_changed(self) -> None:
        """Cancel a job for a project that is not open any more, or lies elsewhere: it is not for the next one."""
        folder = self._images.folder
        if self.busy and self._place is not None and (folder is None or folder.path != self._place):
            self._place = None  # once
            self.cancel()

    # -- adding ----------------------------------------------------------------------------------------------------

    def add(self, find: Callable[[], Iterator[Path]], place: Path | None = None) -> None:
        """Add images to the project, which is made if there is none.

        Parameters
        ----------
        find : callable
            Yields files; called in another thread.
        place : Path, optional
            Where to make the project.
        """
        if not self._may_start():
            return
        try:
            folder = self._images.make(place)
        except (UserError, OSError) as error:
            self._fail(error)
            return
        known = [file_of(path, folder.path) for one in self._images.records for path in one.source.paths]
        self._start("Adding images", lambda: records_of(find(), folder.path, known),
                    self._on_step, self._on_found)

    def _on_found(self, found: FoundImages) -> None:
        if found.records:
            self._images.add(found.records)
        first = bool(found.records) and self._session.model is None
        self._say(f"{found.sentence} {FIRST_STEPS}" if first else found.sentence)
        self.added.emit(tuple(one.id for one in found.records))

    def take_in(self, layers: Sequence[ImageLayer]) -> None:
        """Let the project know images that are open: by their files, or stored in it where they have none."""
        if not self._may_start():
            return
        try:
            folder = self._images.make()
            taken = [(image_of(one), open_keys(self._ties, one), layer_files(one)) for one in layers]
        except (UserError, OSError) as error:
            self._fail(error)
            return

        def look() -> Iterator[Any]:
            records = []
            for image, (image_id, strokes_id), files in taken:
                yield Progress(f"Looking at {image.name}", None)
                record = unchecked_record(image, image_id, strokes_id, files, folder.path)
                checked = checked_record(record, image, files, folder.path) if files else None
                records.append(checked or folder.store_image(image_id, image, record.strokes_id))
            yield tuple(records)

        def on_item(item: Any) -> None:
            if isinstance(item, Progress):
                self.progressed.emit(item.text, 0.0)
            else:
                self._on_found(FoundImages(item))

        self._start("Adding images", look, on_item, lambda _none: None)

    # -- predicting ------------------------------------------------------------------------------------------------

    def predict_all(self, after: Callable[[], None] | None = None, keys: Collection[str] | None = None) -> None:
        """Segment every image of the project with the present model, into the project.

        Parameters
        ----------
        after : callable, optional
            What else is to be done then, unless this was cancelled.
        keys : collection of str, optional
            Ids of those that are wanted; by default all.
        """
        if not self._may_start():
            return
        controller = controller_of(self._viewer())
        for one in tuple(controller.bindings.values()):
            one.flush()
        answer = controller.prediction.answer
        if answer.due.get():  # else the strokes of a moment ago would not count
            self._start("Waiting for the answer to your newest strokes", lambda: answered(answer.due, answer.moves),
                        self._on_step, lambda _none: None, lambda: self._predict(after, keys))
        else:
            self._predict(after, keys)

    def _predict(self, after: Callable[[], None] | None, keys: Collection[str] | None) -> None:
        model, folder = self._session.model, self._images.folder
        try:
            self._images.check_writable()
        except UserError as error:
            self._say(str(error))
            return
        if model is None:
            self._say("There is no model yet. Paint a little of two classes, or load a model.")
            return
        assert folder is not None
        pieces = [
            BatchPiece(one.name, partial(predicted, model, folder, one, self._session.classes))
            for one in self._images.records if keys is None or one.id in keys
        ]
        shown = self._session.shown  # an answer to newer strokes is kept as the network that it stands on
        self._start_batch("Predicting", pieces, partial(
            self._on_predicted, model if shown is None else shown.model, basis_of_model(model)),
            after, " They are in the project.")

    def _on_predicted(self, model: Model, basis: str, key: str) -> None:
        self._images.note_result(key, model, basis)
        self._opener.read_anew(key)
        told = self._saved.show(key)
        if told:
            self._say(told)
        self.predicted.emit(key)

    # -- exporting -------------------------------------------------------------------------------------------------

    def export(self, places: Sequence[MaskPlace], after: Callable[[], None] | None = None,
               before: Mapping[str, float] = MappingProxyType({})) -> None:
        """Write the predictions of images as masks; what is in the way is replaced, so ask before.

        Parameters
        ----------
        places : sequence of MaskPlace
        after : callable, optional
            What else is to be done when the masks are written.
        before : mapping of str to float
            When predictions were made that were to be made anew, by image; where that failed, none is written.
        """
        folder, state = self._images.folder, self._images.state
        if folder is None or state is None or not self._may_start():
            return
        pieces = []
        for one in places:
            result = state.result(one.record.id)
            if result is not None and result.time != before.get(one.record.id):
                pieces.append(BatchPiece(one.record.name, partial(
                    exported, one, folder, folder.path / result.file, self._session.classes)))
        folders = list(dict.fromkeys(str(one.path.parent) for one in places))
        self._start_batch("Exporting", pieces, self._on_exported, after, f" They are in {', '.join(folders)}.", True)

    def _on_exported(self, done: MaskPlace) -> None:
        self._images.note(done.record.id, exported=str(done.path))

    def save_counts(self, path: Path, overwrite: bool = False) -> None:
        """Write one table of counts, areas and holes of all predictions.

        Parameters
        ----------
        path : Path
        overwrite : bool
            Whether a file that is there is replaced; it gets a number in its name otherwise.
        """
        folder, state = self._images.folder, self._images.state
        if folder is not None and state is not None and self._may_start():
            self._start("Counting", partial(counted, folder, state, self._session.classes, path, overwrite),
                        self._on_step, self._say)

    def save_methods_text(self, path: Path) -> None:
        """Write how the results were made, for a paper; what is there is replaced, so ask before."""
        folder = self._images.folder
        if folder is not None and self._may_start():
            self._start("Writing the methods text", partial(methods_text, folder, self._session.model, path),
                        self._on_step, self._say)


_jobs = PerOwner(ProjectJobs)


def project_jobs_of(viewer: Any) -> ProjectJobs:
    """Return the work of a viewer's project, the same each time it is asked for."""
    return _jobs.of(viewer)
