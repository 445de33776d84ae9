"""Forms: every parameter of every method has a control that gives back what it was given."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

import pytest
from conftest import SLOW
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QFileDialog, QToolButton, QWidget

from napari_unet import losses, networks, segmenters
from napari_unet.core.errors import UsageError
from napari_unet.core.parameters import Parameter, check, fields
from napari_unet.ui.forms import CollapsibleSection, ParameterForm, parameter_label, parameter_tooltip


@dataclasses.dataclass(frozen=True)
class Everything:
    """A method with every kind of parameter."""

    sigma: Annotated[float | None, Parameter("Blur before cutting.", min=0, max=20, unit="px",
                                             auto=(0.0, 1.0, 2.5))] = None
    rate: Annotated[float, Parameter("How fast to learn.", min=0, max=1, step=1e-4, advanced=True)] = 3e-4
    third: Annotated[float, Parameter("A number no spin box can hold.", min=0, max=1)] = 1 / 3
    count: Annotated[int, Parameter("How many.", min=1, max=64)] = 5
    window: Annotated[int | None, Parameter("Window.", min=3, max=501, advanced=True)] = None
    kind: Annotated[Literal["otsu", "local_mean"], Parameter("Which rule.")] = "otsu"
    side: Annotated[Literal["bright", "dark"] | None, Parameter("Which side.")] = None
    flat: Annotated[bool, Parameter("Remove shading.")] = False
    invert: Annotated[bool | None, Parameter("Dark objects.")] = None
    word: Annotated[str, Parameter("Any text.")] = "abc"
    weights: Annotated[str, Parameter("A file.", files="Weights (*.pth)")] = ""

    def __post_init__(self) -> None:
        check(self)


@pytest.fixture
def form(qtbot):
    """A form of :class:`Everything`."""
    made = ParameterForm(Everything, "all")
    qtbot.addWidget(made)
    return made


def test_the_name_of_a_file_can_be_chosen(form, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/folder/w ü.pth", ""))
    changes = []
    form.changed.connect(lambda: changes.append(form.method().weights))
    form.findChild(QToolButton, "all_weights_file").click()
    assert form.method().weights == "/folder/w ü.pth"
    assert changes
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    form.findChild(QToolButton, "all_weights_file").click()
    assert form.method().weights == "/folder/w ü.pth"


def test_untouched_form_gives_the_defaults_exactly(form):
    assert form.method() == Everything()
    assert form.values()["third"] == 1 / 3


def test_values_go_in_and_come_out(form):
    wanted = Everything(2.25, 0.0123, 0.5, 7, 31, "local_mean", "dark", True, False, "xyz")
    form.set_values(dataclasses.asdict(wanted))
    assert form.method() == wanted
    form.set_values({"sigma": None, "window": None, "side": None, "invert": None})
    assert form.method().sigma is None
    assert form.method().window is None
    assert form.method().side is None
    assert form.method().invert is None


def test_auto_is_a_tick_that_frees_the_number(form):
    tick, number = form.findChild(QCheckBox, "all_sigma_auto"), form.findChild(QWidget, "all_sigma")
    assert tick.isChecked()
    assert not number.isEnabled()
    tick.setChecked(False)
    assert number.isEnabled()
    assert form.values()["sigma"] == 1.0  # the middle of what auto would try is a sensible start
    tick.setChecked(True)
    assert form.values()["sigma"] is None


def test_typing_counts_as_a_change(form, qtbot):
    with qtbot.waitSignal(form.changed, timeout=SLOW):
        form.findChild(QWidget, "all_count").setValue(9)
    assert form.method().count == 9


def test_bounds_hold_in_the_window_and_in_code(form):
    spin = form.findChild(QWidget, "all_count")
    spin.setValue(1000)
    assert form.values()["count"] == 64
    with pytest.raises(UsageError, match=r"count cannot be 0\. Allowed: a whole number from 1 to 64"):
        form.set_values({"count": 0})


def test_every_control_is_named_and_explained(form):
    for field in fields(Everything):
        widget = form.findChild(QWidget, f"all_{field.name}")
        assert widget is not None
        assert field.parameter.help in widget.toolTip()
        assert field.allowed in widget.toolTip()


def test_advanced_parameters_are_folded_away(form, qtbot):
    form.show()
    qtbot.waitExposed(form, timeout=SLOW)
    fold = form.findChild(CollapsibleSection, "all_advanced")
    rate = form.findChild(QWidget, "all_rate")
    assert not rate.isVisible()
    fold.expand()
    qtbot.waitUntil(rate.isVisible, timeout=SLOW)


def test_wheel_over_a_control_does_not_change_it(form, qtbot):
    form.show()
    qtbot.waitExposed(form, timeout=SLOW)
    spin = form.findChild(QWidget, "all_count")
    form.findChild(QWidget, "all_word").setFocus()
    turn = QWheelEvent(
        QPointF(5, 5), QPointF(spin.mapToGlobal(QPoint(5, 5))), QPoint(0, 0), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )
    QApplication.sendEvent(spin, turn)
    assert form.values()["count"] == 5


def test_start_and_skipped_parameters_are_kept(qtbot):
    form = ParameterForm(Everything, "more", start=Everything(count=9, kind="local_mean"), skip=("kind",))
    qtbot.addWidget(form)
    assert "kind" not in form.controls
    assert form.method() == Everything(count=9, kind="local_mean")
    assert form.method(kind="otsu").kind == "otsu"


def test_caption_and_tooltip():
    sigma = fields(Everything)[0]
    assert parameter_label(sigma) == "sigma (px)"
    assert parameter_tooltip(sigma) == "Blur before cutting.\nAllowed: a number from 0 to 20 (px), or auto."


REGISTERED = [
    pytest.param(entry, id=f"{registry.kind}-{entry.name}")
    for registry in (segmenters.REGISTRY, networks.REGISTRY, losses.REGISTRY)
    for entry in registry
    if dataclasses.is_dataclass(entry.item)
]


@pytest.mark.parametrize("entry", REGISTERED)
def test_every_form_on_the_shelves_gives_its_defaults(entry, qtbot):
    form = ParameterForm(entry.item, f"registry_{entry.name}")
    qtbot.addWidget(form)
    assert form.method() == entry.item()
    assert all(control.toolTip() or control.field.parameter.help for control in form.controls.values())
