"""On the command line, the place of an image reaches its masks and probabilities, and masks go into images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from cli_scene import files, run  # noqa: F401 (a fixture)
from ome_zarr_scene import VERSIONS

from napari_unet import io
from napari_unet.core.geometry import Geometry

PLACE = Geometry("TYX", (30.0, 0.5, 0.25), "micrometer", (5.0, 10.0, 20.0), "second")


def placed(path: Path, images: Path, version: str = "0.4") -> Path:
    """Write the planes of a TIFF as an OME-Zarr image that lies somewhere."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", data=tifffile.imread(images))
    axes = [{"name": "t", "type": "time", "unit": "second"},
            *({"name": name, "type": "space", "unit": "micrometer"} for name in "yx")]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [
        {"type": "scale", "scale": PLACE.scale}, {"type": "translation", "translation": PLACE.translate}]}]}
    group.attrs.update({"multiscales": [{"version": "0.4", **image}]} if version == "0.4"
                       else {"ome": {"version": "0.5", "multiscales": [image]}})
    return path


@pytest.mark.parametrize("ending", [".tif", ".ome.zarr"])
def test_the_place_reaches_mask_and_probabilities(files: Path, tmp_path: Path, ending: str) -> None:
    image = placed(tmp_path / "i.ome.zarr", files / "images.tif")
    for name in (f"m{ending}", f"some{ending}"):
        more = ["--index", "2,0"] if name.startswith("some") else []
        assert run("predict", image, "--model", files / "model.pt", "-o", tmp_path / name,
                   "--probabilities", tmp_path / f"p_{name}", *more) == 0
    assert io.read_image(tmp_path / f"m{ending}").geometry == PLACE
    whole = io.read_image(tmp_path / f"p_m{ending}")
    assert (whole.geometry, whole.n_channels) == (PLACE, 2)
    some = io.read_image(tmp_path / f"some{ending}").geometry
    assert (some.scale, some.translate) == ((1, 0.5, 0.25), (0, 10, 20))


@pytest.mark.parametrize("version", VERSIONS)
def test_predict_into_the_image(
    files: Path, tmp_path: Path, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    image = placed(tmp_path / "i.ome.zarr", files / "images.tif", version)
    before = {one: one.read_bytes() for one in image.rglob("*") if one.is_file()}
    words = ["predict", image, "--model", files / "model.pt", "-o"]
    assert run(*words, image / "labels" / "cells") == 0
    assert run(*words, tmp_path / "alone.tif") == 0
    assert capsys.readouterr().out.splitlines() == [str(image / "labels" / "cells"), str(tmp_path / "alone.tif")]
    assert {one: one.read_bytes() for one in before} == before
    inside = io.read_labels(image / "labels" / "cells")
    np.testing.assert_array_equal(inside[0], tifffile.imread(tmp_path / "alone.tif"))
    assert io.read_image(image / "labels" / "cells").geometry == PLACE
    assert run(*words, image / "labels" / "cells") == 1
    assert "exists already. Add --overwrite" in capsys.readouterr().err
    assert run(*words, image / "labels" / "cells", "--overwrite") == 0
    assert run(*words, image / "labels" / "some", "--index", "0,1") == 1
    assert "do not fit the image" in capsys.readouterr().err
    # labels of the image are found for scoring
    assert run("score", image / "labels" / "cells", tmp_path / "alone.tif") == 0
