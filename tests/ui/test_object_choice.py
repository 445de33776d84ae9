"""How objects are judged in Compare: the way, and the classes that are counted. No viewer is needed."""

from __future__ import annotations

from typing import Any

from napari_unet.core.classes import ClassTable
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.ui.compare.object_choice import EVERY_WAY, ObjectChoice

TISSUE = ClassTable.named({1: "background", 2: "nucleus", 3: "blood & bone", 5: "tissue"})


def test_ways_and_classes_that_are_counted(qtbot: Any) -> None:
    choice = ObjectChoice()
    qtbot.addWidget(choice)
    assert choice.searches == ()
    choice.wanted.setChecked(True)
    assert [one.way for one in choice.searches] == ["auto"]
    assert choice.counted.isHidden(), "one class: nothing to choose"
    choice.way.setCurrentText(EVERY_WAY)
    assert [one.way for one in choice.searches] == list(WAYS.names())
    choice.offer(TISSUE)
    assert not choice.counted.isHidden()
    assert choice.counted.text() == "count objects of all classes"
    assert choice.countable == ()
    actions = {one.data(): one for one in choice.counted.menu().actions()}
    with qtbot.waitSignal(choice.changed):
        actions[5].setChecked(False)
    assert choice.countable == (2, 3)
    assert choice.counted.text() == "count objects of nucleus, blood & bone"
    actions[2].setChecked(False)
    assert choice.counted.text() == "count objects of blood & bone"
    actions[3].setChecked(False)
    assert choice.countable == (3,), "something is counted"
    assert actions[3].isChecked()
    choice.offer(TISSUE)
    assert choice.countable == (3,), "what was chosen stays"
    assert choice.searches[0].countable == (3,)
    choice.offer(ClassTable.default())
    assert choice.countable == (), "none of those that are counted is there"
    choice.wanted.setChecked(False)
    assert not choice.counted.isEnabled()
