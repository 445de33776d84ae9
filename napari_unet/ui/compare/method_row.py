"""One line of the list of methods: a tick and, where there are any, settings. Knows no method by name, fits nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_unet.comparison.contenders import Contender, make_contenders
from napari_unet.core.method import Model
from napari_unet.core.parameters import as_dict, fields

from ..forms import ParameterForm
from .time_budget import TimeBudget


class ContenderRow(QWidget):
    """Something that can take part: its name (in rows and files), its title and a tick."""

    changed = Signal()

    def __init__(self, name: str, title: str, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.title = name, title
        self.setObjectName(f"compare_{name}_row")
        self.tick = QCheckBox(title)
        self.tick.setObjectName(f"compare_{name}_tick")
        self.tick.setToolTip(f"{tooltip}\nTick to take part in the comparison.")
        self.tick.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.tick.setMinimumWidth(60)
        self._words = f"{name} {title} {tooltip}".lower()
        self._head = QHBoxLayout()
        self._head.setContentsMargins(0, 0, 0, 0)
        self._head.addWidget(self.tick, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self._column.addLayout(self._head)
        self.tick.toggled.connect(self.changed)

    @property
    def trains(self) -> bool:
        """Whether it is told how long to train."""
        return False

    def matches(self, text: str) -> bool:
        """Say whether all words of a text are in the name, the title or what it is good for."""
        return all(word in self._words for word in text.lower().split())

    def contender(self, time: TimeBudget) -> Contender:
        """Return what takes part.

        Raises
        ------
        UserError
            If the settings do not go together.
        """
        raise NotImplementedError


class MethodRow(ContenderRow):
    """A method that is fitted to the strokes, with a form that is made when it is first opened.

    Parameters
    ----------
    name, title : str
    tooltip : str
    cls : type
        A method's dataclass.
    start : object, optional
        An instance whose parameters are shown first: what a recipe holds. It keeps its own training time.
    """

    def __init__(
        self, name: str, title: str, tooltip: str, cls: Any, *, start: Any = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(name, title, tooltip, parent)
        self._cls, self._start = cls, start
        known = {field.name: field for field in fields(cls)}
        self._clocked = start is None and "seconds" in known
        self._form: ParameterForm | None = None
        self.arrow = QToolButton()
        self.arrow.setObjectName(f"compare_{name}_settings")
        self.arrow.setText("settings")
        self.arrow.setToolTip(f"Show or hide the settings of {title}. Left alone, they suit most images.")
        self.arrow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.arrow.setArrowType(Qt.ArrowType.RightArrow)
        self.arrow.setAutoRaise(True)
        self.arrow.setCheckable(True)
        self.arrow.setVisible(bool(known))
        self.arrow.toggled.connect(self._on_arrow)
        self._head.addWidget(self.arrow)

    @property
    def trains(self) -> bool:
        """Whether it is told how long to train."""
        return "seconds" in {field.name for field in fields(self._cls)}

    @property
    def form(self) -> ParameterForm:
        """The settings."""
        if self._form is None:
            skip = ("seconds",) if self._clocked else ()
            self._form = ParameterForm(self._cls, f"compare_{self.name}", start=self._start, skip=skip)
            self._form.setVisible(self.arrow.isChecked())
            self._form.changed.connect(self.changed)
            inside = QVBoxLayout()
            inside.setContentsMargins(22, 0, 0, 4)
            inside.addWidget(self._form)
            self._column.addLayout(inside)
        return self._form

    def contender(self, time: TimeBudget) -> Contender:
        """Return the method with the settings shown and its time.

        Raises
        ------
        UserError
            If the settings do not go together.
        """
        from napari_unet.segmenters import REGISTRY

        values = {} if self._start is None else as_dict(self._start)
        values |= {} if self._form is None else self._form.values()
        if self._clocked:
            values["seconds"] = time.training
        own = REGISTRY.name_of(self._cls)
        made = make_contenders([own], {own: values}, {}, budget=time.budget)
        return dataclasses.replace(made[0], name=self.name)

    def _on_arrow(self, opened: bool) -> None:
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.form.setVisible(opened)


class ModelRow(ContenderRow):
    """A model that was fitted before and is used as it is."""

    def __init__(self, name: str, title: str, tooltip: str, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(name, title, tooltip, parent)
        self.model = model

    def contender(self, time: TimeBudget) -> Contender:
        """Return the model; its time is for segmenting."""
        return Contender(self.name, model=self.model, budget=time.budget)
