"""What is chosen outlives the sitting, damaged files do no harm; where projects may lie, and which hold a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.core.image import Image
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.project.sources import image_record
from napari_unet.ui.projects import place
from napari_unet.ui.projects.image_intake import size_text
from napari_unet.ui.projects.place import ago, free_path, new_places, project_name, projects_beside
from napari_unet.ui.projects.preferences import (
    RECENT,
    Preferences,
    change_preferences,
    forget_project,
    read_preferences,
    remember_project,
)


def test_what_is_chosen_is_there_next_time(kept_elsewhere: Path, tmp_path: Path) -> None:
    change_preferences(keep=True, place=str(tmp_path))
    for number in range(RECENT + 3):
        remember_project(tmp_path / f"{number}.unet")
    remember_project(tmp_path / "5.unet")
    forget_project(tmp_path / "9.unet")
    found = read_preferences()
    assert (found.keep, found.place) == (True, str(tmp_path))
    assert [Path(one).stem for one in found.recent] == ["5", "10", "8", "7", "6", "4", "3"]
    assert [one.name for one in kept_elsewhere.iterdir()] == ["preferences.json"], "nothing half written is left"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"keep": 3, "place": [], "recent": "a"}', "[" * 100_000,
                                  '{"recent": [1, null]}', "\x00"])
def test_a_damaged_file_counts_as_nothing_chosen(kept_elsewhere: Path, text: str) -> None:
    (kept_elsewhere / "preferences.json").write_text(text, encoding="utf-8")
    assert read_preferences() == Preferences()
    assert change_preferences(keep=False) == read_preferences() == Preferences(keep=False)


def test_where_it_cannot_be_written_a_choice_holds_once(kept_elsewhere: Path, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("NAPARI_UNET_CONFIG", str(blocked / "inside"))
    assert not change_preferences(keep=False).keep
    assert read_preferences().keep


@pytest.mark.parametrize(("image", "name"), [
    ("cells", "cells"), ("a/b\\c:d", "a_b_c_d"), ("  .. ", "project"), ("con", "_con"), ("LPT1.tif", "_LPT1.tif"),
    ("x" * 300, "x" * 80), ("Zelle_ä 3", "Zelle_ä 3"), ("a\x00b\u202e", "a_b"),
])
def test_any_image_gives_a_name_that_is_one_everywhere(image: str, name: str) -> None:
    assert project_name(image) == name


def test_nothing_that_is_there_is_taken(tmp_path: Path) -> None:
    (tmp_path / "cells.unet").write_text("", encoding="utf-8")
    (tmp_path / "cells 2.unet").mkdir()
    assert free_path(tmp_path, "cells") == tmp_path / "cells 3.unet"


def test_beside_the_image_else_in_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents, chosen = tmp_path / "documents", tmp_path / "chosen"
    monkeypatch.setattr(place, "documents_folder", lambda: documents)
    file = tmp_path / "a.tif"
    assert list(new_places("a", file, Preferences())) == [tmp_path / "a.unet", documents / "a.unet"]
    assert list(new_places("a", None, Preferences())) == [documents / "a.unet"]
    assert list(new_places("a", file, Preferences(place=str(chosen)))) == [chosen / "a.unet", documents / "a.unet"]
    monkeypatch.setattr(place, "may_write", lambda _folder: False)
    assert list(new_places("a", file, Preferences())) == [documents / "a.unet"]


def test_projects_beside_a_file_are_those_that_hold_it(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.zeros((8, 9), np.uint8))
    for name, holds in (("mine", True), ("other", False)):
        records = (image_record(Image(np.zeros((8, 9), np.uint8)), [file], tmp_path / f"{name}.unet"),) if holds else ()
        ProjectFolder.create(tmp_path / f"{name}.unet", state=ProjectState(images=records)).close()
    (tmp_path / "broken.unet").mkdir()
    (tmp_path / "broken.unet" / "project.json").write_text(json.dumps({"images": [3]}), encoding="utf-8")
    assert projects_beside(file) == [tmp_path / "mine.unet"]
    assert projects_beside(tmp_path / "b.tif") == []


@pytest.mark.parametrize(("seconds", "text"), [(-5, "just now"), (30, "just now"), (300, "5 min ago"),
                                               (3 * 3600, "3 h ago"), (3 * 86400, "3 days ago")])
def test_how_long_ago_is_said_in_words(seconds: float, text: str) -> None:
    assert ago(1000.0, 1000.0 + seconds) == text


@pytest.mark.parametrize(("size", "text"), [(5, "5 bytes"), (5120, "5 kB"), (7.5e8, "750 MB"), (1.25e9, "1.2 GB")])
def test_sizes_are_for_people(size: float, text: str) -> None:
    assert size_text(size) == text
