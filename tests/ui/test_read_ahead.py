"""What is read before it is wanted is as things are, and not as they were: images, and their small pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from conftest import SLOW
from gated_scene import Gate, gate, jobs, keeper, layers, wait  # noqa: F401  fixtures
from qtpy.QtCore import QObject

from napari_unet.core.image import Image
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.ui.projects import loading
from napari_unet.ui.projects.image_references import unchecked_record
from napari_unet.ui.projects.keeper import ProjectKeeper
from napari_unet.ui.projects.loading import opener_of
from napari_unet.ui.projects.prepared_image import PreparedImage
from napari_unet.ui.projects.project_images import project_images_of
from napari_unet.ui.projects.project_jobs import ProjectJobs
from napari_unet.ui.projects.read_ahead import AHEAD, ReadAhead
from napari_unet.ui.projects.thumbnails import Thumbnails
from napari_unet.ui.worker_group import WorkerGroup


@pytest.mark.parametrize("fails", [False, True])
def test_an_image_that_is_predicted_while_it_is_read_ahead_is_read_again(
    layers: Any, keeper: ProjectKeeper, jobs: ProjectJobs, tmp_path: Path, gate: Gate, wait: Any,
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", np.zeros((32, 40), np.uint8))
    jobs.add(lambda: iter([tmp_path / "cells.tif"]), tmp_path / "cells.unet")
    wait(lambda: not jobs.busy)
    (record,) = keeper.folder.state.images
    seen: list[Any] = []

    def prepare(_folder: Any, state: Any, record: Any, _in_use: Any) -> PreparedImage:
        gate()
        seen.append(state.result(record.id))
        if fails and len(seen) == 1:
            raise OSError("its prediction is just being written")
        return PreparedImage(record, None)

    monkeypatch.setattr(loading, "prepare_image", prepare)
    opener = opener_of(layers)
    monkeypatch.setattr(opener, "_likely", lambda: [record.id])
    opener._read_next()
    wait(gate.reached.is_set)
    project_images_of(layers).note_result(record.id, None, "")
    opener.read_anew(record.id)
    gate.free.set()
    wait(lambda: record.id in opener._ready)
    assert [one is not None for one in seen] == [False, True]


def test_only_the_newest_images_are_kept_ready(tmp_path: Path) -> None:
    ready = ReadAhead()
    made = [PreparedImage(unchecked_record(Image(np.zeros((4, 4), np.uint8), "YX", "cells"), f"image-{number}", "", (),
                                           tmp_path), None) for number in range(AHEAD + 1)]
    for one in made:
        ready.put(one)
    assert "image-0" not in ready
    assert ready.take("image-1") is made[1]
    assert ready.take("image-1") is None


def test_the_small_picture_of_an_image_comes_when_its_pixels_are_stored(qtbot: Any, tmp_path: Path, wait: Any) -> None:
    folder = ProjectFolder.create(tmp_path / "cells.unet")
    image = Image(np.random.default_rng(0).integers(0, 255, (32, 40), np.uint8), "YX", "cells")
    record = unchecked_record(image, "some-image", "its-strokes", (), folder.path)
    folder.change(lambda state: state.replacing(record))
    owner, ready = QObject(), []
    thumbnails = Thumbnails(WorkerGroup(owner), owner)
    thumbnails.ready.connect(ready.append)
    assert thumbnails.of(folder, record) is None
    wait(lambda: len(ready) == 1)
    assert thumbnails.of(folder, record) is None
    stored = folder.store_image("some-image", image, "its-strokes")
    assert thumbnails.of(folder, stored) is None, "not yet"
    wait(lambda: len(ready) == 2)
    assert thumbnails.of(folder, stored) is not None
    folder.close()
    with qtbot.waitSignal(owner.destroyed, timeout=SLOW):
        owner.deleteLater()
