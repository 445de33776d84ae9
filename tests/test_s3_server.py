"""Images read from, masks and objects written to a server that speaks S3 (moto's), without a network."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_block_runs import FORMAT, ONE, network, picture, small  # noqa: F401 (a fixture)
from test_objects_by_blocks import TABLE, discs

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.classes import to_mask
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.io import _far_lock
from napari_unet.io.model_file import load_model, save_model
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.workflows import block_search
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_store import objects_to_store
from napari_unet.workflows.store_run import predict_store

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
moto_server = pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto_server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def files(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of the server, with the buckets ``images`` and ``masks``, and ``closed`` that nobody may read."""
    monkeypatch.setattr(_far_lock, "PAUSE", 0.0)
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": address, "key": "mine", "secret": "mine"})
    found = fsspec.filesystem("s3")
    for name in ("images", "masks", "closed"):
        found.mkdir(name)
    found.pipe_file("closed/x.ome.zarr/.zattrs", b"{}")
    found.call_s3("put_bucket_policy", Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::closed/*"]}]}))
    yield found
    found.call_s3("delete_bucket_policy", Bucket="closed")
    for name in ("images", "masks", "closed"):
        found.rm(name, recursive=True)


def uploaded(files: Any, folder: Path, data: np.ndarray, version: str) -> str:
    """Put an OME-Zarr image into the bucket and return its address."""
    image = Image(data, "ZYX", scale=(2, 0.5, 0.5), unit="micrometer")
    io.save_mask(folder / "x.ome.zarr", data, classes=TABLE, geometry=image.geometry, version=version, code="objects",
                 dtype="uint8")
    files.put(str(folder / "x.ome.zarr"), "images/x.ome.zarr", recursive=True)
    return "s3://images/x.ome.zarr"


def test_the_command_line_predicts_from_a_bucket_into_a_bucket(
    files: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = uploaded(files, tmp_path, picture(2, 40, 50), "0.4")
    save_model(tmp_path / "m.pt", network())
    words = ["predict", url, "--model", str(tmp_path / "m.pt"), "--device", "cpu", "-o", "s3://masks/x.ome.zarr"]
    assert main([*words, "--objects", "s3://masks/found.ome.zarr", "--way", "parts", "--zarr-version", "0.5"]) == 0
    assert capsys.readouterr().out.splitlines() == ["s3://masks/x.ome.zarr", "s3://masks/found.ome.zarr"]
    image = io.read_image(url)
    assert (image.axes, image.scale, image.unit) == ("ZYX", (2, 0.5, 0.5), "micrometer")
    model = load_model(tmp_path / "m.pt", device="cpu")
    expected = assemble(image, model.segment(image))
    np.testing.assert_array_equal(io.read_labels("s3://masks/x.ome.zarr")[0], to_mask(expected))
    io.save_mask(tmp_path / "m.zarr", expected, classes=model.classes, geometry=image.geometry)
    objects_to_store(open_class_store(tmp_path / "m.zarr"), tmp_path / "o.zarr", ObjectSearch("parts")).result()
    found = io.read_labels("s3://masks/found.ome.zarr")[0]
    np.testing.assert_array_equal(found, io.read_labels(tmp_path / "o.zarr")[0])
    assert {one.split("/")[1] for one in files.find("masks")} == {
        "x.ome.zarr", "x.ome.zarr.provenance.json", "found.ome.zarr", "found.ome.zarr.provenance.json"}
    before = {one: files.cat_file(one) for one in files.find("masks")}
    again = [*words, "--objects", "s3://masks/found.ome.zarr", "--way", "parts", "--zarr-version", "0.5", "--resume"]
    assert main(again) == 0
    assert "1 of 1 are there already" in capsys.readouterr().err
    assert main([*again, "--painted-ids"]) == 1
    assert "other painted ids (False then, True now)" in capsys.readouterr().err
    assert {one: files.cat_file(one) for one in files.find("masks")} == before
    files.rm("masks/found.ome.zarr", recursive=True)
    assert main(again) == 0, "only the objects are made again"
    assert {one: files.cat_file(one) for one in files.find("masks/x.ome.zarr")} == {
        one: content for one, content in before.items() if one.startswith("masks/x.ome.zarr/")}
    np.testing.assert_array_equal(io.read_labels("s3://masks/found.ome.zarr")[0], found)
    assert main([*words, "--objects", "s3://masks/more.ome.zarr"]) == 1
    assert "napari-unet objects s3://masks/x.ome.zarr -o s3://masks/more.ome.zarr" in capsys.readouterr().err


def test_a_run_that_is_ended_in_a_bucket_goes_on_with_the_same_bytes(files: Any, tmp_path: Path, small: None) -> None:
    image, model = Image(picture(70, 90)), network()
    run = predict_store(image, model, "s3://masks/m.zarr", format=FORMAT, engine=ONE)
    assert next(run).done == 1
    run.close()
    first, *_ = predict_store(image, model, "s3://masks/m.zarr", format=FORMAT, engine=ONE)
    assert first.before >= 1
    local = predict_store(image, model, tmp_path / "m.zarr", format=FORMAT).result()
    here = {str(one.relative_to(local)): one.read_bytes() for one in local.rglob("*") if one.is_file()}
    assert {path.partition("m.zarr/")[2]: files.cat_file(path) for path in files.find("masks/m.zarr")} == here


def test_objects_in_a_bucket_are_found_in_two_goes_and_replaced_only_if_asked(
    files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    path = io.save_mask(tmp_path / "m.tif", discs((30, 70)), classes=TABLE)
    given, search = open_class_store(path), ObjectSearch("parts")
    whole = objects_to_store(given, tmp_path / "o.zarr", search, format=FORMAT).result()
    run = objects_to_store(given, "s3://masks/o.zarr", search, format=FORMAT)
    assert [next(run).done, next(run).done] == [1, 2]
    with pytest.raises(UserError, match=r"Another run is writing s3://masks/o.zarr"):
        next(objects_to_store(given, "s3://masks/o.zarr", search, format=FORMAT))
    run.close()
    first, *_ = again = list(work := objects_to_store(given, "s3://masks/o.zarr", search, format=FORMAT))
    assert first.before == 2
    assert again[-1].done
    assert work.result().count_of(2) == whole.count_of(2) > 0
    np.testing.assert_array_equal(io.read_labels("s3://masks/o.zarr")[0], io.read_labels(tmp_path / "o.zarr")[0])
    assert not [one for one in files.find("masks") if "/." in one.partition("o.zarr")[0]], "nothing unfinished is left"
    with pytest.raises(UserError, match="exists already and is not overwritten"):
        next(objects_to_store(given, "s3://masks/o.zarr", search, format=FORMAT))
    made = objects_to_store(given, "s3://masks/o.zarr", ObjectSearch("parts", {"smallest": 10_000}), overwrite=True,
                            format=FORMAT).result()
    assert made.count_of(2) == 0
    assert not io.read_labels("s3://masks/o.zarr")[0].any()


@pytest.mark.parametrize(("image", "mask", "said"), [
    ("s3://nowhere/x.ome.zarr", "s3://masks/x.ome.zarr", "s3://nowhere/x.ome.zarr could not be read: nothing is there"),
    ("s3://closed/x.ome.zarr", "s3://masks/x.ome.zarr", "s3://closed/x.ome.zarr could not be read: you have no right"),
    ("a.tif", "s3://nowhere/x.ome.zarr", "s3://nowhere/x.ome.zarr could not be written: nothing is there"),
    ("a.tif", "s3://closed/y.ome.zarr", "s3://closed/y.ome.zarr could not be read: you have no right"),
])
def test_wrong_buckets_and_missing_rights_are_said(
    image: str, mask: str, said: str, files: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "m.pt", network())
    io.save_mask(tmp_path / "a.tif", discs((40, 50)), classes=TABLE)
    source = image if "://" in image else str(tmp_path / image)
    assert main(["predict", source, "--model", str(tmp_path / "m.pt"), "--device", "cpu", "-o", mask]) == 1
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
