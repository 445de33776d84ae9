"""A large image in a project: strokes at its finest level, learnt from at the level that was looked at."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from ome_zarr_scene import axis, image_group
from saving_scene import Clock

from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.window_stack import INNER, window_stack, windows_of
from napari_unet.io import read_image
from napari_unet.project.image_records import ImageRecord
from napari_unet.project.project_contents import open_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaver
from napari_unet.project.sitting import snapshot_of
from napari_unet.project.sources import image_record
from napari_unet.project.verbs import predict_image
from napari_unet.session.annotation_session import Session
from napari_unet.session.level_lens import LevelLens


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A project with an image that was learnt from at its second level."""
    data = np.random.default_rng(0).integers(0, 255, (600, 700)).astype(np.uint8)
    path = image_group(tmp_path / "slide.ome.zarr", data, axes=[axis("y"), axis("x")])
    folder, session = ProjectFolder.create(tmp_path / "slide"), Session()
    image = read_image(path)
    folder.change(lambda state: state.replacing(
        image_record(image, [path], folder.path, image_id="a", strokes_id="a-layer")))
    painted = np.zeros((600, 700), np.uint8)
    painted[20:24, 100:300], painted[400:404, 100:300] = 1, 2
    lens = LevelLens(window_stack(read_image(path / "1")), (2, 2))
    session.put_pair("a-layer", image, Scribbles.from_array(painted), lens)
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(snapshot_of(session, folder))
    saver.run_once(last=True)
    folder.close()
    return folder.path


def test_opened_again_it_is_learnt_from_at_the_same_level(kept: Path) -> None:
    contents = open_project(kept)
    pair = contents.training.pairs[0]
    pixels = windows_of(pair.image)
    assert pixels is not None
    assert pixels.whole.plane_shape == (300, 350)
    level = read_image(kept.parent / "slide.ome.zarr" / "1").data[...]
    assert np.array_equal(pixels[0, INNER, INNER][:300, :350], level)
    assert (pair.scribbles.planes[0][512 + 10 : 512 + 12, 512 + 50 : 512 + 150] == 1).all()
    assert contents.folder.read_strokes("a").shape == (600, 700)
    contents.folder.close()


def test_a_prediction_of_another_size_does_not_go_into_the_project(kept: Path) -> None:
    contents = open_project(kept, read_only=False)
    with pytest.raises(UserError, match=r"coarser level \(1 : 2\).*Whole image to a store"):
        next(iter(predict_image(contents, contents.folder.state.images[0], None)))
    contents.folder.close()


def test_a_level_that_is_gone_is_made_of_what_there_is(kept: Path) -> None:
    store = kept.parent / "slide.ome.zarr"
    shutil.rmtree(store / "1")
    contents = open_project(kept)
    pixels = windows_of(contents.training.pairs[0].image)
    assert pixels is not None
    finest = read_image(store / "0").data[...].astype(float)
    mean = finest.reshape(300, 2, 350, 2).mean((1, 3))
    assert np.abs(pixels[0, INNER, INNER][:300, :350] - mean).max() <= 1
    contents.folder.close()


def test_a_level_that_cannot_be_made_is_said_and_strokes_stay(kept: Path) -> None:
    contents = open_project(kept, read_only=False)
    contents.folder.change(lambda state: state.replacing(dataclasses.replace(state.images[0], level=(3, 3))))
    contents.folder.close()
    contents = open_project(kept)
    assert not contents.training.pairs
    assert any("has no such level any more" in text for text in contents.told)
    assert contents.folder.read_strokes("a").counts() == {1: 800, 2: 800}
    contents.folder.close()


@pytest.mark.parametrize("level", [[2], [0, 2], [2, 2, 2], ["2", 2]])
def test_a_level_that_makes_no_sense_is_refused(kept: Path, level: list) -> None:
    contents = open_project(kept)
    record = contents.folder.state.images[0].to_json()
    contents.folder.close()
    with pytest.raises(UserError):
        ImageRecord.from_json({**record, "level": level})
