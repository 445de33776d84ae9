"""Choosing what is compared, in the real window."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPoint

from napari_unet.comparison.contenders import PRESETS, expand_presets, preset_methods
from napari_unet.segmenters import REGISTRY, family_of
from napari_unet.ui.compare.method_list import OWN_CHOICE


def test_presets_tick_their_methods_and_an_own_choice_is_told(hands: Any, viewer: Any) -> None:
    dock = hands.dock("Compare methods")
    box = dock.methods.presets
    for name in PRESETS:
        box.setCurrentText(name)
        box.activated.emit(box.currentIndex())
        assert set(dock.methods.ticked()) == set(preset_methods(name))
        assert box.currentText() == name
    hands.find(dock, "compare_threshold_tick").click()
    assert box.currentText() == OWN_CHOICE
    for made in dock.methods.contenders(dock.time.budget):
        known = expand_presets(["everything"])[made.name]
        assert all(getattr(made.method, parameter) == value for parameter,
                   value in known.items()), "as the preset sets it"


def test_families_fold_and_tick_together(hands: Any, viewer: Any, press: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock)
    family = dock.methods.families["regions"]
    names = {entry.name for entry in REGISTRY if family_of(entry) == "regions"}
    assert {row.name for row in family.rows} == names
    hands.wait(family.arrow.isVisible)
    assert not any(row.isVisible() for row in dock.methods.rows), "folded at first: the list is long"
    press(family.arrow)
    assert all(row.isVisible() for row in family.rows)
    press(family.all, QPoint(8, family.all.height() // 2))
    assert set(dock.methods.ticked()) == names
    assert f"({len(names)} of {len(names)})" in family.arrow.text()
    press(family.all, QPoint(8, family.all.height() // 2))
    assert not dock.methods.ticked()


def test_a_method_is_found_by_its_name_or_what_it_does(hands: Any, viewer: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.wait(dock.methods.search.isVisible)
    dock.methods.search.setText("ILASTIK")
    assert [row.name for row in dock.methods.rows if row.isVisible()] == ["forest"]
    dock.methods.search.setText("no such thing")
    assert not any(family.isVisible() for family in dock.methods.families.values())
    dock.methods.search.clear()
    assert all(family.isVisible() for family in dock.methods.families.values() if family.rows)
    assert not any(row.isVisible() for row in dock.methods.rows)


def test_settings_are_used_and_made_only_when_opened(hands: Any, painted: Any, press: Any) -> None:
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold")
    row = next(one for one in dock.methods.rows if one.name == "threshold")
    assert row._form is None
    press(dock.methods.families["cuts"].arrow)
    press(row.arrow)
    assert row.form.isVisible()
    row.form.set_values({"kind": "li", "sigma": 2.0})
    (made,) = dock._make_request().contenders
    assert (made.method.kind, made.method.sigma) == ("li", 2.0)


def test_long_names_are_shown_whole_in_a_narrow_dock(hands: Any, viewer: Any, squares: Any) -> None:
    name = "2026-11-21 slide 4 nuclei DAPI channel"
    viewer.add_image(squares[0], name=name)
    viewer.window._qt_window.resize(1000, 700)
    dock = hands.dock("Compare methods")
    label = dock.images.rows[0].label
    hands.wait(lambda: label.fontMetrics().horizontalAdvance(name) <= label.width())
