"""Forms made from the parameters of a method. Knows no method by name, no viewer and no layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.core.parameters import Field, fields

from .file_button import file_button

_WIDEST = {int: 10**9, float: 1e9}
"""Bounds of a number whose parameter gives none."""

_NO_LIMIT = 16_777_215
"""Qt's largest height, that is no limit."""

CLOSED, OPEN = "▸", "▾"
"""Folds point to where they open, and down to what they have opened."""

_TOGGLE = ("QPushButton { text-align: left; border: none; outline: none; }"
           " QPushButton:checked { background: rgba(128, 128, 128, 60); }")
"""An open fold is nothing that is chosen, so it has not the colour of that."""

_PLAIN = (bool, int, float, str)


class CollapsibleSection(QCollapsible):
    """A titled section that opens and closes at once (no animation, so that tests and laptops need not wait)."""

    def __init__(self, title: str, name: str, tooltip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(title, parent, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._title = title
        self.setText(f"{CLOSED} {title}")  # as text it has the colour of the theme, whichever is chosen later
        self.setObjectName(name)
        self.setDuration(0)
        self.toggleButton().setObjectName(f"{name}_toggle")
        self.toggleButton().setStyleSheet(_TOGGLE)
        self.toggleButton().setToolTip(tooltip or f"Show or hide: {title}.")
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.content().layout().setContentsMargins(10, 0, 0, 2)
        self.content().hide()
        self.toggled.connect(self._on_toggled)

    def _on_toggled(self, opened: bool) -> None:
        # a closed section only shrinks to no height: hidden, it also keeps the Tab key out
        self.content().setVisible(opened)
        self.setText(f"{OPEN if opened else CLOSED} {self._title}")
        if opened:
            self.content().setMaximumHeight(_NO_LIMIT)


class ParameterControl(QWidget):
    """The widget of one parameter: a number, a tick, a choice or a text, with an ``auto`` tick where None is allowed.

    Parameters
    ----------
    field : Field
        What the parameter is and what it may be.
    name : str
        The objectName of the widget that holds the value; the tick is called ``<name>_auto``.
    value : object
        The value to show first; None is ``auto``.
    """

    changed = Signal()

    def __init__(self, field: Field, name: str, value: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._exact: tuple[Any, Any] | None = None
        self._by_choice = bool(field.choices) or (field.optional and field.type is bool)
        self._input = _magic(field)
        native = self._input.native
        native.setObjectName(name)
        self._auto: QCheckBox | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        if field.optional and not self._by_choice:
            self._auto = QCheckBox("auto")
            self._auto.setObjectName(f"{name}_auto")
            tried = f" (tries {', '.join(map(str, field.parameter.auto))})" if field.parameter.auto else ""
            self._auto.setToolTip(f"Let the method choose this itself on the painted pixels{tried}.")
            self._auto.toggled.connect(self._on_auto_toggled)
            row.addWidget(self._auto)
        native.setToolTip(parameter_tooltip(field))
        native.setMinimumWidth(70)
        native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # the wheel scrolls the dock; it must not turn a number that the pointer happens to pass
        native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        native.installEventFilter(self)
        row.addWidget(native, 1)
        if field.parameter.files:
            row.addWidget(file_button(native, field.parameter.files, f"{name}_file"))
        self._input.changed.connect(self._on_input_changed)
        self.set(value)

    def get(self) -> Any:
        """Return the value, None for ``auto``."""
        if self._auto is not None and self._auto.isChecked():
            return None
        shown = self._input.value
        if self._exact is not None and shown == self._exact[0]:
            return self._exact[1]  # a spin box rounds; what was set and not touched comes back as it was
        return shown

    def set(self, value: Any) -> None:
        """Show a value.

        Raises
        ------
        UsageError
            If the parameter does not allow it.
        """
        self.field.check(value)
        if self._auto is not None:
            self._auto.setChecked(value is None)
            self._input.native.setEnabled(value is not None)
        if value is None and not self._by_choice:
            value = _suggestion(self.field)
        self._input.value = value
        self._exact = (self._input.value, value)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Leave the wheel to the scroll area unless the control was clicked first."""
        if event is not None and event.type() == QEvent.Type.Wheel and not self._input.native.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _on_auto_toggled(self, auto: bool) -> None:
        self._input.native.setEnabled(not auto)
        self.changed.emit()

    def _on_input_changed(self, _value: Any) -> None:
        self.changed.emit()


class ParameterForm(QWidget):
    """A form for a frozen dataclass: one labelled control per parameter, the advanced ones folded away.

    Parameters
    ----------
    cls : type
        The dataclass, e.g. a class in the registry of methods.
    prefix : str
        Controls are called ``<prefix>_<parameter>``.
    start : object, optional
        An instance whose values are shown first; the defaults of the class otherwise.
    skip : collection of str
        Parameters that are set elsewhere; they keep the values of ``start``.
    """

    changed = Signal()

    def __init__(
        self, cls: type, prefix: str, *, start: Any = None, skip: Collection[str] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._cls = cls
        self._start = start
        self.setObjectName(f"{prefix}_form")
        self.controls: dict[str, ParameterControl] = {}
        plain, advanced = _rows(), _rows()
        for field in fields(cls):
            if field.name in skip or not (field.choices or field.type in _PLAIN):
                continue
            value = self._first(field)
            control = ParameterControl(field, f"{prefix}_{field.name}", value)
            control.changed.connect(self.changed)
            self.controls[field.name] = control
            label = QLabel(parameter_label(field))
            label.setToolTip(parameter_tooltip(field))
            (advanced if field.parameter.advanced else plain).addRow(label, control)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(plain)
        if advanced.rowCount():
            fold = CollapsibleSection("More settings", f"{prefix}_advanced", "Settings that seldom need a change.")
            inside = QWidget()
            inside.setLayout(advanced)
            fold.addWidget(inside)
            column.addWidget(fold)

    def _first(self, field: Field) -> Any:
        if self._start is not None:
            return getattr(self._start, field.name)
        if field.default is dataclasses.MISSING:
            return _suggestion(field)
        return field.default

    def values(self) -> dict[str, Any]:
        """Return the value of every control by parameter name (None for ``auto``)."""
        return {name: control.get() for name, control in self.controls.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show these values; parameters without a control are left alone.

        Raises
        ------
        UsageError
            If a parameter does not allow its value.
        """
        for name, value in values.items():
            if name in self.controls:
                self.controls[name].set(value)

    def method(self, **more: Any) -> Any:
        """Return an instance of the dataclass with the values shown.

        Parameters
        ----------
        **more
            Values of parameters that have no control here.

        Raises
        ------
        UserError
            If the class does not allow this combination.
        """
        values = {**self.values(), **more}
        return self._cls(**values) if self._start is None else dataclasses.replace(self._start, **values)


def parameter_label(field: Field) -> str:
    """Return the label of a parameter: its name in words, with the unit."""
    words = field.name.replace("_", " ")
    return f"{words} ({field.parameter.unit})" if field.parameter.unit else words


def parameter_tooltip(field: Field) -> str:
    """Return what the parameter does and what it may be."""
    return f"{field.parameter.help}\nAllowed: {field.allowed}.".strip()


def _rows() -> QFormLayout:
    rows = QFormLayout()
    rows.setContentsMargins(0, 2, 0, 2)
    rows.setVerticalSpacing(3)
    rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return rows


def _suggestion(field: Field) -> Any:
    """Return a value to start from where there is none: what ``auto`` would try, a bound, or zero."""
    parameter = field.parameter
    tried = [value for value in parameter.auto if value is not None]
    if tried:
        return tried[len(tried) // 2]
    if field.choices:
        return field.choices[0]
    if field.type in (int, float):
        low = parameter.min if parameter.min is not None else 0
        high = parameter.max if parameter.max is not None else max(0, low)
        return field.type(min(max(0, low), high))
    return field.type()


def _decimals(field: Field, step: float) -> int:
    """Return how many decimals a spin box needs to show the default, the bounds and the step."""
    numbers = (field.default, field.parameter.min, field.parameter.max, step, *field.parameter.auto)
    shown = [f"{value:.8f}".rstrip("0") for value in numbers if isinstance(value, (int, float))]
    return max(1, *(len(text.partition(".")[2]) for text in shown))


def _magic(field: Field) -> Any:
    """Return the magicgui widget of a parameter."""
    parameter = field.parameter
    if field.choices or (field.optional and field.type is bool):
        choices = [(str(choice).replace("_", " "), choice) for choice in field.choices]
        choices = choices or [("yes", True), ("no", False)]
        if field.optional:
            choices.insert(0, ("auto", None))
        return create_widget(
            value=choices[0][1], annotation=field.type, widget_type="ComboBox",
            options={"choices": choices, "nullable": field.optional},
        )
    options: dict[str, Any] = {}
    if field.type in (int, float):
        widest = _WIDEST[field.type]
        low, high = (given if given is not None else end
                     for given, end in ((parameter.min, -widest), (parameter.max, widest)))
        options = {"min": field.type(low), "max": field.type(high)}
        usual = 1 if field.type is int else 0.1 if high - low > 1 else 0.05
        options["step"] = field.type(parameter.step or usual)
        made = create_widget(value=_suggestion(field), annotation=field.type, options=options)
        if field.type is float:
            made.native.setDecimals(_decimals(field, options["step"]))
        return made
    return create_widget(value=field.type(), annotation=field.type, options=options)
