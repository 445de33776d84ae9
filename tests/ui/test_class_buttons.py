"""The row of class buttons."""

from __future__ import annotations

import itertools
from typing import Any

from conftest import SLOW

from napari_unet.core.classes import ClassTable
from napari_unet.ui.train.class_buttons import ClassButtons


def test_no_button_lies_on_another_whatever_classes_come_and_go(qtbot: Any) -> None:
    made = ClassButtons(ClassTable.named({1: "background", 2: "nucleus"}))
    qtbot.addWidget(made)
    made.resize(280, 120)
    made.show()
    for ids in ((1, 2, 3), (1, 2), (1, 2, 3, 4, 5), (1, 2)):
        made.set_classes(ClassTable.default(ids))
        qtbot.waitUntil(lambda: made.layout().count() == len(made._buttons) + 1, timeout=SLOW)
        made.layout().activate()
        places = [made.layout().itemAt(number).widget().geometry() for number in range(made.layout().count())]
        assert not any(one.intersects(other) for one, other in itertools.combinations(places, 2)), ids
        assert made._add.isVisible()
