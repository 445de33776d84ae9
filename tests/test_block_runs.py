"""Segmenting block by block: the labels of a run in memory, through any number of interruptions."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from predict_scene import NETWORKS, pixels, weights_of

from napari_unet import io
from napari_unet.core import plane_facts
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.io import _store_tiff
from napari_unet.io.model_file import save_model
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.predicting import block_plan, tiling
from napari_unet.predicting.block_plan import BlockPlan, block_side
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.segmenters.forest import Forest
from napari_unet.segmenters.threshold import Threshold
from napari_unet.workflows import store_run
from napari_unet.workflows.store_run import ThreadEngine, predict_store

FORMAT = OmeZarr(chunk=32)
ONE = ThreadEngine(1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planes are large, blocks are small."""
    monkeypatch.setattr(plane_facts, "LARGE_PLANE", 1000)
    monkeypatch.setattr(plane_facts, "BAND", 48)
    monkeypatch.setattr(tiling, "LARGE", 1000)
    monkeypatch.setattr(block_plan, "SIDE", 64)


SEEDS = {"deep": 3, "shallow": 5, "2015": 1, "batch-bilinear": 2}
"""Random weights that do not give the same class everywhere."""


def network(name: str = "deep", **settings: Any) -> NetworkModel:
    return NetworkModel(weights_of(NETWORKS[name], seed=SEEDS[name]), "cpu", tile=32, full_precision=True, **settings)


def picture(*shape: int) -> np.ndarray:
    return (pixels(*shape) * 40 + 120).clip(0, 255).astype(np.uint8)


def files_of(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in folder.rglob("*") if file.is_file()}


def trained(method: Any, data: np.ndarray) -> Any:
    strokes = np.zeros(data.shape, np.uint8)
    strokes[0, 4:8, 4:60], strokes[0, 40:44, 4:60] = 1, 2
    pair = Pair(Image(data, "NYX"), Scribbles.from_array(strokes))
    return run_to_end(method.fit(TrainingSet((pair,), ClassTable.default((1, 2)))))


@pytest.mark.parametrize("name", ["batch-bilinear", "2015", "deep", "turned", "forest", "threshold", "value", "manual"])
def test_a_store_holds_what_is_computed_in_memory(name: str, tmp_path: Path, small: None) -> None:
    data = picture(2, 150, 133)
    if name == "forest":
        model = trained(Forest(largest=4, trees=5, depth=6), data)
    elif name in ("threshold", "value", "manual"):
        model = trained({"threshold": Threshold(), "value": Threshold(value=120.0, sigma=1.5),
                         "manual": Threshold(kind="manual")}[name], data)
        assert (model.tile_side() is None) is (name == "threshold")
    else:
        model = network("deep", tta=8) if name == "turned" else network(name)
    expected = assemble(Image(data, "NYX"), model.segment(Image(data, "NYX")))
    assert np.sort(np.bincount(expected.ravel()))[-2] > 0.02 * expected.size, "a picture of something"
    path = predict_store(Image(data, "NYX"), model, tmp_path / "m.zarr", format=FORMAT).result()
    labels, _ = io.read_labels(path)
    np.testing.assert_array_equal(labels, to_mask(expected))


def test_a_large_plane_in_memory_is_answered_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data, model = picture(150, 133), network()
    small_planes = assemble(Image(data), model.segment(Image(data)))
    monkeypatch.setattr(plane_facts, "LARGE_PLANE", 1000)
    monkeypatch.setattr(tiling, "LARGE", 1000)
    np.testing.assert_array_equal(assemble(Image(data), model.segment(Image(data))), small_planes)


def test_real_numbers_with_holes(tmp_path: Path, small: None) -> None:
    data = pixels(140, 120)
    data[30:50, 10:90] = np.nan
    data[:10] = -9999
    with pytest.warns(InputWarning, match="2800 of 16800 pixels are NaN, infinite or without data"):
        expected = assemble(Image(data), network().segment(Image(data)))
    with pytest.warns(InputWarning, match="some pixels are NaN, infinite or without data"):
        path = predict_store(Image(data), network(), tmp_path / "m.zarr", format=FORMAT, painted_ids=True).result()
    np.testing.assert_array_equal(io.read_labels(path)[0], expected)
    assert (expected[30:50, 10:90] == 1).all()


@pytest.mark.parametrize("in_tiles", [False, True])
def test_colours_and_a_tiff(in_tiles: bool, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    if in_tiles:
        monkeypatch.setattr(_store_tiff, "MOST_AT_ONCE", 1000)
    model = NetworkModel(weights_of(NETWORKS["deep"], 3, seed=3), "cpu", tile=32, full_precision=True)
    image = Image(picture(2, 150, 133, 3), "ZYXC", scale=(2, 0.5, 0.5), unit="micrometer")
    path = predict_store(image, model, tmp_path / "m.tif", format=FORMAT).result()
    labels, classes = io.read_labels(path)
    np.testing.assert_array_equal(labels, to_mask(assemble(image, model.segment(image))))
    assert classes == model.classes
    with tifffile.TiffFile(path) as tiff:
        assert (tiff.pages[0].is_tiled, tiff.is_imagej) == (in_tiles, not in_tiles)
    again = io.read_image(path)
    assert again.axes == "ZYX"
    assert again.scale == pytest.approx((2, 0.5, 0.5))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.tif", "m.tif.provenance.json"]


@pytest.mark.parametrize("settings", [{"chunk": 32}, {"chunk": 16, "version": "0.5", "shard": 64}])
def test_a_run_that_is_ended_again_and_again_leaves_the_same_bytes(
    settings: dict[str, Any], tmp_path: Path, small: None
) -> None:
    image, chosen = Image(picture(3, 150, 133), "ZYX", scale=(1, 1, 1), unit="micrometer"), OmeZarr(**settings)
    whole = predict_store(image, network(), tmp_path / "a" / "m.zarr", format=chosen)
    (tmp_path / "a").mkdir()
    expected = files_of(whole.result())
    (tmp_path / "b").mkdir()
    path, done, runs = tmp_path / "b" / "m.zarr", 0, 0
    while not path.exists():
        run = predict_store(image, network(), path, format=chosen, engine=ONE)
        for event in run:
            assert event.before == done
            if event.done == 4:
                done += 4
                break
        run.close()
        runs += 1
    assert runs > 3
    assert files_of(path) == expected
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["m.zarr", "m.zarr.provenance.json"]


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import numpy as np
import test_block_runs as here
from napari_unet.core import plane_facts
from napari_unet.predicting import block_plan, tiling
plane_facts.LARGE_PLANE = tiling.LARGE = 1000
block_plan.SIDE = 64
run = here.predict_store(here.Image(here.picture(2, 150, 133), "NYX"), here.network(), sys.argv[1],
                         format=here.FORMAT, engine=here.ONE)
for event in run:
    if event.done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process_goes_on_where_it_was(tmp_path: Path, small: None) -> None:
    script = KILLED.format(paths=[str(Path(__file__).parent), str(Path(__file__).parent.parent)])
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "m.zarr"
    done = subprocess.run([sys.executable, "-c", script, str(path), "5"], check=False, timeout=600)
    assert done.returncode == -signal.SIGKILL
    journal = tmp_path / "a" / ".m.zarr.unfinished.blocks"
    with journal.open("a") as file:
        file.write("1")  # the beginning of 17
    (tmp_path / "a" / ".m.zarr.unfinished" / "0" / "0.0123.partial").write_bytes(b"torn")
    image = Image(picture(2, 150, 133), "NYX")
    events = list(predict_store(image, network(), path, format=FORMAT, engine=ONE))
    assert events[0].before == 5
    (tmp_path / "b").mkdir()
    other = predict_store(image, network(), tmp_path / "b" / "m.zarr", format=FORMAT).result()
    assert files_of(path) == files_of(other)


def test_something_else_is_not_mixed_with_what_is_unfinished(tmp_path: Path, small: None) -> None:
    image, path = Image(picture(2, 150, 133), "NYX"), tmp_path / "m.zarr"
    run = predict_store(image, network(), path, format=FORMAT, engine=ONE)
    next(run)
    with pytest.raises(UserError, match="Another run is writing"):
        next(predict_store(image, network(), path, format=FORMAT))
    run.close()
    other = network("shallow")
    with pytest.raises(UserError, match="unfinished run of something else"):
        predict_store(image, other, path, format=FORMAT).result()
    made = predict_store(image, other, path, format=FORMAT, overwrite=True).result()
    expected = assemble(image, other.segment(image))
    np.testing.assert_array_equal(io.read_labels(made)[0], to_mask(expected))


def test_a_damaged_block_is_named_and_what_is_done_stays(tmp_path: Path, small: None) -> None:
    data = picture(2, 160, 160)
    source = zarr.create_array(str(tmp_path / "in.zarr"), shape=data.shape, chunks=(1, 40, 40), dtype="u1",
                               zarr_format=2)
    source[...] = data
    image = io.read_image(tmp_path / "in.zarr", "ZYX")
    run = predict_store(image, network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE)
    next(run)
    torn = tmp_path / "in.zarr" / "1.3.3"
    kept = torn.read_bytes()
    torn.write_bytes(kept[:40])
    with pytest.raises(UserError, match=r"block at Z=1, Y=\d+ to \d+, X=\d+ to \d+ .*damaged"):
        run.result()
    torn.write_bytes(kept)
    events = list(predict_store(image, network(), tmp_path / "m.zarr", format=FORMAT))
    assert events[0].before > 0
    expected = assemble(image, network().segment(image))
    np.testing.assert_array_equal(io.read_labels(tmp_path / "m.zarr")[0], to_mask(expected))


def test_a_store_that_disappears_is_no_black_picture(tmp_path: Path, small: None) -> None:
    source = zarr.create_array(str(tmp_path / "in.zarr"), shape=(160, 160), chunks=(40, 40), dtype="u1")
    source[...] = picture(160, 160)
    image = io.read_image(tmp_path / "in.zarr")
    run = predict_store(image, network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE)
    next(run)
    os.rename(tmp_path / "in.zarr", tmp_path / "gone.zarr")
    with pytest.raises(UserError, match=r"in.zarr is not there any more"):
        run.result()


def test_a_full_disk_leaves_what_is_done(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    image, path = Image(picture(2, 150, 133), "NYX"), tmp_path / "m.zarr"
    run = predict_store(image, network(), path, format=FORMAT, engine=ONE)
    next(run)
    from zarr.storage import _local

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(_local, "_put", full)
        with pytest.raises(UserError, match="No space left on device"):
            run.result()
    assert not path.exists()
    events = list(predict_store(image, network(), path, format=FORMAT))
    assert events[0].before >= 1
    np.testing.assert_array_equal(io.read_labels(path)[0], to_mask(assemble(image, network().segment(image))))


def test_missing_channels_are_said_before_anything_is_made(tmp_path: Path, small: None) -> None:
    colours = Image(picture(150, 133, 3), "YXC", "tissue")
    with pytest.raises(UserError, match=r"^'tissue' has 3 channels, but this model learnt from images with 1"):
        predict_store(colours, network(), tmp_path / "m.zarr", format=FORMAT).result()
    assert not list(tmp_path.iterdir())


def test_flat_blocks_are_left_to_the_background(tmp_path: Path, small: None) -> None:
    data = np.full((128, 192), 30, np.uint8) + (np.arange(192) % 3).astype(np.uint8)
    data[:, 64:128] = picture(128, 64)
    seen = assemble(Image(data), network().segment(Image(data)))
    path = predict_store(Image(data), network(), tmp_path / "m.zarr", format=FORMAT, skip_background=0.1).result()
    labels, _ = io.read_labels(path)
    np.testing.assert_array_equal(labels[:, 64:128], to_mask(seen)[:, 64:128])
    assert not labels[:, :64].any()
    assert not labels[:, 128:].any()
    assert to_mask(seen)[:, :64].any()
    with pytest.raises(UsageError, match="share of 7 of the range"):
        predict_store(Image(data), network(), tmp_path / "n.zarr", format=FORMAT, skip_background=7).result()


def test_blocks_cover_every_pixel_once_and_follow_chunks() -> None:
    plan = BlockPlan(5, (70, 90), 32, depth=2)
    seen = np.zeros((5, 70, 90), int)
    order = list(plan)
    for block in order:
        seen[(block.plane, *block.box.slices)] += 1
        assert plan.block(block.number) == block
    assert (seen == 1).all()
    assert len(order) == len(plan)
    assert [block.plane for block in order[:4]] == [0, 1, 0, 1]
    assert block_side(512, 512) == block_side(256, 512) == 2048
    assert block_side(300, 512) % 300 == block_side(300, 512) % 512 == 0


def test_the_command_line_goes_on_with_a_run(tmp_path: Path, small: None, capsys: pytest.CaptureFixture[str]) -> None:
    from napari_unet.cli import main

    data = picture(2, 150, 133)
    tifffile.imwrite(tmp_path / "in.tif", data, photometric="minisblack")
    model = dataclasses.replace(network(), tile=None, full_precision=False)
    save_model(tmp_path / "m.pt", model)
    words = ["predict", str(tmp_path / "in.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "-o"]
    assert main([*words, str(tmp_path / "o.zarr"), "--blocks"]) == 0
    expected = assemble(Image(data, "NYX"), model.segment(Image(data, "NYX")))
    np.testing.assert_array_equal(io.read_labels(tmp_path / "o.zarr")[0], to_mask(expected))
    assert main([*words, str(tmp_path / "p.zarr"), "--blocks", "--probabilities", str(tmp_path / "s.tif")]) == 2
    assert "s.tif does not go with a run by blocks" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "q.zarr")]) == 0, "large unasked"
    np.testing.assert_array_equal(io.read_labels(tmp_path / "q.zarr")[0], to_mask(expected))
    assert store_run.needs_store(Image(data, "NYX"))


def test_the_picture_of_the_benchmark_is_the_same_in_any_window() -> None:
    from benchmark_scripts import load_script

    made = load_script("large").MadeUp(2, 2100)
    whole = made[1, slice(0, 2100), slice(0, 2100)]
    np.testing.assert_array_equal(made[1, slice(900, 1700), slice(1500, 2100)], whole[900:1700, 1500:2100])
