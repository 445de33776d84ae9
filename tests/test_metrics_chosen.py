"""Choosing metrics and giving a scale, from rows up to tables, the Python verb and the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_unet
from napari_unet.cli import main
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.rows import Row
from napari_unet.io import save_mask
from napari_unet.metrics import Options, about, chosen_metrics, ordered
from napari_unet.metrics.scoring import NEEDS_DENSE, score_pair, score_volume
from napari_unet.report.table import format_text, summarise

TWO = ClassTable.default()


@pytest.fixture(scope="module")
def stacks() -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a reference (3, 12, 16) of painted ids: a square, found two columns further right."""
    reference, prediction = np.ones((2, 3, 12, 16), np.uint8)
    reference[:, 3:8, 3:8] = prediction[:, 3:8, 5:10] = 2
    return prediction, reference


def scored(stacks: tuple[np.ndarray, np.ndarray], **options) -> list[Row]:
    return list(score_pair(*stacks, TWO, method="m", image_name="i", **options))


def test_only_what_was_chosen_is_judged_in_the_order_of_tables(stacks):
    rows = scored(stacks, metrics=["objects", "hausdorff", "dice"])
    assert [row.metric for row in rows if row.plane == 1] == [
        "dice", "hausdorff", "panoptic_quality", "object_f1", "object_iou", "average_precision", "average_precision_50",
        "object_count", "object_count_reference", "object_count_error", "object_splits", "object_merges",
        "objects_missed", "objects_invented"]
    assert {row.metric for row in scored(stacks)} == {name for name in chosen_metrics() if 2 in about(name).dimensions}
    with pytest.raises(UsageError, match="no metric or family of metrics called 'edges'"):
        scored(stacks, metrics=["edges"])


def test_distances_are_in_the_unit_of_the_image(stacks):
    found = {row.metric: row for row in scored(stacks, metrics=["boundary"], scale=(5, 0.5, 0.25), unit="micrometer")}
    assert (found["hausdorff"].value, found["hausdorff"].unit) == (pytest.approx(0.5), "micrometer")
    assert found["surface_dice"].unit == ""
    pixels = {row.metric: row for row in scored(stacks, metrics=["boundary"])}
    assert (pixels["hausdorff"].value, pixels["hausdorff"].unit) == (2, "px")


def test_options_reach_the_metrics(stacks):
    def surface_dice(tolerance: float) -> float:
        options = Options(tolerance=tolerance)
        return scored(stacks, metrics=["surface_dice"], options=options, planes=[0])[0].value

    assert surface_dice(2) == 1
    assert surface_dice(0.5) < surface_dice(1) < 1


def test_a_volume_is_judged_by_all_that_was_asked_for(stacks):
    common = {"method": "m", "image_name": "i"}
    rows = list(score_volume(*stacks, TWO, metrics=["all"], scale=(9, 1, 1), **common))
    assert [row.metric for row in rows] == [name for name in ordered() if 3 in about(name).dimensions]
    assert {row.plane for row in rows} == {None}
    assert {row.metric for row in rows if row.value is None} == {"object_iou"}, "IoU 3 of 7: no object was found"
    by_default = {row.metric for row in score_volume(*stacks, TWO, **common)}
    assert {about(name).family for name in by_default} == {"topology"}


def test_strokes_have_no_outlines_and_no_objects(stacks):
    rows = scored(stacks, metrics=["all"], pixel_only=True, planes=[0])
    for row in rows:
        if about(row.metric).family == "overlap":
            assert row.value is not None
        else:
            assert (row.value, row.note) == (None, NEEDS_DENSE)


def test_tables_name_the_unit_and_do_not_mix_two():
    def row(image: str, unit: str, metric: str = "hausdorff") -> Row:
        return Row("m", image, 0, 2, "cell", metric, 3.0, unit)

    assert "Hausdorff (micrometer)" in format_text(summarise([row("a", "micrometer"), row("b", "micrometer")]))
    mixed = summarise([row("a", "micrometer"), row("b", "px"), row("a", "", "dice")])
    assert mixed.get("m", "hausdorff", 2) is None
    assert mixed.get("m", "dice", 2) == 3
    assert "the images have different units" in format_text(mixed)


def test_masks_of_nearly_the_same_dice_are_told_apart_by_topology():
    """What the picture of Dice against topology error shows: equal overlap hides specks and holes."""
    from scipy import ndimage

    rows, columns = np.mgrid[:96, :96]
    truth = (rows % 32 - 16) ** 2 + (columns % 32 - 16) ** 2 < 11**2  # nine discs
    ring = ndimage.binary_dilation(truth) & ~truth
    grid = (rows % 3 == 0) & (columns % 3 == 0)
    core = ndimage.binary_erosion(truth, np.ones((3, 3)))
    count = 120
    masks = {"wider": truth.copy(), "specks": truth.copy(), "holes": truth.copy()}
    masks["wider"][tuple(np.argwhere(ring)[:count].T)] = True
    outside = grid & ~ndimage.binary_dilation(truth, np.ones((5, 5)))
    masks["specks"][tuple(np.argwhere(outside)[:count].T)] = True
    masks["holes"][tuple(np.argwhere(core & grid)[:count].T)] = False
    reference = np.where(truth, 2, 1).astype(np.uint8)
    found = [row for name, mask in masks.items() for row in score_pair(
        np.where(mask, 2, 1).astype(np.uint8), reference, TWO, method=name, image_name="i",
        metrics=["dice", "components", "holes", "betti_error", "betti_matching_error"])]
    summary = summarise(found)
    dice = [summary.get(name, "dice", 2) for name in masks]
    assert max(dice) - min(dice) < 0.005
    assert [summary.get(name, "components", 2) for name in masks] == [9, 9 + count, 9]
    assert [summary.get(name, "holes", 2) for name in masks] == [0, 0, count]
    for metric in ("betti_error", "betti_matching_error"):
        assert [summary.get(name, metric, 2) for name in masks] == [0, count, count]


def test_tables_show_a_table_of_everything(stacks):
    text = format_text(summarise(scored(stacks, metrics=["all"], volume=True)), markdown=True)
    assert "HD95 (px)" in text
    assert "panoptic quality" in text


def test_score_reads_the_scale_from_the_files(stacks, tmp_path: Path):
    prediction, reference = stacks
    save_mask(tmp_path / "truth.tif", reference, classes=TWO, axes="ZYX", scale=(2.0, 0.5, 0.5), unit="micrometer")
    for given, known in ((prediction - 1, tmp_path / "truth.tif"), (tmp_path / "truth.tif", prediction - 1)):
        rows = napari_unet.score(given, known, metrics=["hausdorff"], volume=True).result()
        assert [(row.plane, row.value, row.unit) for row in rows] == [
            (plane, pytest.approx(1), "micrometer") for plane in (0, 1, 2, None)]
    rows = napari_unet.score(prediction - 1, tmp_path / "truth.tif", metrics=["hausdorff"], scale=(3, 3), unit="nm",
                             index=[0]).result()
    assert [(row.value, row.unit) for row in rows] == [(6, "nm")]
    rows = napari_unet.score(prediction - 1, reference - 1, metrics=["surface_dice"], settings={"tolerance": 0.5},
                             index=[0]).result()
    assert rows[0].value < 1
    with pytest.raises(UserError, match=r"A scale of \(3\.0, 3\.0\) does not fit arrays of shape \(3, 12, 16\)"):
        napari_unet.score(prediction - 1, reference - 1, metrics=["hausdorff"], scale=(3, 3), volume=True).result()


def test_the_command_line_takes_metrics_and_settings(stacks, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, labels in zip(("prediction", "truth"), stacks, strict=True):
        save_mask(tmp_path / f"{name}.tif", labels, classes=TWO, axes="ZYX")
    files = [str(tmp_path / "prediction.tif"), str(tmp_path / "truth.tif")]
    assert main(["score", *files, "--metrics", "dice,boundary", "--scale", "0.5", "--unit", "micrometer",
                 "--set", "tolerance=0.4"]) == 0
    shown = capsys.readouterr().out
    assert "HD95 (micrometer)" in shown
    assert "parts" not in shown
    assert main(["score", *files, "--metrics", "hausdorff", "--volume", "--scale", "3,1,1"]) == 0
    assert "whole volume" in capsys.readouterr().out
    for wrong, message in ((["--metrics", "edges"], "called 'edges'. Allowed: default, all"),
                           (["--set", "tolerance=-1"], "tolerance cannot be -1"),
                           (["--set", "width=3"], "has no parameter 'width'. Allowed: tolerance, patch"),
                           (["--scale", "1,2,3,4"], "'1,2,3,4' is not the size of a pixel"),
                           (["--csv", "t.xlsx"], "'t.xlsx' ends in '.xlsx', but tables are written as CSV")):
        assert main(["score", *files, *wrong]) != 0
        assert message in capsys.readouterr().err
