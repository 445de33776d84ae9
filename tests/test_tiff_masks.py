"""Masks, previews and probabilities saved as TIFF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from tiff_scene import RNG, fetch, painted

from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UsageError, UserError

CLASSES = ClassTable.named({1: "background", 2: "Zellkörper", 4: "axon"})
SHAPES = [
    ("YX", (8, 9)), ("NYX", (3, 8, 9)), ("ZYX", (4, 8, 9)), ("NYX", (1, 8, 9)), ("TZYX", (2, 3, 8, 9)),
    ("ZTYX", (2, 3, 8, 9)), ("NTZYX", (2, 3, 4, 8, 9)), ("YX", (1, 9)), ("YX", (1, 1)), ("NTZPYX", (2, 2, 2, 2, 8, 9)),
]


@pytest.mark.parametrize("compression", ["zlib", "none"])
@pytest.mark.parametrize("code", ["mask", "painted"])
@pytest.mark.parametrize(("axes", "shape"), SHAPES)
def test_masks_come_back(tmp_path: Path, axes: str, shape: tuple[int, ...], code: io.Code, compression: str) -> None:
    steps = tuple(0.5 * (number + 1) for number in range(len(shape)))
    ids = painted(*shape)
    expected = to_mask(ids) if code == "mask" else ids
    path = io.save_mask(tmp_path / "m.tif", ids, classes=CLASSES, axes=axes, scale=steps, unit="micrometer",
                        code=code, compression=compression)
    labels, classes = io.read_labels(path, axes)
    np.testing.assert_array_equal(labels, expected)
    assert classes == CLASSES
    without_ones, _ = io.read_labels(path)
    keep = [size for letter, size in zip(axes, shape, strict=True) if size > 1 or letter in "YX"]
    np.testing.assert_array_equal(without_ones, expected.reshape(keep))
    image = io.read_image(path)
    known = dict(zip(axes, steps, strict=True))
    assert image.scale[-2:] == pytest.approx(steps[-2:])
    if "Z" in image.axes and len(axes) < 6:
        assert image.scale[image.label_axes.index("Z")] == pytest.approx(known["Z"])
    assert image.unit == "micrometer"


def test_what_fiji_finds(tmp_path: Path) -> None:
    """The words of ImageJ's description, its axes, resolution and Info."""
    ids = painted(2, 3, 8, 9)
    path = io.save_mask(tmp_path / "m.tif", ids, classes=CLASSES, axes="TZYX", scale=(1, 0.3, 0.2, 0.1), unit="µm")
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_imagej
        assert not tiff.is_bigtiff
        metadata, page = tiff.imagej_metadata, tiff.pages.first
        assert metadata is not None
        assert {key: metadata[key] for key in ("frames", "slices", "hyperstack", "unit")} == {
            "frames": 2, "slices": 3, "hyperstack": True, "unit": "um",
        }
        assert metadata["spacing"] == pytest.approx(0.3)
        assert (metadata["min"], metadata["max"]) == (0, 3)  # shown from black to white
        assert metadata["Info"].splitlines()[:3] == [
            "values: 0 = background", "1: Zellkörper (#e69f00)", "3: axon (#cc79a7)",
        ]
        across, down = (page.tags[name].value for name in ("XResolution", "YResolution"))
        assert across[0] / across[1] == pytest.approx(10)
        assert down[0] / down[1] == pytest.approx(5)
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert tiff.series[0].axes == "TZYX"
        assert tiff.asarray().dtype == np.uint8
        np.testing.assert_array_equal(tiff.asarray(), to_mask(ids))


def test_the_preview_shows_every_class(tmp_path: Path) -> None:
    ids = painted(3, 8, 9)
    two = ClassTable.named({1: "background", 2: "nucleus"})
    io.save_mask(tmp_path / "m.tif", np.minimum(ids, 2), classes=two, preview=True)
    preview = tifffile.imread(tmp_path / "m_preview.tif")
    np.testing.assert_array_equal(preview, np.where(ids >= 2, 255, 0))
    io.save_mask(tmp_path / "m.zarr", ids, classes=CLASSES, preview=True, overwrite=True)
    np.testing.assert_array_equal(np.unique(tifffile.imread(tmp_path / "m_preview.tif")), [0, 85, 255])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.tif", "m.zarr", "m_preview.tif"]


def test_patches_may_come_one_by_one(tmp_path: Path) -> None:
    ids = painted(2, 8, 9)
    with io.create_mask(tmp_path / "m.tif", (2, 8, 9), classes=CLASSES, axes="NYX") as out:
        for plane in range(2):
            for y in (slice(0, 5), slice(5, 8)):
                out[plane, y, slice(0, 9)] = ids[plane, y]
        assert not (tmp_path / "m.tif").exists()
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "m.tif"), to_mask(ids))


@pytest.mark.parametrize("planes", [1, 3])
def test_probabilities(tmp_path: Path, planes: int) -> None:
    values = RNG.random((planes, 3, 8, 9), dtype=np.float32)
    with io.create_probabilities(
        tmp_path / "p.tif", values.shape, classes=CLASSES, scale=(9, 0.5, 0.25), unit="nm"
    ) as out:
        for plane in reversed(range(planes)):
            out[plane, :, 0:4] = values[plane, :, 0:4]
            out[plane, :, 4:8] = values[plane, :, 4:8]
    with tifffile.TiffFile(tmp_path / "p.tif") as tiff:
        assert tiff.is_imagej
        assert tiff.series[0].axes == ("ZCYX" if planes > 1 else "CYX")
        assert tiff.asarray().dtype == np.float32
        np.testing.assert_array_equal(tiff.asarray().reshape(values.shape), values)
    contents, _ = io.read_contents(tmp_path / "p.tif")
    assert contents.classes == CLASSES
    assert (contents.scale[-2:], contents.unit) == ((0.5, 0.25), "nanometer")
    io.save_probabilities(tmp_path / "p.tif", values, overwrite=True)
    np.testing.assert_array_equal(fetch(tmp_path / "p.tif", "NCYX"), values)
    with pytest.raises(UserError, match=r"saved as TIFF or OME-Zarr, not as 'p.png'. Allowed: .tif, .tiff, .zarr"):
        io.save_probabilities(tmp_path / "p.png", values)
    with pytest.raises(UserError, match=r"axes N C Y X.*\(3, 8, 9\)"):
        io.save_probabilities(tmp_path / "q.tif", values[0])


def test_wrong_options_are_named(tmp_path: Path) -> None:
    for options, message in (
        ({"quality": 3}, "TIFF has no option 'quality'. Allowed: compression"),
        ({"compression": "jpeg"}, "compression cannot be 'jpeg'. Allowed: one of zlib"),
        ({"code": "instances"}, "cannot be saved as 'instances'. Allowed: mask"),
    ):
        with pytest.raises(UsageError, match=message):
            io.save_mask(tmp_path / "m.tif", painted(3, 3), classes=CLASSES, **options)
    assert not list(tmp_path.iterdir())
