"""The images of a project in the window: shown one at a time, predicted, exported; driven by mouse."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from keeping_scene import kept, open_project_in

from napari_unet.core.errors import UserError
from napari_unet.core.latest import Latest
from napari_unet.io import provenance_path
from napari_unet.io.provenance_file import read_provenance
from napari_unet.ui.layer_metadata import identity, mark_layer, role_of
from napari_unet.ui.layer_origin import BY_HAND
from napari_unet.ui.projects import result_files
from napari_unet.ui.projects.keeper import keeper_of
from napari_unet.ui.projects.result_files import answered, predicted


def draw(folder: Path, count: int, size: int = 64) -> None:
    """Write images with two bright squares each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).normal(40, 6, (size, size)).clip(0, 255).astype(np.uint8)
        pixels[10:26, 12 + number % 8:30 + number % 8] += 120
        pixels[36:54, 34:52] += 100
        tifffile.imwrite(folder / f"cells_{number:02}.tif", pixels, compression="zlib" if number % 2 else None)


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock as it opens."""
    return hands.dock("Images")


def add_folder(hands: Any, dock: Any, press: Any, folder: Path) -> None:
    """Add a folder of images as a person does."""
    press(dock.folder_button)
    (dialog,) = [one for one in dock.children() if one.objectName() == "add_folder"]
    dialog.folder_box.setText(str(folder))
    hands.wait(dialog.add.isEnabled)
    press(dialog.add)
    hands.wait(lambda: not dock.jobs.busy and dock.note_line.text() != "")
    dialog.deleteLater()


def names(viewer: Any) -> list[str]:
    return [one.name for one in viewer.layers]


def shown(hands: Any, viewer: Any, dock: Any, name: str) -> None:
    """Wait until an image is the one in the window."""
    hands.wait(lambda: dock.session.images.known(dock.session.images.current).name == name
               and f"{name} strokes" in names(viewer))


def paint(hands: Any, viewer: Any, dock: Any, name: str) -> None:
    """Paint a stroke of background and one of the class on the image in the window."""
    strokes = viewer.layers[f"{name} strokes"]
    for number, points in ((1, [(4, 4), (4, 50)]), (2, [(14, 22), (22, 24)])):
        strokes.selected_label = number
        strokes.brush_size = 3
        hands.drag(strokes, points)
    hands.published(dock)
    assert dock.images.is_painted(dock.session.images.current)
    assert set(dock.session.pair(identity(strokes)).scribbles.counts()) == {1, 2}


def test_a_folder_is_added_and_one_image_is_shown_at_a_time(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    draw(tmp_path / "many", 4)
    (tmp_path / "many" / "broken.tif").write_bytes(b"II*\0 nothing")
    add_folder(hands, dock, press, tmp_path / "many")
    assert "Added 4 images." in dock.note_line.text()
    assert "broken.tif" in dock.note_line.text()
    assert keeper_of(viewer).folder.path == tmp_path / "many" / "many.unet"
    shown(hands, viewer, dock, "cells_00")
    assert names(viewer) == ["cells_00", "cells_00 strokes"]
    left = [weakref.ref(one) for one in viewer.layers]
    press(dock.next_button)
    shown(hands, viewer, dock, "cells_01")
    hands.wait(lambda: gc.collect() >= 0 and all(one() is None for one in left))  # layers of every visit would pile up
    assert names(viewer) == ["cells_01", "cells_01 strokes"]
    viewer.layers["cells_01"].contrast_limits = (7, 99)
    press(dock.previous_button)
    shown(hands, viewer, dock, "cells_00")
    press(dock.previous_button)
    shown(hands, viewer, dock, "cells_03")
    dock.session.images.choose(dock.session.images.keys[1])
    shown(hands, viewer, dock, "cells_01")
    assert tuple(viewer.layers["cells_01"].contrast_limits) == (7, 99)
    viewer.layers["cells_01"].name = "second"
    assert names(viewer) == ["second", "second strokes"], "an image that came back is followed as before"
    assert dock.session.keys == (dock.images.records[1].pair_key,), "images that were only looked at teach nothing"


def test_strokes_are_learnt_from_while_their_image_is_away_and_come_back_with_it(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    draw(tmp_path / "many", 3)
    add_folder(hands, dock, press, tmp_path / "many")
    shown(hands, viewer, dock, "cells_00")
    paint(hands, viewer, dock, "cells_00")
    before = np.array(viewer.layers["cells_00 strokes"].data)
    truth = np.where(before > 0, 2, 1).astype(np.uint8)
    reference = viewer.add_labels(truth, name="cells_00 reference")
    mark_layer(reference, "reference", viewer.layers["cells_00"])
    press(dock.next_button)
    shown(hands, viewer, dock, "cells_01")
    assert [one for one in names(viewer) if "cells_00" in one] == []
    first = dock.images.records[0]
    assert dock.session.keys[0] == first.pair_key
    (pair,) = [one for one in dock.session.snapshots.get().pairs if one.image.name == "cells_00"]
    assert pair.scribbles.counts() == {1: int((before == 1).sum()), 2: int((before == 2).sum())}
    assert pair.image.plane(0).shape == (1, 64, 64), "its pixels are read from the file"
    assert [one.brush_size for one in viewer.layers if role_of(one) == "strokes"] == [3], "the brush stays in the hand"
    press(dock.previous_button)
    shown(hands, viewer, dock, "cells_00")
    np.testing.assert_array_equal(viewer.layers["cells_00 strokes"].data, before)
    assert reference in viewer.layers, "what we did not make comes back as it was"
    keeper = keeper_of(viewer)
    hands.wait(lambda: keeper.all_saved)
    np.testing.assert_array_equal(keeper.folder.read_strokes(first.id).to_array(), before)
    hands.wait(lambda: "painted" in dock.model.lines[0].text)


def failing_on(name: str) -> Any:
    """Return what predicts, except for one image."""
    def work(model: Any, folder: Any, record: Any, classes: Any) -> Any:
        if record.name == name:
            raise UserError("no room")
        return (yield from predicted(model, folder, record, classes))

    return work


def test_all_are_predicted_and_exported_with_counts(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "many", 3)
    add_folder(hands, dock, press, tmp_path / "many")
    shown(hands, viewer, dock, "cells_00")
    assert not dock.predict_button.isEnabled(), "there is no model yet"
    paint(hands, viewer, dock, "cells_00")
    hands.wait(lambda: dock.session.model is not None and dock.predict_button.isEnabled())
    (tmp_path / "many" / "cells_02.tif").unlink()
    press(dock.predict_button)
    hands.wait(lambda: not dock.jobs.busy and "1 of 3 could not be done" in dock.note_line.text())
    assert "cells_02" in dock.note_line.text()
    assert [dock.images.state.result(one.id) is not None for one in dock.images.records] == [True, True, False]
    assert all(one.model == "" or one.model.startswith("models/") for one in dock.images.state.results), (
        "the file of its model; none if a newer answer came before that was saved")
    hands.wait(dock.export_button.isEnabled)
    folder = tmp_path / "many" / "exports"
    folder.mkdir()
    (folder / "cells_00_mask.tif").write_bytes(b"mine")
    press(dock.export_button)
    (dialog,) = [one for one in dock.children() if one.objectName() == "export_all"]
    hands.wait(dialog.isVisible)
    assert "cells_00_mask.tif" in dialog.about.text()
    assert dialog.predict.text() == "predict first: 1 without a prediction"
    assert dialog.to_predict == (dock.images.records[2].id,)
    assert dialog.collision.isVisible()
    dialog.collision.setCurrentText("number the new ones")
    press(dialog.export)
    hands.wait(lambda: not dock.jobs.busy and "counts" in dock.note_line.text())
    assert "cells_02" in dock.note_line.text(), "what could not be predicted is said still when all else is done"
    assert "Exporting is done: 2 images." in dock.note_line.text()
    assert (folder / "cells_00_mask.tif").read_bytes() == b"mine"
    masks = [tifffile.imread(folder / name) for name in ("cells_00_mask_2.tif", "cells_01_mask.tif")]
    assert all(set(np.unique(one)) == {0, 1} and one.shape == (64, 64) for one in masks)
    rows = (folder / "counts.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in rows] == ["image", "cells_00", "cells_01"]
    hands.wait(lambda: "exported" in dock.model.lines[0].text)
    assert (folder / "cells_01_mask.tif.provenance.json").is_file()
    press(dock.next_button)
    shown(hands, viewer, dock, "cells_01")
    saved = viewer.layers["cells_01 saved prediction"]
    np.testing.assert_array_equal(np.asarray(saved.data), masks[1] + 1)
    saved.save(str(tmp_path / "by_hand.tif"), plugin="napari-unet-live")  # File > Save
    told, exported = (read_provenance(provenance_path(one)) for one in (
        tmp_path / "by_hand.tif", folder / "cells_01_mask.tif"))
    assert told.images == exported.images
    assert told.model == exported.model
    assert BY_HAND not in told.note
    press(dock.previous_button)
    shown(hands, viewer, dock, "cells_00")
    assert ["earlier" in one.text for one in dock.model.lines] == [False] * 3, "looking at an image changes no strokes"
    hands.drag(viewer.layers["cells_00 strokes"], [(44, 40), (48, 46)])
    hands.wait(lambda: ["earlier" in one.text for one in dock.model.lines] == [True, True, False])
    press(dock.export_button)
    (second,) = [one for one in dock.children() if one.objectName() == "export_all" and one is not dialog]
    assert second.predict.text() == "predict first: 1 without a prediction, 2 predicted earlier"
    second.predict.setChecked(False)
    assert "1 image has no prediction yet and is left out." in second.about.text()
    assert "2 are older than the strokes or the model" in second.about.text()
    second.predict.setChecked(True)
    second.pattern.setCurrentText("new_{name}.tif")
    with monkeypatch.context() as patched:
        patched.setattr("napari_unet.ui.projects.project_jobs.predicted", failing_on("cells_01"))
        press(second.export)
        hands.wait(lambda: not dock.jobs.busy and "counts" in dock.note_line.text())
    assert "cells_01: no room" in dock.note_line.text()
    assert sorted(one.name for one in folder.glob("new_*.tif")) == ["new_cells_00.tif"], "none that is older is written"
    press(dock.predict_button)
    hands.wait(lambda: not any("earlier" in one.text for one in dock.model.lines))
    project = kept(hands).path
    keeper_of(viewer).close_project()
    open_project_in(hands, project)
    shown(hands, viewer, dock, "cells_00")
    hands.wait(lambda: dock.session.model is not None)
    dock.refresh()
    assert not any("earlier" in one.text for one in dock.model.lines), "nothing was painted since"
    hands.drag(viewer.layers["cells_00 strokes"], [(48, 40), (50, 46)])
    hands.wait(lambda: ["earlier" in one.text for one in dock.model.lines] == [True, True, False])


def test_images_are_taken_out_and_brought_back(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "many", 3)
    add_folder(hands, dock, press, tmp_path / "many")
    shown(hands, viewer, dock, "cells_00")
    paint(hands, viewer, dock, "cells_00")
    before = np.array(viewer.layers["cells_00 strokes"].data)
    asked: list[list[str]] = []
    monkeypatch.setattr(dock, "confirm_removal", lambda names: asked.append(list(names)) is None)
    hands.wait(dock.remove_button.isEnabled)
    press(dock.remove_button)
    shown(hands, viewer, dock, "cells_01")
    assert asked == [["cells_00"]]
    assert [one.name for one in dock.images.records] == ["cells_01", "cells_02"]
    assert not any("cells_00" in one for one in names(viewer))
    assert (tmp_path / "many" / "cells_00.tif").is_file()
    press(dock.bring_back_button)
    assert [one.name for one in dock.images.records] == ["cells_00", "cells_01", "cells_02"]
    dock.session.images.choose(dock.images.records[0].id)
    shown(hands, viewer, dock, "cells_00")
    np.testing.assert_array_equal(viewer.layers["cells_00 strokes"].data, before)


def test_an_image_that_is_missing_is_said_and_the_present_one_stays(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    draw(tmp_path / "many", 3)
    add_folder(hands, dock, press, tmp_path / "many")
    shown(hands, viewer, dock, "cells_00")
    (tmp_path / "many" / "cells_02.tif").unlink()
    press(dock.previous_button)
    hands.wait(lambda: "not where it was" in dock.note_line.text())
    assert names(viewer) == ["cells_00", "cells_00 strokes"]
    press(dock.next_button)
    shown(hands, viewer, dock, "cells_01")


def test_an_image_opened_by_hand_joins_the_project(
    hands: Any, viewer: Any, dock: Any, press: Any, tmp_path: Path
) -> None:
    draw(tmp_path / "many", 2)
    draw(tmp_path / "one", 1)
    add_folder(hands, dock, press, tmp_path / "many")
    shown(hands, viewer, dock, "cells_00")
    file = (tmp_path / "one" / "cells_00.tif").rename(tmp_path / "one" / "mine.tif")
    (mine,) = viewer.open(str(file), plugin="napari-unet-live")
    hands.wait(lambda: len(dock.model.lines) == 3)
    assert "not in the project" in dock.model.lines[2].text
    dock.session.images.choose(identity(mine))
    hands.wait(lambda: names(viewer) == ["mine"] and dock.take_in_button.isVisible())
    press(dock.take_in_button)
    hands.wait(lambda: len(dock.images.records) == 3 and "mine strokes" in names(viewer))
    record = dock.images.records[2]
    assert (record.id, record.source.paths) == (identity(mine), ("../../one/mine.tif",))
    assert identity(viewer.layers["mine strokes"]) == record.pair_key

@pytest.mark.parametrize("moves", [False, True])
def test_an_answer_is_waited_for_as_long_as_it_moves(moves: bool) -> None:
    due, lived, clock = Latest(True), Latest(0), iter(range(10**6))
    waited = answered(due, lived, lambda: float(next(clock)), 0)
    for _ in range(int(5 * result_files.LONGEST_STILL)):
        if next(waited, None) is None:
            assert not moves
            break
        lived.put(lived.get() + moves)
    else:
        assert moves
        due.put(False)
        assert next(waited, None) is None
