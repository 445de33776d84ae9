"""Chosen planes and class probabilities of a run by blocks: here, at an address, through interruptions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from test_block_runs import FORMAT, ONE, files_of, network, picture, small, trained  # noqa: F401 (a fixture)
from test_far_masks import place  # noqa: F401 (a fixture)

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.classes import to_mask
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io._output import Output
from napari_unet.io._resumable import ResumableMask
from napari_unet.io.model_file import save_model
from napari_unet.predicting.patches import prediction_shape, probability_shape, segment_into
from napari_unet.segmenters.forest import Forest
from napari_unet.workflows.store_run import predict_store


def in_memory(image: Image, model: Any, index: list[int] | None) -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros(prediction_shape(image, index), np.uint8)
    maps = np.zeros(probability_shape(image, model, index), np.float32)
    for _ in segment_into(image, model, labels, maps, index=index):
        pass
    return to_mask(labels), maps


@pytest.mark.parametrize(("name", "index"), [("deep", None), ("deep", [1, 0]), ("forest", [1])])
def test_they_are_those_of_memory_however_often_the_run_is_ended(
    name: str, index: list[int] | None, tmp_path: Path, small: None
) -> None:
    data = picture(2, 150, 133)
    model = trained(Forest(largest=4, trees=5, depth=6), data) if name == "forest" else network()
    image = Image(data, "ZYX", scale=(2, 0.5, 0.5), unit="micrometer")
    options: dict[str, Any] = {"index": index, "format": FORMAT, "engine": ONE}
    runs = 0
    while True:
        run = predict_store(image, model, tmp_path / "m.zarr", probabilities=tmp_path / "p.zarr", **options)
        ended = next((True for event in run if event.done == 10), False)
        run.close()
        runs += 1
        if not ended:
            break
    assert runs > 1 or name == "forest"  # its blocks are larger
    labels, maps = in_memory(image, model, index)
    np.testing.assert_array_equal(io.read_labels(tmp_path / "m.zarr")[0].reshape(labels.shape), labels)
    stored = io.read_image(tmp_path / "p.zarr")
    found = np.moveaxis(np.asarray(stored.data), stored.axes.index("C"), -3).reshape(maps.shape)
    np.testing.assert_allclose(found, maps, atol=1e-5)
    assert stored.scale[-2:] == (0.5, 0.5)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.zarr", "m.zarr.provenance.json", "p.zarr",
                                                                "p.zarr.provenance.json"]
    (tmp_path / "b").mkdir()
    predict_store(image, model, tmp_path / "b" / "m.zarr", probabilities=tmp_path / "b" / "p.zarr", **options).result()
    for one in ("m.zarr", "p.zarr"):
        assert files_of(tmp_path / one) == files_of(tmp_path / "b" / one)


def test_other_planes_are_not_mixed_with_what_is_unfinished(tmp_path: Path, small: None) -> None:
    image = Image(picture(3, 150, 133), "ZYX")
    run = predict_store(image, network(), tmp_path / "m.zarr", index=[1], format=FORMAT, engine=ONE)
    next(run)
    run.close()
    with pytest.raises(UserError, match=r"differs in --index \(1 then, 2 now\)"):
        predict_store(image, network(), tmp_path / "m.zarr", index=[2], format=FORMAT).result()
    with pytest.raises(UserError, match="plane"):
        predict_store(image, network(), tmp_path / "n.zarr", index=[3], format=FORMAT).result()
    with pytest.raises(UserError, match=r"end in .ome.zarr"):
        predict_store(image, network(), tmp_path / "n.zarr", probabilities=tmp_path / "p.tif", format=FORMAT).result()
    assert not list(tmp_path.glob("*n.zarr*.lock"))


class Killed(BaseException):
    """What ends a program, and is no error."""


def dying(finish: Any) -> Any:
    """Return what gives results their names, but is killed at that of a mask."""
    def tried(self: Any) -> Any:
        if "m." in Path(str(self.path)).name:
            raise Killed
        return finish(self)

    return tried


def test_a_run_that_is_killed_between_the_names_of_probabilities_and_mask_is_gone_on_with(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, whole = Image(picture(2, 150, 133), "ZYX"), tmp_path / "whole"
    whole.mkdir()
    options: dict[str, Any] = {"format": FORMAT, "engine": ONE}
    predict_store(image, network(), whole / "m.zarr", probabilities=whole / "p.zarr", **options).result()
    with monkeypatch.context() as patched:
        patched.setattr(ResumableMask, "finish", dying(ResumableMask.finish))
        with pytest.raises(Killed):
            predict_store(image, network(), tmp_path / "m.zarr", probabilities=tmp_path / "p.zarr", **options).result()
    assert (tmp_path / "p.zarr").is_dir()
    assert not (tmp_path / "m.zarr").exists()
    for other in ({"image": Image(picture(2, 150, 133) // 2, "ZYX")}, {"model": network("shallow")}):
        asked = {"image": image, "model": network(), **other}
        with pytest.raises(UserError, match=r"exists already|something else"):
            predict_store(output=tmp_path / "n.zarr", probabilities=tmp_path / "p.zarr", **asked, **options).result()
    run = predict_store(image, network(), tmp_path / "m.zarr", probabilities=tmp_path / "p.zarr", **options)
    assert list(run) == [], "all blocks are there"
    for name in ("m.zarr", "p.zarr"):
        assert files_of(tmp_path / name) == files_of(whole / name)
    with pytest.raises(UserError, match="exists already"):
        predict_store(image, network(), tmp_path / "m.zarr", probabilities=tmp_path / "p.zarr", **options).result()


@pytest.mark.parametrize("flags", [[], ["--resume"]])
def test_so_is_one_of_an_image_in_memory(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "net.pt", network())
    for name, values in (("a", picture(40, 50)), ("b", picture(40, 50)[::-1].copy())):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="minisblack")
    options = ["--model", str(tmp_path / "net.pt"), "--device", "cpu", "-o", str(tmp_path / "m.tif"),
               "--probabilities", str(tmp_path / "p.tif"), *flags]
    with monkeypatch.context() as patched:
        patched.setattr(Output, "finish", dying(Output.finish))
        with pytest.raises(Killed):
            main(["predict", str(tmp_path / "a.tif"), *options])
    before = tifffile.imread(tmp_path / "p.tif")
    assert not (tmp_path / "m.tif").exists()
    kept = os.stat(tmp_path / "p.tif").st_mtime
    for moved in (3600, -3600):  # changed in another program; or replaced by an older file
        os.utime(tmp_path / "p.tif", (kept + moved, kept + moved))
        assert main(["predict", str(tmp_path / "a.tif"), *options]) == 1, "it may be somebody else's"
    os.utime(tmp_path / "p.tif", (kept, kept))
    assert main(["predict", str(tmp_path / "b.tif"), *options]) == 1, "they are of another image"
    assert "p.tif" in capsys.readouterr().err
    assert main(["predict", str(tmp_path / "a.tif"), *options]) == 0
    assert np.array_equal(tifffile.imread(tmp_path / "p.tif"), before)
    assert (tmp_path / "m.tif").is_file()
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "a.tif"), *options]) == (0 if flags else 1)


def test_at_an_address_as_here(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(tmp_path / "m.pt", network())
    tifffile.imwrite(tmp_path / "a.tif", picture(5, 40, 50), photometric="minisblack", metadata={"axes": "ZYX"})
    words = ["predict", str(tmp_path / "a.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "--index", "3,1"]
    counts = {one: tmp_path / f"{one}.csv" for one in ("far", "here", "again")}
    assert main([*words, "-o", f"{place}/out", "--probabilities", f"{place}/soft", "--counts", str(counts["far"])]) == 0
    assert f"{place}/soft/a_probabilities.ome.zarr" in capsys.readouterr().out
    assert main([*words, "-o", str(tmp_path / "h.zarr"), "--probabilities", str(tmp_path / "p.zarr"), "--counts",
                 str(counts["here"])]) == 0
    far = io.read_image(f"{place}/soft/a_probabilities.ome.zarr")
    np.testing.assert_allclose(np.asarray(far.data), np.asarray(io.read_image(tmp_path / "p.zarr").data), atol=1e-6)
    np.testing.assert_array_equal(io.read_labels(f"{place}/out/a_mask.ome.zarr")[0],
                                  io.read_labels(tmp_path / "h.zarr")[0])
    assert counts["far"].read_text() == counts["here"].read_text()
    assert main(["counts", f"{place}/out/a_mask.ome.zarr", "-o", str(counts["again"])]) == 0
    assert counts["again"].read_text() == counts["far"].read_text().replace("a,", "a_mask,")
    again = [*words, "-o", f"{place}/out", "--probabilities", f"{place}/soft"]
    assert main(again) == 1
    assert "exists already" in capsys.readouterr().err
    assert main([*again, "--overwrite"]) == 0
    assert main([*words, "-o", str(tmp_path / "i.zarr"), "--probabilities", f"{place}/p.zarr"]) == 2
    assert "give -o an address too" in capsys.readouterr().err
    capsys.readouterr()
    mask = f"{place}/out/a_mask.ome.zarr"
    for more in ([], ["--blocks"]):  # as the message about --objects says
        name = f"o{len(more)}.zarr"
        assert main(["objects", mask, "-o", str(tmp_path / name), *more]) == 0, capsys.readouterr().err
        assert io.read_labels(tmp_path / name)[0].shape == (2, 40, 50)
