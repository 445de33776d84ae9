"""Files of other programs: OME-TIFF out, PNG, JPEG, NPY and those of microscopes in, many at once."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from exchange_scene import network_model
from PIL import Image as Pillow

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.io.model_file import save_model
from napari_unet.networks.unet import UNet

CLASSES = ClassTable.named({1: "background", 2: "nucleus", 4: "rim <&>"})


@pytest.mark.parametrize(("axes", "shape"), [("YX", (12, 15)), ("TZYX", (2, 3, 12, 15)), ("NYX", (4, 12, 15)),
                                             ("ZYX", (1, 12, 15))])
def test_ome_tiff_is_valid_and_comes_back(tmp_path: Path, axes: str, shape: tuple[int, ...]) -> None:
    ids = np.random.default_rng(0).choice(np.array([1, 2, 4], np.uint8), shape)
    geometry = Geometry(axes, (0.5,) * len(axes), "micrometer")
    path = io.save_mask(tmp_path / "m.ome.tif", ids, classes=CLASSES, geometry=geometry)
    labels, classes = io.read_labels(path)
    np.testing.assert_array_equal(labels, (ids - 1).reshape(labels.shape))
    assert classes == CLASSES
    image = io.read_image(path)
    assert (image.scale[-2:], image.unit) == ((0.5, 0.5), "micrometer")
    ome = pytest.importorskip("ome_types")
    told = ome.from_tiff(path)
    pixels = told.images[0].pixels
    assert (pixels.physical_size_x, pixels.physical_size_x_unit.value, pixels.size_y) == (0.5, "µm", 12)
    noted = {one.k: one.value for one in told.structured_annotations.map_annotations[0].value.ms}
    assert (noted["1"], noted["3"]) == ("nucleus (#e69f00)", f"rim <&> ({CLASSES.color(4)})")


def test_units_of_ome_are_those_of_its_schema(tmp_path: Path) -> None:
    for unit, size, theirs in (("nanometer", 40.0, (40.0, "nm")), ("foot", 1.0, (304800.0, "µm"))):
        path = io.save_mask(tmp_path / f"{unit}.ome.tif", np.ones((4, 5), np.uint8), classes=CLASSES,
                            geometry=Geometry("YX", (size, size), unit))
        with tifffile.TiffFile(path) as tiff:
            pixels = tifffile.xml2dict(tiff.ome_metadata or "")["OME"]["Image"]["Pixels"]
        assert (pytest.approx(pixels["PhysicalSizeX"]), pixels["PhysicalSizeXUnit"]) == theirs
    with pytest.raises(UserError, match="three axes of planes"):
        io.save_mask(tmp_path / "m.ome.tif", np.ones((1, 2, 1, 2, 4, 5), np.uint8), classes=CLASSES, axes="NMTZYX")


def test_png_jpeg_and_npy_are_read(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 65535, (9, 14), np.uint16)
    Pillow.fromarray(grey).save(tmp_path / "grey.png")
    colour = np.random.default_rng(1).integers(0, 255, (9, 14, 4), np.uint8)
    Pillow.fromarray(colour).save(tmp_path / "colour.png")
    Pillow.fromarray(colour[..., :3]).save(tmp_path / "colour.jpg", quality=100)
    palette = Pillow.fromarray((grey % 3).astype(np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.save(tmp_path / "classes.png")
    np.save(tmp_path / "stack.npy", np.arange(3 * 9 * 14).reshape(3, 9, 14))
    image = io.read_image(tmp_path / "grey.png")
    np.testing.assert_array_equal(image.data, grey)
    assert (image.name, image.axes) == ("grey", "YX")
    np.testing.assert_array_equal(io.read_image(tmp_path / "colour.png").data, colour[..., :3])
    assert io.read_image(tmp_path / "colour.jpg").n_channels == 3
    np.testing.assert_array_equal(io.read_labels(tmp_path / "classes.png")[0], grey % 3)
    assert io.read_image(tmp_path / "classes.png").n_channels == 3, "an image has the colours of its palette"
    palette.putpalette([value for value in (0, 200, 90) for _ in range(3)])
    palette.save(tmp_path / "greys.png")
    np.testing.assert_array_equal(io.read_image(tmp_path / "greys.png").data, np.array([0, 200, 90])[grey % 3])
    stack = io.read_image(tmp_path / "stack.npy")
    assert (stack.n_planes, float(stack.plane(2)[0, 0, 1])) == (3, 2 * 9 * 14 + 1)
    with pytest.raises(UserError, match="Save labels as PNG"):
        io.read_labels(tmp_path / "colour.jpg")


def test_damaged_and_dangerous_files_are_refused(tmp_path: Path) -> None:
    Pillow.fromarray(np.zeros((50, 50), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    np.save(tmp_path / "a.npy", np.zeros((40, 40)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:500])
    np.save(tmp_path / "objects.npy", np.array([[{}, 1]], object), allow_pickle=True)
    np.save(tmp_path / "line.npy", np.zeros(7))
    for name, words in (("cut.png", "damaged or truncated"), ("cut.npy", "damaged, truncated"),
                        ("objects.npy", "no numbers"), ("line.npy", "no image")):
        with pytest.raises(UserError, match=words):
            io.read_image(tmp_path / name)


def test_files_of_microscopes_go_through_bioio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.arange(3 * 2 * 8 * 9, dtype=np.uint16).reshape(3, 2, 8, 9)
    tifffile.imwrite(tmp_path / "cells.nd2", pixels, imagej=True, metadata={"axes": "ZCYX"})
    (tmp_path / "cells.czi").write_bytes(b"ZISRAWFILE")
    monkeypatch.setitem(sys.modules, "bioio_czi", None)
    with pytest.raises(UserError, match=r'bioio-czi.*pip install "napari-unet-live\[readers\]"'):
        io.read_image(tmp_path / "cells.czi")
    reader: Any = pytest.importorskip("bioio_tifffile")
    monkeypatch.setitem(sys.modules, "bioio_nd2", reader)  # the same interface, and files that can be made here
    with pytest.warns(UserWarning, match="pixel size"):
        image = io.read_image(tmp_path / "cells.nd2")
    assert (image.axes, image.n_planes, image.n_channels, image.name) == ("CZYX", 3, 2, "cells")
    np.testing.assert_array_equal(image.plane(1), pixels[1])
    (tmp_path / "bad.nd2").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"bad.nd2 cannot be read by bioio-nd2"):
        io.read_image(tmp_path / "bad.nd2")


def test_a_real_czi_is_read_with_pixel_size_and_colours(tmp_path: Path) -> None:
    pytest.importorskip("bioio_czi", reason="the reader is not installed")
    writer = pytest.importorskip("pylibCZIrw.czi")
    data = np.random.default_rng(0).integers(0, 65535, (2, 3, 40, 50)).astype(np.uint16)
    with writer.create_czi(str(tmp_path / "a b.czi")) as file:
        for channel, z in np.ndindex(2, 3):
            file.write(data=data[channel, z][..., None], plane={"C": channel, "Z": z})
        file.write_metadata("a b", scale_x=0.5e-6, scale_y=0.5e-6, scale_z=2e-6)
    colours = np.random.default_rng(1).integers(0, 255, (30, 20, 3)).astype(np.uint8)
    with writer.create_czi(str(tmp_path / "c.czi")) as file:
        file.write(data=np.ascontiguousarray(colours[..., ::-1]))  # blue first
    image = io.read_image(tmp_path / "a b.czi")
    assert (image.axes, image.scale, image.unit) == ("CZYX", (2, 0.5, 0.5), "micrometer")
    for z in range(3):
        np.testing.assert_array_equal(image.window(z), data[:, z])
    coloured = io.read_image(tmp_path / "c.czi")
    assert coloured.axes == "YXC"
    np.testing.assert_array_equal(np.asarray(coloured.data), colours)
    (tmp_path / "torn.czi").write_bytes((tmp_path / "a b.czi").read_bytes()[:2000])
    with pytest.raises(UserError, match=r"torn.czi cannot be read by bioio-czi"):
        io.read_image(tmp_path / "torn.czi")


def test_a_folder_is_predicted_and_gone_on_with_into_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "m.pt", network_model(UNet(depth=1, width=2)))
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 255, (40, 30), np.uint8)
        Pillow.fromarray(picture).save(source / f"cells{number}.png")
    (source / "notes.txt").write_text("no image")
    given = ["--model", str(tmp_path / "m.pt"), "-o", str(out), "--device", "cpu"]
    assert main(["predict", str(source / "*[01].png"), *given]) == 0
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*_mask.tif")}
    assert sorted(before) == ["cells0_mask.tif", "cells1_mask.tif"]
    capsys.readouterr()
    table = tmp_path / "counts.csv"
    assert main(["predict", str(source), *given, "--resume", "--counts", str(table)]) == 0
    assert "2 of 3 are there already" in capsys.readouterr().err
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["cells0", "cells1", "cells2"]
    for row in rows:
        mask = tifffile.imread(out / f"{row['image']}_mask.tif")
        assert int(row["pixels"]) == int((mask == 1).sum())
    assert main(["predict", str(source), *given]) == 1, "without --resume nothing is replaced unasked"
    assert main(["predict", str(tmp_path / "none*.tif"), *given]) == 1
    (tmp_path / "empty").mkdir()
    assert main(["predict", str(tmp_path / "empty"), *given]) == 1
    told = capsys.readouterr().err
    assert "No file matches" in told
    assert "holds no image" in told


def test_results_in_the_folder_of_their_images_are_no_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "m.pt", network_model(UNet(depth=1, width=2)))
    folder = tmp_path / "cells"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", np.random.default_rng(0).integers(0, 255, (40, 30), np.uint8))
    tifffile.imwrite(folder / "b.tif", np.zeros((40, 30), np.uint8))
    place = str(folder)
    again = ["predict", place, "--model", str(tmp_path / "m.pt"), "-o", place, "--resume", "--objects", place,
             "--probabilities", place]
    assert [main(again), main(again)] == [0, 0]
    before = (folder / "b_mask.tif").stat().st_mtime_ns
    objects = tifffile.imread(folder / "a_objects.tif")
    others = {one: (folder / f"a_{one}.tif").stat().st_mtime_ns for one in ("mask", "probabilities")}
    (folder / "a_objects.tif").unlink()
    capsys.readouterr()
    assert main(again) == 0, "killed before the objects, say"
    assert "a_mask.tif: there already, only the objects are looked for" in capsys.readouterr().err
    np.testing.assert_array_equal(tifffile.imread(folder / "a_objects.tif"), objects)
    assert {one: (folder / f"a_{one}.tif").stat().st_mtime_ns for one in others} == others
    (folder / "a_probabilities.tif").unlink()
    assert main(again) == 1
    assert "only some results are there" in capsys.readouterr().err
    assert main([*again, "--overwrite"]) == 0
    assert (folder / "b_mask.tif").stat().st_mtime_ns == before
    assert sorted(path.name for path in folder.glob("*.tif")) == sorted(
        f"{name}{what}.tif" for name in "ab" for what in ("", "_mask", "_objects", "_probabilities"))


@pytest.mark.parametrize("more", [["--resume"], []])
def test_only_a_table_of_counts_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
                                                ) -> None:
    save_model(tmp_path / "m.pt", network_model(UNet(depth=1, width=2)))
    np.save(tmp_path / "a.npy", np.zeros((40, 30), np.uint8))
    (own := tmp_path / "mine.csv").write_text("cell,size\n1,20\n")
    given = ["predict", str(tmp_path / "a.npy"), "--model", str(tmp_path / "m.pt"), "-o"]
    assert main([*given, str(tmp_path / "m.tif"), "--counts", str(own), *more]) == 1
    assert "mine.csv exists already" in capsys.readouterr().err
    assert own.read_text() == "cell,size\n1,20\n"
    assert main([*given, str(own.with_suffix(".tif")), "--counts", str(own.with_suffix(".tif")), *more]) == 2
    assert "tables are written as CSV" in capsys.readouterr().err
