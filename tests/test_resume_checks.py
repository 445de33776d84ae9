"""Going on with a run: only with what was asked for in the same way, and what differs is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from test_block_runs import FORMAT, ONE, network, picture, small  # noqa: F401 (a fixture)

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core import fingerprints
from napari_unet.core.errors import UserError
from napari_unet.core.fingerprints import image_hash
from napari_unet.core.image import Image
from napari_unet.io._run_differences import differences
from napari_unet.io.model_file import save_model
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.workflows import block_search
from napari_unet.workflows.store_run import predict_store


def other_pixels(image: Image) -> dict[str, Any]:
    return {"image": Image(255 - np.asarray(image.data), "NYX")}


@pytest.mark.parametrize(("change", "said"), [
    ({"model": "shallow"}, r"the model \(or the device"),
    ({"skip_background": 0.2}, r"--skip-background \(none then, 0.2 now\)"),
    ({"painted_ids": True}, r"--painted-ids \(False then, True now\)"),
    ({"format": OmeZarr(chunk=64)}, "chunks or shards"),
    ({"image": "other"}, r"the image \(its pixels\)"),
])
def test_an_unfinished_run_says_in_what_it_differs(change: dict[str, Any], said: str, tmp_path: Path, small: None
                                                   ) -> None:
    image, path = Image(picture(2, 150, 133), "NYX"), tmp_path / "m.zarr"
    run = predict_store(image, network(), path, format=FORMAT, engine=ONE)
    next(run)
    run.close()
    now: dict[str, Any] = {"image": image, "model": network(), "format": FORMAT, "engine": ONE, **change}
    if now["model"] == "shallow":
        now["model"] = network("shallow")
    if now["image"] == "other":
        now["image"] = Image(picture(2, 150, 133) // 2, "NYX")
    with pytest.raises(UserError, match=f"unfinished run of something else.*{said}.*--overwrite to begin anew"):
        predict_store(now.pop("image"), now.pop("model"), path, **now).result()
    events = list(predict_store(image, network(), path, format=FORMAT, engine=ONE))
    assert events[0].before == 1, "what was refused has changed nothing"


@pytest.mark.parametrize("name", ["a.tif", "packed.tif", "a.zarr"])
def test_an_image_that_was_written_since_is_another_one_wherever_it_changed(
    name: str, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "WHOLE", 100)
    monkeypatch.setattr(fingerprints, "WINDOW", 8)
    data, path = picture(150, 133), tmp_path / name

    def write() -> None:
        if name.endswith("tif"):
            packed = {"compression": "zlib"} if name.startswith("packed") else {}
            tifffile.imwrite(path, data, photometric="minisblack", **packed)
        else:
            array = zarr.open_array(str(path), mode="a", shape=data.shape, chunks=(32, 32), dtype=data.dtype)
            array[:] = data

    write()
    before = image_hash(io.read_image(path))
    run = predict_store(io.read_image(path), network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE)
    next(run)
    run.close()
    again = predict_store(io.read_image(path), network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE)
    assert next(again).before == 1
    again.close()
    data[40:50, 40:50] += 1
    write()
    assert image_hash(io.read_image(path)) == before, "no window of the name lies there"
    with pytest.raises(UserError, match=r"the image \(its file was written since, and not with"):
        next(predict_store(io.read_image(path), network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE))


def test_what_cannot_be_read_differs() -> None:
    assert differences("no json", "{}") == "what it was cannot be read"
    assert "--axes (ZYX then, TYX now)" in differences(json.dumps({"axes": "ZYX"}), json.dumps({"axes": "TYX"}))


def test_whole_results_are_kept_only_if_the_command_would_make_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        tifffile.imwrite(tmp_path / "in" / f"im {number}.tif", picture(40 + number, 50), photometric="minisblack")
    model = dataclasses.replace(network(), tile=None, full_precision=False)
    save_model(tmp_path / "a.pt", model)
    save_model(tmp_path / "b.pt", dataclasses.replace(network("shallow"), tile=None, full_precision=False))
    words = ["predict", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--device", "cpu", "--model"]
    assert main([*words, str(tmp_path / "a.pt")]) == 0
    made = {one: one.read_bytes() for one in (tmp_path / "out").iterdir()}
    capsys.readouterr()
    assert main([*words, str(tmp_path / "a.pt"), "--resume"]) == 0
    assert "3 of 3 are there already" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "b.pt"), "--resume"]) == 1
    told = capsys.readouterr().err
    assert "3 of the results that are there are not what this command makes" in told
    assert "im 0_mask.tif: another model" in told
    assert main([*words, str(tmp_path / "a.pt"), "--resume", "--painted-ids"]) == 1
    assert "other painted ids (False then, True now)" in capsys.readouterr().err
    assert {one: one.read_bytes() for one in (tmp_path / "out").iterdir()} == made, "nothing was touched"

    tifffile.imwrite(tmp_path / "in" / "im 1.tif", 255 - picture(41, 50), photometric="minisblack")
    (tmp_path / "out" / "im 2_mask.tif.provenance.json").unlink()
    assert main([*words, str(tmp_path / "a.pt"), "--resume"]) == 1
    told = capsys.readouterr().err
    assert "1 of the results that are there is not what" in told
    assert "im 1_mask.tif: another image" in told
    assert "im 2_mask.tif" in told
    assert "kept unchecked" in told
    assert main([*words, str(tmp_path / "a.pt"), "--resume", "--overwrite"]) == 0
    after = {one: one.read_bytes() for one in (tmp_path / "out").iterdir()}
    changed = {one.name for one, content in after.items() if content != made[one]}
    assert changed == {"im 1_mask.tif", "im 1_mask.tif.provenance.json"}
    assert io.read_labels(tmp_path / "out" / "im 1_mask.tif")[0].shape == (41, 50)


def test_a_run_that_was_killed_over_its_objects_goes_on_with_them(
    tmp_path: Path, small: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "in.tif", picture(150, 133), photometric="minisblack")
    save_model(tmp_path / "m.pt", dataclasses.replace(network(), tile=None, full_precision=False))
    monkeypatch.setattr(block_search, "SIDE", 512)
    words = ["predict", str(tmp_path / "in.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "--blocks",
             "--way", "parts", "-o"]
    assert main([*words, str(tmp_path / "w.zarr"), "--objects", str(tmp_path / "whole.zarr"), "--panoptic"]) == 0
    whole = io.load_objects(tmp_path / "whole.zarr").found
    assert whole.count > 3

    def torn(*_: object) -> None:
        raise KeyboardInterrupt

    again = [*words, str(tmp_path / "mask.zarr"), "--objects", str(tmp_path / "o.zarr"), "--panoptic"]
    with monkeypatch.context() as patch:
        patch.setattr(block_search.BlockSearch, "find", torn)
        assert main(again) == 130
    before = {one: one.stat().st_mtime_ns for one in (tmp_path / "mask.zarr").rglob("*")}
    assert before
    assert main(again) == 1, "nothing is replaced unasked"
    capsys.readouterr()
    assert main([*again, "--resume"]) == 0
    assert "only the objects are looked for" in capsys.readouterr().err
    assert {one: one.stat().st_mtime_ns for one in (tmp_path / "mask.zarr").rglob("*")} == before
    np.testing.assert_array_equal(io.load_objects(tmp_path / "o.zarr").found.numbers, whole.numbers)
    assert main([*again, "--resume"]) == 0
    assert "1 of 1 are there already" in capsys.readouterr().err
