"""The shipped samples: exact truth, strokes that are never wrong, drawn again to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage as ndi

from napari_unet import sample_data
from napari_unet.core.errors import UsageError, UserError
from napari_unet.learning.strokes import hold_out
from napari_unet.sample_data import generate, photographs
from napari_unet.sample_data.layout import load_set
from napari_unet.sample_data.simulated_strokes import draw_line, simulate_strokes

FOLDER = Path(sample_data.__file__).parent


@pytest.mark.parametrize("name", sample_data.names())
def test_every_sample_can_be_learnt_from(name: str) -> None:
    sample = sample_data.load(name)
    assert sample.training.missing() is None
    assert set(sample.training.counts()) == set(sample.classes.ids)
    held = hold_out(sample.training)[1]
    assert set(held.counts()) == set(sample.classes.ids), "each class has strokes enough to hold some out"
    painted = sum(sample.training.counts().values())
    planes = sum(len(pair.scribbles.planes) * np.prod(pair.image.plane_shape) for pair in sample.pairs)
    assert 0.003 < painted / planes < 0.06


@pytest.mark.parametrize("name", sample_data.DRAWN)
def test_strokes_are_never_wrong_and_keep_to_the_training_planes(name: str) -> None:
    sample = sample_data.load(name)
    ((pair,), (truth,)) = sample.pairs, sample.references
    assert truth is not None
    strokes = pair.scribbles.to_array()
    assert np.array_equal(strokes[strokes > 0], truth[strokes > 0])
    assert set(pair.scribbles.planes) <= set(sample.planes(0, sample.train))
    assert not set(sample.train) & set(sample.test)
    assert (truth > 0).all()


@pytest.mark.parametrize("name", ["nuclei", "clusters"])
def test_objects_are_the_foreground_and_touch(name: str) -> None:
    objects = tifffile.imread(FOLDER / name / "instances.tif")
    labels = tifffile.imread(FOLDER / name / "labels.tif")
    assert np.array_equal(objects > 0, labels == 2)
    assert np.array_equal(sample_data.load(name).objects[0], objects)
    assert ndi.label(labels[0] == 2)[1] < len(np.unique(objects[0])) - 1


def test_twelve_nuclei_lie_in_four_rows_and_have_a_size() -> None:
    sample = sample_data.load("clusters")
    objects = sample.objects[0]
    assert objects is not None
    assert np.unique(objects).tolist() == list(range(13))
    assert ndi.label(objects[0] > 0)[1] == 4
    assert all(ndi.label(objects[0] == number)[1] == 1 for number in range(1, 13))
    assert sample.pairs[0].image.geometry.scale[-2:] == (0.5, 0.5)
    assert sample.pairs[0].image.unit == "micrometer"


@pytest.mark.parametrize("name", sample_data.DRAWN)
def test_drawing_again_gives_the_same_pixels(name: str, tmp_path: Path) -> None:
    generate.write_sample(tmp_path, name)
    files = sorted(path.name for path in (FOLDER / name).iterdir())
    assert files == sorted(path.name for path in (tmp_path / name).iterdir())
    for file in files:
        if file.endswith(".tif"):
            assert np.array_equal(tifffile.imread(tmp_path / name / file), tifffile.imread(FOLDER / name / file)), file
    assert (tmp_path / name / "split.json").read_text() == (FOLDER / name / "split.json").read_text()


def test_samples_stay_small() -> None:
    size = sum(path.stat().st_size for name in sample_data.DRAWN for path in (FOLDER / name).iterdir())
    assert size < 3e6


def test_unknown_names_and_missing_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="Allowed: nuclei, membranes, vessels, clusters, coins, colon"):
        sample_data.load("liver")
    gone = photographs.Photograph("gone.png", "", {1: "a", 2: "b"}, 3, {})
    monkeypatch.setitem(photographs.PHOTOGRAPHS, "coins", gone)
    with pytest.raises(UserError, match=r"does not carry gone\.png"):
        sample_data.load("coins")


def test_painting_stays_in_its_class() -> None:
    rng = np.random.default_rng(0)
    labels = np.ones((40, 60), np.uint8)
    labels[10:30, 10:50] = 2
    labels[5] = 0
    labels[20] = 3  # one pixel thin
    strokes = simulate_strokes(labels, rng)
    assert set(np.unique(strokes)) == {0, 1, 2, 3}
    assert np.array_equal(strokes[strokes > 0], labels[strokes > 0])


def test_a_line_has_width_and_round_ends() -> None:
    drawn = draw_line((9, 12), [(4, 3), (4, 8)], 3)
    assert drawn[3:6, 3:9].all()
    assert drawn[4, 2]
    assert not drawn[3, 1]
    assert not drawn[6].any()


# --- the layout, in all three kinds ----------------------------------------------------------------------------------


def folder(path: Path, kind: str, axes: str, arrays: dict[str, np.ndarray], **more: object) -> Path:
    for stem, array in arrays.items():
        tifffile.imwrite(path / f"{stem}.tif", array, photometric="minisblack")
    split = {"kind": kind, "axes": axes, "classes": {"1": "background", "2": "cell"}, **more}
    (path / "split.json").write_text(json.dumps(split))
    return path


def test_volumes_give_ranges_of_planes(tmp_path: Path) -> None:
    stack = np.ones((10, 6, 7), np.uint8)
    sample = load_set(folder(tmp_path, "3d-volume", "ZYX", dict.fromkeys(("images", "labels", "scribbles"), stack),
                             train=[0, 4], test=[6, 9], voxel_size_um=[0.3, 0.1, 0.1]))
    assert sample.planes(0, sample.test) == (6, 7, 8)
    assert sample.planes(0, sample.train) == (0, 1, 2, 3)
    assert (sample.pairs[0].image.scale, sample.pairs[0].image.unit) == ((0.3, 0.1, 0.1), "micrometer")


def test_files_of_different_sizes_are_images_of_their_own(tmp_path: Path) -> None:
    arrays = {}
    for number, size in enumerate((6, 8, 9)):
        for stem in ("images", "labels"):
            arrays[f"{stem}_{number:02d}"] = np.ones((size, 5), np.uint8)
    arrays["scribbles_01"] = np.ones((8, 5), np.uint8)
    sample = load_set(folder(tmp_path, "2d-files", "YX", arrays, train=[1], test=[0, 2]))
    assert [pair.image.shape for pair in sample.pairs] == [(6, 5), (8, 5), (9, 5)]
    assert [bool(pair.scribbles.planes) for pair in sample.pairs] == [False, True, False]
    assert sample.test == ((0, 0), (2, 0))
    assert sample.planes(2, sample.test) == (0,)


@pytest.mark.parametrize(
    "more", [{"kind": "4d"}, {"classes": {"x": "y"}}, {"train": "all"}], ids=["kind", "classes", "train"]
)
def test_another_layout_is_refused(tmp_path: Path, more: dict[str, object]) -> None:
    stack = np.ones((2, 6, 7), np.uint8)
    options: dict[str, object] = {"train": [0], "test": [1], **more}
    path = folder(tmp_path, "2d-stack", "NYX", {"images": stack}, **{k: v for k, v in options.items() if k != "kind"})
    split = json.loads((path / "split.json").read_text()) | more
    (path / "split.json").write_text(json.dumps(split))
    with pytest.raises(UserError, match="is not a folder of samples"):
        load_set(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder of samples"):
        load_set(tmp_path)
    folder(tmp_path, "2d-stack", "NYX", {}, train=[0], test=[1])
    with pytest.raises(UserError, match=r"images\.tif could not be read"):
        load_set(tmp_path)
