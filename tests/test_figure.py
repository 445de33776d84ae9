"""The figure of a comparison."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from report_scene import CASES, TWO, comparison_of, noise, picture, row

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.report.figure import DPI, WIDTH, draw
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.plane_choice import DETAIL, planes_to_show
from napari_unet.report.summary import summarise


@pytest.mark.parametrize("name", CASES)
def test_a_figure_of_every_kind_of_image(name, tmp_path):
    draw(CASES[name], tmp_path / "figure.png")
    pixels = picture(tmp_path / "figure.png")
    assert pixels.shape[1] == WIDTH * DPI
    assert 150 < pixels.shape[0] < 4000
    assert (pixels[:, -5:] == 255).all(), "nothing runs out of the paper"
    assert (pixels != 255).any(axis=2).mean() > 0.01, "and it is not empty"


def test_results_are_shown_in_the_colours_of_their_classes(tmp_path):
    made = comparison_of([Image(np.zeros((32, 32), np.uint8))])
    draw(made, tmp_path / "figure.png")
    pixels = picture(tmp_path / "figure.png").reshape(-1, 3)
    for number in (1, 2):  # strokes are opaque; of a result only the outline
        colour = np.array([int(TWO.color(number)[at : at + 2], 16) for at in (1, 3, 5)])
        assert (np.abs(pixels.astype(int) - colour).max(axis=1) <= 2).sum() > 100
    filled = np.round(0.45 * np.array([int(TWO.color(2)[at : at + 2], 16) for at in (1, 3, 5)]))
    assert (np.abs(pixels - filled).max(axis=1) <= 2).sum() > 1000


def test_drawing_changes_neither_images_nor_the_state_of_matplotlib(tmp_path):
    import matplotlib

    before, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
    data = noise(32, 32)
    data.flags.writeable = False
    draw(comparison_of([Image(data)]), tmp_path / "figure.png")
    assert dict(matplotlib.rcParams) == before
    assert matplotlib.get_backend() == backend


def test_planes_that_were_segmented_and_scored_are_shown_before_painted_ones():
    made = comparison_of([Image(noise(5, 32, 32), "ZYX")])  # painted: plane 0
    only = {method: (np.where(np.arange(5)[:, None, None] >= 3, labels, 0).astype(np.uint8),)
            for method, (labels,) in made.masks.items()}
    chosen = planes_to_show(dataclasses.replace(made, masks=only))
    assert [(one.number, one.plane, one.strokes_plane) for one in chosen] == [(0, 3, 0), (0, 4, 0)]
    assert [(one.plane, one.strokes_plane) for one in planes_to_show(made, [(0, 2), (0, 0)])] == [(2, 0), (0, 0)]


def test_of_a_large_plane_the_part_with_most_borders_is_shown():
    image = Image(np.zeros((1400, 2000), np.uint8))
    made = comparison_of([image], methods=())
    truth = np.ones(image.shape, np.uint8)
    truth[1300:1310:2, 1900:1990] = 2
    (one,) = planes_to_show(dataclasses.replace(made, references=(truth,)))
    rows, columns = one.box
    assert (rows.stop - rows.start, columns.stop - columns.start) == (DETAIL, DETAIL)
    assert rows.start <= 1300
    assert rows.stop >= 1310
    assert columns.start <= 1900
    assert columns.stop >= 1990


def test_the_folder_holds_table_figure_and_masks_of_the_planes_segmented(tmp_path):
    import tifffile

    image = Image(noise(3, 24, 20), "ZYX", scale=(0.5, 0.1, 0.1), unit="micrometer")
    made = dataclasses.replace(comparison_of([image]), planes=((0, 2),))
    folder = ComparisonFolder(tmp_path / "out")
    folder.save(made)
    there = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert there == ["figure.png", "masks/threshold.tif", "masks/unet.tif", "methods.txt", "provenance.json",
                     "report.html", "table.csv"]
    mask = tifffile.imread(tmp_path / "out" / "masks" / "unet.tif")
    np.testing.assert_array_equal(mask, made.masks["unet"][0][[0, 2]] - 1)
    with pytest.raises(UserError, match="holds results already"):
        ComparisonFolder(tmp_path / "out")
    ComparisonFolder(tmp_path / "out", overwrite=True).save(made)


def test_seconds_are_never_nan():
    assert math.isclose(summarise([row(value=0.0, class_id=None, plane=None, metric="seconds", unit="s")])
                        .get("a", "seconds"), 0.0)
