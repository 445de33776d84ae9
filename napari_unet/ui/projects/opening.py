"""Opens a project in a viewer: its session, its present image, its model. Reads and writes no file itself.

Strokes of a hundred images, or those on a slow disk, are read in a thread, and then all put into the session at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image as ImageLayer

from napari_unet.core.errors import UserError, reason_of
from napari_unet.project import sitting, sources
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.stored_models import StoredModel, stored_models, take_model

from ..files.reader_choice import PLUGIN
from ..layer_metadata import identity, note
from ..sessions import session_of, ties_of
from .image_references import layer_files
from .keeper import ProjectKeeper, keeper_of
from .line_teacher import LineTeacher
from .moved_images import MovedImagesBox
from .preferences import forget_project

DOCK = "Train U-Net"


def show_project(viewer: Any, path: Path) -> bool:
    """Open a project in a viewer, with its dock; the one that is open is saved and closed before.

    What goes wrong is said in the project's line, and how far it is while strokes are read.

    Returns
    -------
    bool
        Whether it is open, or will be in a moment.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    keeper = keeper_of(viewer)
    if path.absolute() in (keeper.opening, None if keeper.folder is None else keeper.folder.path):
        return True
    show_dock(viewer)
    try:
        folder = ProjectFolder.open(path)
    except (UserError, OSError) as error:
        if not path.exists():
            forget_project(path)
        keeper.warn(reason_of(error))
        return False
    if not keeper.leave_project():
        folder.close()
        return False
    reading = sitting.read_stored(folder)
    keeper.open_soon(folder, reading, lambda stored: _put_project(viewer, folder, stored))
    return True


def _put_project(viewer: Any, folder: ProjectFolder, stored: sitting.StoredWork) -> None:
    """Put a project whose strokes have been read into the session and the window."""
    keeper, session = keeper_of(viewer), session_of(viewer)
    session.set_model(None)
    _take_open_images(viewer, folder)
    restored = sitting.restore(folder, session, model=False, stored=stored)
    keeper.adopt(folder)
    keeper.warn(" ".join(one for one in restored.told if "is not where it was" not in one))  # these are counted
    _show_first(viewer, keeper)
    _load_models(keeper)
    LineTeacher(keeper)
    if keeper.missing:
        find_moved(viewer)


def show_dock(viewer: Any) -> None:
    """Open the dock in which one paints, if it is not open."""
    window = getattr(viewer, "window", None)
    if window is not None:
        window.add_plugin_dock_widget(PLUGIN, DOCK)


def find_moved(viewer: Any) -> None:
    """Ask where the images are that are not where they were."""
    keeper = keeper_of(viewer)
    folder = keeper.folder
    lost = {} if folder is None else _lost(folder)
    if folder is None or not lost:
        return

    def look_in(old: Path, new: Path) -> int:
        keeper.relocate(old, new)
        found = sitting.read_found(folder, keeper.session.keys)
        keeper.workers.start(lambda: found, "napari-unet project", on_result=put_back,
                             on_error=lambda error: keeper.warn(reason_of(error)))
        return _lost(folder).get(old, 0)

    def put_back(stored: sitting.StoredWork) -> None:
        if keeper.folder is folder:
            sitting.restore_pairs(keeper.session, stored)  # what is painted on them is learnt from again

    window = getattr(getattr(viewer, "window", None), "_qt_window", None)
    box = MovedImagesBox(lost, look_in, window)
    box.settled.connect(lambda: _show_first(viewer, keeper))
    box.open()


def _lost(folder: ProjectFolder) -> dict[Path, int]:
    return {place: len(records) for place, records in sources.missing(folder.state, folder.path).items()}


def _take_open_images(viewer: Any, folder: ProjectFolder) -> None:
    """Let images of the project that are open already, and not painted on, be those of the project."""
    ties = ties_of(viewer)
    by_files = {
        tuple((folder.path / one).resolve() for one in record.source.paths): record
        for record in folder.state.images if not record.source.stored
    }
    for layer in ties.images:
        record = by_files.get(tuple(one.resolve() for one in layer_files(layer)))
        if isinstance(layer, ImageLayer) and record is not None and ties.image(record.id) is None \
                and ties.strokes_of(layer) is None:
            note(layer, id=record.id, axes=record.axes)
            ties.changed.emit()


def _show_first(viewer: Any, keeper: ProjectKeeper) -> None:
    """Show the image that was looked at last, or the first that can be shown, unless one is shown already."""
    folder = keeper.folder
    if folder is None:
        return
    state, ties = folder.state, ties_of(viewer)
    painted = {identity(ties_image) for ties_image in ties.images if ties.strokes_of(ties_image) is not None}
    order = [record.id for record in sorted(state.images, key=lambda one: one.id != state.current)
             if sources.files_of(record, folder.path) is not None]
    if painted & set(order):
        return
    from .loading import show_image  # late: it needs the dock, whose line needs this

    for image_id in dict.fromkeys(order):
        try:
            show_image(viewer, folder, image_id)
        except (UserError, OSError) as error:
            keeper.warn(reason_of(error))
        else:
            return


def _load_models(keeper: ProjectKeeper) -> None:
    """Go on with the model that was shown last, and keep those before to go back to; all are read in a thread."""
    folder, session = keeper.folder, keeper.session
    if folder is None or not folder.state.models:
        return
    found = stored_models(folder, session)

    def loaded(one: StoredModel) -> None:
        if keeper.folder is not folder:
            return
        none_yet = session.model is None
        if trouble := take_model(session, one):
            keeper.warn(trouble)
        elif none_yet and session.model is not None:
            what = "Paint where it is wrong" if session.follows_strokes else "Press Live to train it on"
            session.set_state("paused" if one.record.step else "answered",
                              f"Going on with {folder.name}: {one.record.name}. {what}.")

    keeper.workers.start(lambda: found, "napari-unet project", on_item=loaded,
                         on_error=lambda error: keeper.warn(f"The models could not be loaded: {reason_of(error)}"))
