"""docs/project.md says what is on disk, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from saving_scene import strokes, with_image

from napari_unet.core.image import Image
from napari_unet.project.image_records import ImageRecord, ImageSource
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ModelRecord, ResultRecord

PAGE = Path(__file__).parents[2] / "docs" / "project.md"


def test_every_key_and_every_place_is_described(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    words = {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)}
    state = ProjectFolder.create(tmp_path / "a").state.to_json()
    source = ImageSource(("a.tif",))
    for record in (state, source.to_json(), ImageRecord("a", "a", source, "YX", (2, 2), "uint8").to_json(),
                   ModelRecord("models/0001.pt", "a").to_json(), ResultRecord("a", "results/a.ome.zarr").to_json()):
        assert not set(record) - words
    for entry in (tmp_path / "a.unet").iterdir():
        assert entry.name in text


def test_the_example_opens_strokes_without_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ProjectFolder.create(tmp_path / "cells")
    record = with_image(folder, "nuclei")
    folder.store_image("bare", Image(np.ones((4, 4))))
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    folder.close()
    monkeypatch.chdir(tmp_path)
    example = PAGE.read_text(encoding="utf-8").partition("```python")[2].partition("```")[0]
    exec(example, {})
    assert capsys.readouterr().out == "nuclei ['n', 'y', 'x'] (3, 700, 600) 25 pixels painted\n"
