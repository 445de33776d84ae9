"""Objects of whole images, found and judged: from Python, in a comparison, and on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_unet
from napari_unet.cli import main
from napari_unet.comparison.object_contest import ObjectContest
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.io import load_objects, provenance_path, save_mask, save_objects, save_probabilities
from napari_unet.objects.image_objects import ObjectSearch, object_boxes
from napari_unet.objects.object_map import ObjectMap
from napari_unet.report.object_errors import object_errors
from napari_unet.report.summary import summarise
from napari_unet.report.table import format_text
from napari_unet.workflows.class_images import ClassImage
from napari_unet.workflows.object_finding import ImageObjects

TABLE = ClassTable.named({1: "background", 2: "nucleus", 3: "tissue"})


def squares(shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    """A mask: four nuclei, of which two touch, and a stripe of tissue."""
    mask = np.zeros(shape, np.uint8)
    for y, x in ((3, 3), (3, 30), (13, 34), (25, 10)):
        mask[y:y + 10, x:x + 10] = 1
    mask[37:39, :] = 2
    return mask


def truth(shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    """The four nuclei, each by its number."""
    numbers = np.zeros(shape, np.uint16)
    for number, (y, x) in enumerate(((3, 3), (3, 30), (13, 34), (25, 10)), 1):
        numbers[y:y + 10, x:x + 10] = number
    return numbers


def values(rows: Any, class_name: str = "nucleus", way: str | None = None) -> dict[str, float | None]:
    return {row.metric: row.value for row in rows if row.class_name == class_name and way in (None, row.way)}


def test_planes_and_volumes_are_found_one_by_one() -> None:
    assert object_boxes("YX", (4, 5)) == ((),)
    assert object_boxes("NYX", (2, 4, 5)) == ((0,), (1,))
    assert object_boxes("TZYX", (2, 3, 4, 5)) == ((0, slice(None)), (1, slice(None)))
    assert len(object_boxes("TZYX", (2, 3, 4, 5), by_plane=True)) == 6
    assert object_boxes("ZYX", (1, 4, 5)) == ((0,),)


def test_numbers_run_on_through_an_image() -> None:
    masks = np.stack([squares(), squares()])
    found = napari_unet.objects_of(masks, way="parts", axes="NYX", classes=TABLE, countable=["nucleus"]).result()
    assert isinstance(found, ImageObjects)
    assert found.found.count == 6  # two nuclei touch
    assert set(np.unique(found.found.numbers[1])) == {0, 4, 5, 6}
    volume = napari_unet.objects_of(masks, way="parts", axes="ZYX", classes=TABLE, countable=[2]).result()
    assert volume.found.count == 3


def test_probabilities_are_classes_and_what_is_none_is_refused(tmp_path: Path) -> None:
    mask = squares()
    soft = np.stack([mask == number for number in range(3)])[None].astype(np.float32)
    path = save_probabilities(tmp_path / "p.tif", soft, classes=TABLE)
    from_file = napari_unet.objects_of(path, way="parts").result()
    assert [one.name for one in from_file.classes.classes] == ["background", "nucleus", "tissue"]
    assert (from_file.found.count_of(2), from_file.found.count_of(3)) == (3, 1)
    one = napari_unet.objects_of(np.where(soft[0, 1:2] > 0, 0.9, 0.1), way="parts").result()
    assert one.found.count == 3
    empty = np.full((2, 5, 6), np.nan)
    assert napari_unet.objects_of(empty).result().found.count == 0
    with pytest.raises(UserError, match=r"no probabilities. Allowed: 0 to 1"):
        napari_unet.objects_of(soft[0] * 7.5).result()
    with pytest.raises(UserError, match=r"There is no class 'axon' besides the background. There are: nucleus"):
        napari_unet.objects_of(mask, classes=TABLE, countable=["axon"]).result()
    with pytest.raises(UsageError, match="no way to objects called 'nix'"):
        napari_unet.objects_of(mask, way="nix").result()


def test_panoptic_objects_and_areas_in_one_result() -> None:
    found = napari_unet.objects_of(squares(), way="parts", classes=TABLE, countable=["nucleus"], panoptic=True).result()
    assert found.found.count_of(2) == 3
    assert found.found.count_of(3) == 1
    assert ((found.found.numbers > 0) == (squares() > 0)).all()
    parts = napari_unet.objects_of(squares(), way="parts", classes=TABLE).result()
    given = ClassImage(np.ones_like(squares()), TABLE, found.geometry, numbered=parts.found)
    again = napari_unet.objects_of(given, countable=["nucleus"], panoptic=True).result().found
    assert (again.count_of(2), again.count_of(3)) == (3, 1), "single objects have areas, too"
    np.testing.assert_array_equal(again.numbers > 0, parts.found.numbers > 0)


def test_object_numbers_are_judged_as_they_are(tmp_path: Path) -> None:
    mine = truth()
    mine[3:13, 30:35] = 9  # one nucleus in two halves
    rows = napari_unet.score_object_numbers(mine, truth()).result()
    found = {row.metric: row.value for row in rows}
    assert found["object_splits"] == 1
    assert found["average_precision_50"] == pytest.approx(3 / (4 + 5 - 3))
    assert (found["object_count"], found["object_count_reference"]) == (5, 4)
    path = save_objects(tmp_path / "r.zip", ObjectMap.of(truth()), classes=TABLE)
    again = napari_unet.score_object_numbers(path, truth()).result()
    assert {row.value for row in again if row.metric == "average_precision"} == {1.0}
    with pytest.raises(UserError, match="Both hold shapes"):
        napari_unet.score_object_numbers(path, path).result()
    with pytest.raises(UserError, match="must be of the same image"):
        napari_unet.score_object_numbers(truth(), truth()[:-1]).result()
    with pytest.raises(UserError, match="There is no such plane"):
        napari_unet.score_object_numbers(truth()[None], truth()[None], index=[3]).result()


def test_a_mask_of_classes_is_no_image_of_objects() -> None:
    true = np.zeros((40, 40), np.uint16)
    for number in range(9):
        row, column = 12 * (number // 3), 12 * (number % 3)
        true[row : row + 9, column : column + 9] = number + 1
    with pytest.warns(InputWarning, match="The prediction has 9 separate parts in a plane, but no more object numbers"):
        napari_unet.score_object_numbers((true > 0).astype(np.uint8), true).result()
    napari_unet.score_object_numbers(true, true).result()


def test_volumes_are_judged_as_volumes() -> None:
    mine = np.stack([truth(), truth() + 10 * (truth() > 0)])  # every nucleus falls apart from plane to plane
    true = np.stack([truth(), truth()])
    flat = napari_unet.score_object_numbers(mine, true).result()
    deep = napari_unet.score_object_numbers(mine, true, volume=True).result()
    assert {row.value for row in flat if row.metric == "object_f1"} == {1.0}
    assert {row.value for row in deep if row.metric == "object_f1"} == {0.0}
    assert {row.value for row in deep if row.metric == "object_splits"} == {4.0}
    assert {row.plane for row in deep} == {None}


def test_classes_go_by_their_names(tmp_path: Path) -> None:
    mine = ObjectMap.of(truth(), {1: 2, 2: 2, 3: 3, 4: 3})
    other = ClassTable.named({1: "background", 2: "tissue", 3: "nucleus"})
    theirs = ObjectMap.of(truth(), {1: 3, 2: 3, 3: 2, 4: 2})
    paths = [save_objects(tmp_path / f"{name}.tif", found, classes=table)
             for name, found, table in (("a", mine, TABLE), ("b", theirs, other))]
    rows = napari_unet.score_object_numbers(*paths).result()
    assert {row.class_name: row.value for row in rows if row.metric == "object_count_reference"} == {
        "nucleus": 2, "tissue": 2}
    tifffile.imwrite(tmp_path / "c.tif", truth())
    with pytest.warns(InputWarning, match="objects of all classes are judged together"):
        rows = napari_unet.score_object_numbers(paths[0], tmp_path / "c.tif").result()
    assert {row.value for row in rows if row.metric == "object_count"} == {4}


# -- in a comparison -------------------------------------------------------------------------------------------------


def strokes() -> np.ndarray:
    painted = np.zeros((40, 60), np.uint8)
    painted[6:9, 5:11] = painted[28:31, 12:18] = 2
    painted[26, 24:58] = 1
    return painted


def compared(reference: Any, **options: Any) -> Any:
    image = (truth() > 0) * np.uint8(120) + np.uint8(40)
    return napari_unet.compare(image, strokes(), reference, methods=["threshold"], **options).result()


def test_every_way_against_true_objects() -> None:
    found = compared(truth(), reference_values="objects", ways=["parts", "watershed"])
    by_parts = values(found.rows, "class 2", "parts")
    assert by_parts["object_count_reference"] == 4
    assert by_parts["object_merges"] == 1  # the two that touch
    assert by_parts["average_precision_50"] == pytest.approx(2 / 5)
    assert {row.way for row in found.rows} == {"", "parts", "watershed"}
    text = format_text(summarise(found.rows))
    for words in ("class 2, objects by parts, one plane", "class 2, objects by watershed, one plane", "AP50"):
        assert words in text
    kept = found.found["threshold"]
    both = found.objects.plane_objects(0, found.images[0], found.references[0], 0, kept)
    assert both is not None
    wrong = object_errors(*both)
    assert kept["parts"][0].whole().count == 3
    assert "1 merged" in wrong.words


def test_parts_of_a_class_where_nothing_is_numbered() -> None:
    found = compared(truth() > 0, reference_values="mask", ways=["parts"])
    assert values(found.rows, "class 2", "parts")["average_precision"] == 1


def test_shapes_as_reference(tmp_path: Path) -> None:
    path = save_objects(tmp_path / "r.geojson", ObjectMap.of(truth()), classes=TABLE)
    found = compared(path, ways=["parts"])
    assert next(row.value for row in found.rows if row.metric == "object_count_reference") == 4
    assert next(row.value for row in found.rows if row.metric == "dice") > 0.9


def test_strokes_are_no_objects() -> None:
    with pytest.raises(UserError, match="strokes are no whole objects"):
        compared(None, ways=["parts"])
    with pytest.raises(UserError, match=r"ways to objects are auto, auto. Name one or more, each once"):
        ObjectContest((ObjectSearch(), ObjectSearch()))


def test_a_class_that_is_not_counted_is_judged_by_its_area() -> None:
    found = compared(truth(), reference_values="objects", ways=[ObjectSearch("parts", countable=(3,))])
    scores = values(found.rows, "class 2", "parts")
    assert scores["panoptic_quality"] == pytest.approx(values(found.rows, "class 2")["iou"])
    assert scores["average_precision"] is None


# -- on the command line ---------------------------------------------------------------------------------------------


def test_objects_of_a_folder_of_masks(tmp_path: Path, capsys: Any) -> None:
    masks = [str(save_mask(tmp_path / f"{name}.tif", squares() + 1, classes=TABLE, axes="YX", scale=(0.5, 0.5),
                           unit="micrometer")) for name in "ab"]
    out = tmp_path / "out"
    assert main(["objects", *masks, "-o", str(out), "--way", "parts", "--countable", "nucleus", "--rois", str(out),
                 "--geojson", str(out), "--table", str(tmp_path / "t.csv")]) == 0
    printed = capsys.readouterr()
    assert "3 nucleus" in printed.err
    assert {path.name for path in out.iterdir() if "provenance" not in path.name} == {
        f"{name}_{what}" for name in "ab" for what in ("objects.tif", "rois.zip", "objects.geojson")}
    with (tmp_path / "t.csv").open(encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    assert [line["image"] for line in lines] == ["a.tif"] * 3 + ["b.tif"] * 3
    assert float(lines[0]["area (micrometer^2)"]) == 25
    told = json.loads(provenance_path(out / "a_objects.tif").read_text())
    assert told["settings"]["way"] == "parts"
    assert "napari-unet objects" in told["made_by"]
    again = load_objects(out / "a_rois.zip", (40, 60))
    np.testing.assert_array_equal(again.found.numbers, load_objects(out / "a_objects.tif").found.numbers)
    assert main(["objects", *masks, "-o", str(out), "--way", "parts"]) == 1
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "said"), [
    (["--way", "nix"], "no way to objects called 'nix'"),
    (["--set", "nix=3"], "has no parameter 'nix'"),
    (["--countable", "axon"], "There is no class 'axon'"),
    (["--rois", "r.tif"], "does not end in .zip"),
    (["--table", "{o}", "--overwrite"], "but tables are written as CSV"),
    (["--image", "i.tif"], "Say where the table goes"),
    (["--unit", "micrometer"], "--unit micrometer is of --voxel-size"),
])
def test_wrong_wishes_are_told(tmp_path: Path, capsys: Any, words: list[str], said: str) -> None:
    mask = str(save_mask(tmp_path / "a.tif", squares() + 1, classes=TABLE))
    assert main(["objects", mask, "-o", str(tmp_path / "o.tif"),
                 *(word.format(o=tmp_path / "o.tif") for word in words)]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o.tif").exists()


def test_an_array_is_measured_as_an_image_is() -> None:
    objects = napari_unet.objects_of(squares(), way="parts", countable=[2]).result()
    values = np.full((40, 60), 7, np.uint16)
    for image in (values, Image(values, "YX")):
        table = napari_unet.measure_objects(objects, image)
        assert {row[table.heads.index("mean")] for row in table.rows()} == {7}
    with pytest.raises(UserError, match="Measure objects on the image they were found in"):
        napari_unet.measure_objects(objects, values[:30])


def test_pictures_are_neither_masks_nor_probabilities(tmp_path: Path) -> None:
    tifffile.imwrite(colour := tmp_path / "c.tif", np.eye(3, dtype=np.uint8)[np.eye(40, 60, dtype=int)] * 99,
                     photometric="rgb")
    with pytest.raises(UserError, match="These labels are a colour picture"):
        napari_unet.objects_of(colour).result()
    tifffile.imwrite(colour, np.repeat(squares()[..., None], 3, axis=2), photometric="rgb")
    with pytest.warns(InputWarning, match="whose channels are all the same"):
        assert napari_unet.objects_of(colour, way="parts", code="mask").result().found.count == 4
    grey = np.full((2, 40, 60), 200, np.float32)
    grey[0, 3, 3] = np.nan
    with pytest.raises(UserError, match="decimal numbers from 200 to 200, no probabilities"):
        napari_unet.objects_of(grey).result()


def test_score_and_compare_objects(tmp_path: Path, capsys: Any) -> None:
    for name, array in (("i", (truth() > 0) * np.uint8(120) + np.uint8(40)), ("s", strokes()), ("t", truth())):
        tifffile.imwrite(tmp_path / f"{name}.tif", array)
    image, painted, true = (str(tmp_path / f"{name}.tif") for name in "ist")
    assert main(["score", true, true, "--objects", "--csv", str(tmp_path / "s.csv")]) == 0
    assert "panoptic quality" in capsys.readouterr().out
    assert main(["score", true, true, "--axes", "ZYX"]) == 2
    assert main(["score", true, true, "--objects", "--metrics", "dice,iou"]) == 2
    assert "none of these is about objects" in capsys.readouterr().err
    assert main(["compare", image, painted, "--reference", true, "--reference-values", "objects", "--methods",
                 "threshold", "--objects", "--ways", "parts", "-o", str(tmp_path / "c")]) == 0
    assert "objects by parts" in capsys.readouterr().out
    report = (tmp_path / "c" / "report.html").read_text()
    assert "1 merged" in report
    assert "missed object" in report
    with (tmp_path / "c" / "table.csv").open(encoding="utf-8-sig") as file:
        assert {line["way"] for line in csv.DictReader(file)} == {"", "parts"}
    assert main(["compare", image, painted, "--ways", "parts", "-o", str(tmp_path / "d")]) == 2


def test_predict_objects_beside_masks(tmp_path: Path, capsys: Any) -> None:
    tifffile.imwrite(image := tmp_path / "i.tif", (truth() > 0) * np.uint8(120) + np.uint8(40))
    tifffile.imwrite(painted := tmp_path / "s.tif", strokes())
    assert main(["train", str(image), str(painted), "--network", "forest", "-o", str(tmp_path / "m.pt")]) == 0
    assert main(["predict", str(image), "--model", str(tmp_path / "m.pt"), "-o", str(tmp_path / "m.tif"), "--objects",
                 str(tmp_path / "o.tif"), "--probabilities", str(tmp_path / "p.tif"), "--way", "parts"]) == 0
    found = load_objects(tmp_path / "o.tif").found
    assert found.count >= 3
    assert tifffile.imread(tmp_path / "p.tif").ndim == 3
    assert "model" in json.loads(provenance_path(tmp_path / "o.tif").read_text())
