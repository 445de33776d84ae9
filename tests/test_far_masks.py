"""Masks written at an address, block by block: whole, interrupted, refused; single files read there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from test_block_runs import FORMAT, ONE, network, picture, small  # noqa: F401 (a fixture)

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.classes import to_mask
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.io import _far_file, _far_lock
from napari_unet.io._object_scratch import ObjectScratch
from napari_unet.io.model_file import save_model
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.workflows.store_run import predict_store

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address of objects in memory, which has the rules of those far away: no folders, nothing renamed."""
    monkeypatch.setattr(_far_lock, "PAUSE", 0.0)
    name = f"/bucket-{uuid.uuid4().hex[:8]}"
    yield f"memory:/{name}"
    files = fsspec.filesystem("memory")
    if files.exists(name):
        files.rm(name, recursive=True)


def objects(place: str) -> dict[str, bytes]:
    files = fsspec.filesystem("memory")
    return {path: files.cat_file(path) for path in files.find(place.removeprefix("memory:/"))}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_run_at_an_address_that_is_ended_again_and_again(
    place: str, version: Any, small: None, tmp_path: Path
) -> None:
    image, model = Image(picture(2, 150, 133), "ZYX", scale=(2, 0.5, 0.5), unit="micrometer"), network()
    chosen, url, runs = OmeZarr(version, 32), f"{place}/m.ome.zarr", 0
    while True:
        run = predict_store(image, model, url, format=chosen, engine=ONE)
        ended = next((True for event in run if event.done == 5), False)
        run.close()
        runs += 1
        if not ended:
            break
        with pytest.raises(UserError, match="zarr group without an image"):
            io.read_image(url)  # unfinished, it is none
    assert runs > 3
    labels, classes = io.read_labels(url)
    np.testing.assert_array_equal(labels, to_mask(assemble(image, model.segment(image))))
    assert classes == model.classes
    assert io.read_image(url).scale == (2, 0.5, 0.5)
    names = {path.split("/")[2] for path in objects(place)}
    assert names == {"m.ome.zarr", "m.ome.zarr.provenance.json"}, "no lock and no journal are left"
    local = predict_store(image, model, tmp_path / "m.ome.zarr", format=chosen).result()
    here = {str(one.relative_to(local)): one.read_bytes() for one in local.rglob("*") if one.is_file()}
    there = {path.partition("m.ome.zarr/")[2]: value for path, value in objects(place).items() if ".zarr/" in path}
    assert there == here


def test_what_is_there_is_replaced_only_if_asked_and_a_mask(place: str, small: None) -> None:
    image, url = Image(picture(150, 133)), f"{place}/m.zarr"
    predict_store(image, network(), url, format=FORMAT).result()
    before = objects(place)
    with pytest.raises(UserError, match="exists already and is not overwritten"):
        predict_store(image, network(), url, format=FORMAT).result()
    assert objects(place) == before
    other = network("shallow")
    predict_store(image, other, url, format=FORMAT, overwrite=True).result()
    np.testing.assert_array_equal(io.read_labels(url)[0], to_mask(assemble(image, other.segment(image))))
    fsspec.filesystem("memory").pipe_file(f"{place.removeprefix('memory:/')}/photos.zarr/notes.txt", b"mine")
    with pytest.raises(UserError, match="is not overwritten: it is not a mask"):
        predict_store(image, other, f"{place}/photos.zarr", format=FORMAT, overwrite=True).result()
    run = predict_store(image, other, f"{place}/n.zarr", format=FORMAT, engine=ONE)
    next(run)
    with pytest.raises(UserError, match=r"Another run is writing memory://.*n.zarr"):
        next(predict_store(image, other, f"{place}/n.zarr", format=FORMAT))
    run.close()
    with pytest.raises(UserError, match=r"differs in the model"):
        predict_store(image, network(), f"{place}/n.zarr", format=FORMAT).result()


@pytest.mark.parametrize(("url", "said"), [
    ("https://host/m.ome.zarr", r"can only be read: nothing can be written to https://"),
    ("s3://bucket/m.tif", "at an address only OME-Zarr is"),
    ("nonsense://bucket/m.zarr", "addresses of this kind are not known"),
])
def test_where_nothing_can_be_written(url: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        predict_store(Image(picture(20, 20)), network(), url).result()
    with pytest.raises(UserError, match="Save to this computer"):
        io.save_mask(url, np.ones((20, 20), np.uint8), classes=network().classes)


def test_the_command_line_writes_to_an_address(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_model(tmp_path / "m.pt", network())
    for number in range(2):
        tifffile.imwrite(tmp_path / f"a{number}.tif", picture(40, 50 + number), photometric="minisblack")
    words = ["predict", str(tmp_path / "a*.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "-o"]
    assert main([*words, f"{place}/out/"]) == 0
    assert f"{place}/out/a1_mask.ome.zarr" in capsys.readouterr().out
    assert io.read_labels(f"{place}/out/a1_mask.ome.zarr")[0].shape == (40, 51)
    root = place.removeprefix("memory:/")
    for number in range(2):
        fsspec.filesystem("memory").pipe_file(f"{root}/b{number}.tif", (tmp_path / f"a{number}.tif").read_bytes())
    far = [words[0], f"{place}/b*.tif", *words[2:]]
    assert main([*far, str(tmp_path / "here")]) == 0
    assert sorted(one.name for one in (tmp_path / "here").glob("*.tif")) == ["b0_mask.tif", "b1_mask.tif"]
    assert main([words[0], f"{place}/c*.tif", *words[2:], str(tmp_path / "here")]) == 1
    assert "Nothing matches memory://" in capsys.readouterr().err
    assert main([*words, f"{place}/one.zarr"]) == 2
    assert "2 images cannot go into the one" in capsys.readouterr().err
    assert main([*words, f"{place}/out", "--objects", "o.tif"]) == 2
    assert "the objects of 2 images cannot go into one file" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "here"), "--objects", f"{place}/o.zarr"]) == 2
    assert "--objects go to an address only where the masks do" in capsys.readouterr().err
    assert main([*words, f"{place}/both", "--objects", str(tmp_path / "objects")]) == 0
    assert sorted(one.name for one in (tmp_path / "objects").iterdir() if one.suffix == ".tif") == [
        "a0_objects.tif", "a1_objects.tif"]
    assert main([*words, f"{place}/more", "--objects", f"{place}/more"]) == 0
    np.testing.assert_array_equal(io.read_labels(f"{place}/more/a1_objects.ome.zarr")[0],
                                  tifffile.imread(tmp_path / "objects" / "a1_objects.tif"))
    assert main(["objects", f"{place}/more/a1_mask.ome.zarr", "-o", f"{place}/again.zarr", "--table",
                 str(tmp_path / "t.csv")]) == 0
    assert io.read_labels(f"{place}/again.zarr")[0].max() == len((tmp_path / "t.csv").read_text().splitlines()) - 1
    assert main(["objects", f"{place}/more/a1_mask.ome.zarr", "-o", f"{place}/again.tif"]) == 1
    assert "at an address only OME-Zarr is" in capsys.readouterr().err
    assert main([*words, "https://host/x"]) == 1
    assert "nothing can be written to https://" in capsys.readouterr().err


def test_a_network_that_fails_midway_keeps_what_is_done(
    place: str, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, url = Image(picture(2, 150, 133), "NYX"), f"{place}/m.zarr"
    run = predict_store(image, network(), url, format=FORMAT, engine=ONE)
    next(run)
    from zarr.storage import FsspecStore

    async def down(*_: Any, **__: Any) -> None:
        raise ConnectionError("Cannot connect to host")

    with monkeypatch.context() as patched:
        patched.setattr(FsspecStore, "set", down)
        with pytest.raises(UserError, match=r"block at .*Y=.*could not be written: the network or the server does not"):
            run.result()
    events = list(predict_store(image, network(), url, format=FORMAT))
    assert events[0].before >= 1
    np.testing.assert_array_equal(io.read_labels(url)[0], to_mask(assemble(image, network().segment(image))))


@pytest.mark.parametrize("by_tile", [False, True])
def test_a_tiff_at_an_address(place: str, by_tile: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_tile:
        monkeypatch.setattr(_far_file, "COPIED", 1000)
    data = picture(3, 100, 120)
    tifffile.imwrite(tmp_path / "a b.ome.tif", data, tile=(32, 32), compression="zlib", photometric="minisblack",
                     metadata={"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5,
                               "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 2, "PhysicalSizeZUnit": "µm"})
    files = fsspec.filesystem("memory")
    root = place.removeprefix("memory:/")
    files.pipe_file(f"{root}/a b.ome.tif", (tmp_path / "a b.ome.tif").read_bytes())
    image = io.read_image(f"{place}/a b.ome.tif")
    assert (image.axes, image.scale, image.unit, image.name) == ("ZYX", (2, 0.5, 0.5), "micrometer", "a b")
    np.testing.assert_array_equal(image.plane(1)[0], data[1])
    assert bool(getattr(image.data, "is_far", False)) is by_tile
    files.pipe_file(f"{root}/torn.tif", (tmp_path / "a b.ome.tif").read_bytes()[:3000])
    with pytest.raises(UserError, match=r"memory://.*torn.tif"):
        io.read_image(f"{place}/torn.tif").plane(0)
    with pytest.raises(UserError, match="nothing is there"):
        io.read_image(f"{place}/none.tif")


def test_pictures_and_masks_at_an_address(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = picture(20, 30)
    Pillow.fromarray(data).save(tmp_path / "p.png")
    np.save(tmp_path / "n.npy", data)
    root = place.removeprefix("memory:/")
    for name in ("p.png", "n.npy"):
        fsspec.filesystem("memory").pipe_file(f"{root}/{name}", (tmp_path / name).read_bytes())
        np.testing.assert_array_equal(io.read_image(f"{place}/{name}").plane(0)[0], data)
    monkeypatch.setattr(_far_file, "COPIED", 10)
    with pytest.raises(UserError, match="copy the file to this computer"):
        io.read_image(f"{place}/p.png")


def test_an_address_that_is_gone_while_objects_are_found_is_said_once(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = ObjectScratch(f"{place}/o.zarr", (20, 20), (10, 10), {})
    scratch._files.write("1.npz", b"")

    def gone(*_: Any, **__: Any) -> None:
        raise LookupError("EndpointConnectionError: could not connect")  # no OSError, as of botocore

    where = (slice(0, 10), slice(0, 10))
    with monkeypatch.context() as patched:
        for name in ("pipe_file", "cat_file", "exists", "rm"):
            patched.setattr(fsspec.filesystem("memory"), name, gone)
        for call in (lambda: scratch.put(0, where, np.ones((10, 10), np.uint32), {}), lambda: scratch.known(1, "a")):
            with pytest.raises(UserError, match="the server does not answer"):
                call()
        scratch.release()
