"""Images at an address: read block by block, and what goes wrong is said."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from napari_unet import io
from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import _far_file, read_image
from napari_unet.io._remote_errors import far_read

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; what lies in ``secret`` may not be read, what lies in ``broken`` makes the server fail."""

    def do_GET(self) -> None:
        if "/secret" in self.path:
            self.send_error(403)
        elif "/broken" in self.path:
            self.send_error(500)
        else:
            super().do_GET()

    do_HEAD = do_GET  # the name is that of the library

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_is_read_in_windows(served: tuple[Path, str], version: str) -> None:
    folder, address = served
    data = np.random.default_rng(0).integers(0, 255, (3, 100, 90)).astype(np.uint8)
    place = Image(data, "ZYX", scale=(2, 0.5, 0.5), unit="micrometer")
    io.save_mask(folder / "m.zarr", data + (data == 0), classes=_classes(), geometry=place.geometry, version=version,
                 code="objects", dtype="uint8")
    image = read_image(f"{address}/m.zarr")
    assert (image.axes, image.scale, image.unit) == ("ZYX", (2, 0.5, 0.5), "micrometer")
    np.testing.assert_array_equal(image.window(1, slice(10, 40), slice(5, 80))[0], (data + (data == 0))[1, 10:40, 5:80])
    assert image.data.is_far


def _classes() -> Any:
    from napari_unet.core.classes import ClassTable

    return ClassTable(())


class InRanges(http.server.SimpleHTTPRequestHandler):
    """Serves a folder as most servers do, a part of a file where that is asked for; and what it did."""

    asked: list[str]
    drop: list[bool]

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        if not file.is_file():
            self.send_error(404)
            return
        whole, span = file.read_bytes(), self.headers.get("Range", "")
        self.asked.append(span)
        first, last = 0, len(whole) - 1
        if span:
            begin, _, end = span.removeprefix("bytes=").partition("-")
            first, last = (int(begin), min(int(end or last), last)) if begin else (len(whole) - int(end), last)
        body = whole[first : last + 1]
        self.send_response(206 if span else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(whole)}")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if self.drop else body)
        self.close_connection = bool(self.drop)

    do_HEAD = do_GET  # the name is that of the library

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ranges(tmp_path: Path) -> Iterator[tuple[Path, str, type[InRanges]]]:
    kind = type("Bound", (InRanges,), {"asked": [], "drop": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_address[1]}", kind
    server.shutdown()
    server.server_close()
    thread.join()


def test_of_shards_and_large_files_only_parts_come_and_what_breaks_off_is_said(
    ranges: tuple[Path, str, type[InRanges]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address, server = ranges
    data = np.random.default_rng(0).integers(0, 255, (512, 640)).astype(np.uint8)
    zarr.create_array(str(folder / "s.zarr"), data=data, chunks=(64, 64), shards=(256, 320), dimension_names=("y", "x"))
    image = read_image(f"{address}/s.zarr", "YX")
    np.testing.assert_array_equal(image.window(0, slice(70, 90), slice(330, 350))[0], data[70:90, 330:350])
    assert any(span.startswith("bytes=") for span in server.asked), "parts of a shard"
    tifffile.imwrite(folder / "t.tif", data, tile=(64, 64), compression="zlib", photometric="minisblack")
    monkeypatch.setattr(_far_file, "COPIED", 1000)
    monkeypatch.setattr(_far_file, "_PIECE", 2**14)
    tiff = read_image(f"{address}/t.tif")
    np.testing.assert_array_equal(tiff.window(0, slice(70, 90), slice(330, 350))[0], data[70:90, 330:350])
    server.drop.append(True)
    with pytest.raises(UserError, match=r"s.zarr at Y=256 to 299, X=0 to 19 could not be read"):
        image.window(0, slice(256, 300), slice(0, 20))
    with pytest.raises(UserError, match=r"t.tif at Y=400 to 499, X=0 to 599 could not be read"):
        tiff.window(0, slice(400, 500), slice(0, 600))
    server.drop.clear()
    np.testing.assert_array_equal(image.window(0, slice(256, 300), slice(0, 20))[0], data[256:300, :20])


class LikeS3(http.server.BaseHTTPRequestHandler):
    """As much of S3 as reading needs: objects of one bucket, which lie in a folder, for those with the right key."""

    folder: Path

    def do_GET(self) -> None:
        if "Credential=right/" not in self.headers.get("Authorization", ""):
            self._answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
            return
        file = self.folder / self.path.partition("?")[0].removeprefix("/bucket").lstrip("/")
        if file.is_file():
            self._answer(200, file.read_bytes())
        elif "list-type" in self.path:
            self._answer(200, b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"
                              b"</ListBucketResult>")
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>not found</Message></Error>")

    do_HEAD = do_GET  # the name is that of the library

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    pytest.importorskip("s3fs")
    import fsspec

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (LikeS3,), {"folder": tmp_path}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setitem(fsspec.config.conf, "s3", {
        "endpoint_url": f"http://127.0.0.1:{server.server_address[1]}", "key": "right", "secret": "secret",
        "skip_instance_cache": True})
    yield tmp_path
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_bucket(s3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    data = np.random.default_rng(0).integers(1, 255, (3, 100, 90)).astype(np.uint8)
    io.save_mask(s3 / "m.zarr", data, classes=_classes(), geometry=Image(data, "ZYX").geometry, version="0.5",
                 code="objects", dtype="uint8")
    image = read_image("s3://bucket/m.zarr")
    np.testing.assert_array_equal(image.window(2, slice(10, 40), slice(5, 80))[0], data[2, 10:40, 5:80])
    with pytest.raises(UserError, match="could not be read"):
        read_image("s3://bucket/n.zarr")
    monkeypatch.setitem(fsspec.config.conf["s3"], "key", "wrong")
    with pytest.raises(UserError, match="no right to"):
        read_image("s3://bucket/m.zarr")


@pytest.mark.parametrize(("path", "said"), [
    ("missing.zarr", "nothing is there|no OME-Zarr"), ("secret.zarr", "no right to"), ("broken.zarr", "not be read")])
def test_what_is_missing_or_forbidden_is_said(served: tuple[Path, str], path: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_image(f"{served[1]}/{path}")


def test_a_server_that_is_not_there(served: tuple[Path, str]) -> None:
    with pytest.raises(UserError, match="could not be read"):
        read_image("http://127.0.0.1:9/m.zarr")


@pytest.mark.parametrize(("error", "said"), [
    (PermissionError("Access Denied"), "no right to"), (FileNotFoundError("x"), "nothing is there"),
    (TimeoutError(), "does not answer"), (RuntimeError("Unable to locate credentials"), "no right to"),
    (ImportError("Install s3fs to access S3"), r"napari-unet-live\[remote\]"), (ValueError("odd"), "no OME-Zarr")])
def test_errors_are_about_rights_addresses_or_the_network(error: Exception, said: str) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(UserError, match=said):
        far_read(fails, "s3://bucket/x.zarr")


def test_a_drive_is_no_address() -> None:
    assert is_url("s3://bucket/x")
    assert not any(map(is_url, ("C:\\x.tif", "C://x.tif", "/x.tif", "x.tif", "://x")))


