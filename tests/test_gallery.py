"""The gallery of methods: nothing in the registry is left out, and what draws it runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_unet import segmenters

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))  # scripts beside each other, as when they are run

import gallery_scenes  # noqa: E402
import gallery_shapes  # noqa: E402
import make_gallery  # noqa: E402

TEXT = (DOCS / "gallery.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    """What gallery.md says under the heading of a method."""
    found = re.search(rf"^### [^\n]*\(`{name}`\)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/gallery.md has no heading '### ... (`{name}`)'"
    return found[1]


def test_everything_in_the_registry_is_in_a_strip() -> None:
    assert not make_gallery.missing()


@pytest.mark.parametrize("strip", make_gallery.STRIPS, ids=lambda strip: strip.name)
def test_every_strip_is_drawn_and_shown(strip: make_gallery.Strip) -> None:
    file = make_gallery.FOLDER / f"{strip.name}.png"
    assert file.is_file(), "run docs/make_gallery.py"
    assert f"](images/gallery/{file.name})" in TEXT


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in make_gallery.FOLDER.iterdir()} <= {strip.name for strip in make_gallery.STRIPS}


@pytest.mark.parametrize("name", sorted(segmenters.REGISTRY.names()))
def test_every_method_has_its_paragraph_with_every_kind(name: str) -> None:
    text = section(name)
    for kind in make_gallery.kinds(name):
        assert not kind or f"**{kind}**" in text, kind
    for word in ("good", "bad", "parameters:"):
        assert word in text.lower(), word


def test_pictures_are_small() -> None:
    files = [*make_gallery.FOLDER.iterdir(), make_gallery.LECTURE]
    assert sum(file.stat().st_size for file in files) < 3_000_000


def test_a_strip_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_gallery, "kinds", lambda _: ("otsu", "li"))
    file = make_gallery.draw(next(strip for strip in make_gallery.STRIPS if strip.name == "threshold_even"), tmp_path)
    from PIL import Image

    with Image.open(file) as picture:
        assert picture.width >= 3 * gallery_shapes.SIDE
        assert picture.mode == "P"


def test_three_masks_of_one_dice_are_ranked_apart_by_topology() -> None:
    scene, masks = gallery_scenes.alike()
    found = {name: make_gallery.numbers(mask, scene) for name, mask in masks.items()}
    dice = [numbers["dice"] for numbers in found.values()]
    assert np.ptp(dice) <= 0.005
    assert dice[0] == pytest.approx(0.88, abs=0.005)
    wrong = [found[name]["components_error"] + found[name]["holes_error"] for name in ("thicker", "broken", "speckled")]
    assert wrong[0] * 10 < wrong[1]
    assert wrong[1] * 5 < wrong[2]
