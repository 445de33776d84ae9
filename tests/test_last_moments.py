"""Runs that were killed beside their end: what they left is ended or done anew, never mixed with another."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import tifffile
from test_block_runs import files_of, network, picture, small  # noqa: F401 (a fixture)
from test_objects_by_blocks import FORMAT as SMALL
from test_objects_by_blocks import TABLE, discs

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.errors import UserError
from napari_unet.io import _unfinished
from napari_unet.io._object_scratch import ObjectScratch
from napari_unet.io._run_files import LocalRun
from napari_unet.io.model_file import save_model
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.project.lazy_pixels import LazyPixels
from napari_unet.workflows import block_search, class_store
from napari_unet.workflows.block_search import BlockSearch
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_store import objects_to_store


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("overwrite", [True, False])
def test_objects_of_two_masks_are_not_mixed_in_a_store_that_is_put_together(
    overwrite: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    monkeypatch.setattr(class_store, "SAMPLE", 2)
    painted = discs((70, 90))
    mask = io.save_mask(tmp_path / "m.zarr", painted, classes=TABLE)

    def search(name: str, overwrite: bool = False) -> Any:
        return objects_to_store(open_class_store(mask), tmp_path / name, ObjectSearch(), overwrite=overwrite,
                                format=SMALL)

    run = search("o.zarr")
    for at, event in enumerate(run):
        if at == event.total + 5:  # all are found, and some are written
            break
    run.close()
    rows, columns = (painted[:30] > 1).nonzero()
    painted[rows[0], columns[0]] = 1  # the same objects, one of them a pixel smaller
    io.save_mask(mask, painted, classes=TABLE, overwrite=True)
    if overwrite:
        found = search("o.zarr", True).result()
    else:
        ObjectScratch(tmp_path / "o.zarr", (70, 90), (16, 16), {}, overwrite=True).remove()
        with pytest.raises(UserError, match="its file was written since, and not with the same"):
            search("o.zarr").result()
        found = search("o.zarr", True).result()
    assert files_of(Path(found.path) / "0") == files_of(Path(search("p.zarr").result().path) / "0")


@pytest.mark.parametrize("moment", ["note", "journal"])
def test_probabilities_that_have_their_name_stay_when_the_run_is_killed_then(
    moment: str, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(tmp_path / "in.tif", picture(150, 133), photometric="minisblack")
    save_model(tmp_path / "m.pt", network())
    out = tmp_path / "out"
    out.mkdir()
    words = ["predict", str(tmp_path / "in.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "--blocks",
             "-o", str(out / "a.zarr"), "--probabilities", str(out / "p.zarr")]
    take = _unfinished.Unfinished.take_name
    with monkeypatch.context() as patched:
        if moment == "note":
            patched.setattr(_unfinished.Unfinished, "take_name", lambda self, overwrite: (
                killed() if self.place.suffix == ".json" else take(self, overwrite)))
        else:
            patched.setattr(LocalRun, "remove", killed)
        assert main(words) == 130
    made = (out / "p.zarr").stat()
    assert main(words) == 0
    assert (out / "p.zarr").stat() == made
    assert sorted(one.name for one in out.iterdir()) == [
        "a.zarr", "a.zarr.provenance.json", "p.zarr", "p.zarr.provenance.json"]
    assert main([*words, "--resume"]) == 0
    assert "1 of 1 are there already" in capsys.readouterr().err


def test_objects_of_a_run_that_is_ended_are_those_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    mask = io.save_mask(tmp_path / "m.zarr", discs((70, 90)), classes=TABLE)
    words = ["objects", str(mask), "--blocks", "-o", str(tmp_path / "o.zarr")]
    with monkeypatch.context() as patched:
        patched.setattr(LocalRun, "remove", killed)
        assert main(words) == 130
    monkeypatch.setattr(BlockSearch, "find", killed)
    for other in (["--zarr-version", "0.5"], ["--way", "parts"]):
        assert main([*words, *other]) == 1, "before anything is looked for"
        assert "exists already" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(block_search, "SIDE", 16)
    assert main([*words, "--zarr-version", "0.5", "--overwrite"]) == 0
    assert (tmp_path / "o.zarr" / "zarr.json").exists()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.zarr", "o.zarr", "o.zarr.provenance.json"]


def test_what_is_known_of_a_block_may_be_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = io.save_mask(tmp_path / "m.zarr", discs((70, 90)), classes=TABLE)
    words = ["objects", str(mask), "--blocks", "-o", str(tmp_path / "o.zarr")]
    with monkeypatch.context() as patched:
        patched.setattr(BlockSearch, "join", killed)
        assert main(words) == 130
    (tmp_path / ".o.zarr.objects" / "0.npz").write_bytes(b"PK")
    assert main(words) == 1
    assert "0.npz, what is known of a block that is done, is damaged. Run the same again" in capsys.readouterr().err
    assert main(words) == 0


def test_a_mask_that_was_replaced_goes_with_the_run_that_is_ended(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = _unfinished.remove
    tifffile.imwrite(tmp_path / "in.tif", picture(150, 133), photometric="minisblack")
    save_model(tmp_path / "m.pt", network())
    out = tmp_path / "out"
    out.mkdir()
    words = ["predict", str(tmp_path / "in.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "--blocks",
             "-o", str(out / "a.zarr")]
    assert main([*words, "--painted-ids"]) == 0
    with monkeypatch.context() as patched:
        patched.setattr(_unfinished, "remove", lambda path: killed() if path.suffix == ".old" else remove(path))
        assert main([*words, "--overwrite"]) == 130
    assert any(one.name.endswith(".old") for one in out.iterdir())
    assert main([*words, "--overwrite"]) == 0
    assert sorted(one.name for one in out.iterdir()) == ["a.zarr", "a.zarr.provenance.json"]


def test_objects_of_a_mask_that_is_made_anew_at_an_address_do_not_pass_for_its_own(
    tmp_path: Path, small: None, capsys: pytest.CaptureFixture[str]
) -> None:
    files, name = fsspec.filesystem("memory"), f"bucket-{uuid.uuid4().hex[:8]}"
    tifffile.imwrite(tmp_path / "in.tif", picture(150, 133), photometric="minisblack")
    save_model(tmp_path / "m.pt", network())
    words = ["predict", str(tmp_path / "in.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "--resume",
             "-o", f"memory://{name}/a.zarr", "--objects", str(tmp_path / "o.tif")]
    assert main(words) == 0
    files.rm(f"/{name}/a.zarr", recursive=True)
    assert main(words) == 1
    assert "only some results are there, e.g." in capsys.readouterr().err
    assert not files.exists(f"/{name}/a.zarr"), "said before anything is made"
    assert main([*words, "--overwrite"]) == 0


def test_a_mask_and_an_image_of_a_project_that_are_cut_short_while_open_are_named(tmp_path: Path) -> None:
    part, data = (slice(600, 700), slice(0, 900)), np.zeros((700, 900), np.uint8)
    data[100:200] = 1
    for name in ("m.tif", "i.tif"):
        tifffile.imwrite(tmp_path / name, data, photometric="minisblack")
    pixels, store = LazyPixels(tmp_path / "i.tif", "YX", data.shape, "uint8"), open_class_store(tmp_path / "m.tif")
    assert (pixels[:9] == data[:9]).all()
    for name, read, words in (("m.tif", lambda: store.read(part), "was cut short while it was open"),
                              ("i.tif", lambda: pixels[part], "is truncated")):
        os.truncate(tmp_path / name, 9000)  # to read what lies beyond would end the program
        with pytest.raises(UserError, match=f"{name} {words}"):
            read()
