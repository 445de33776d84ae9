"""The folded settings: which network, and its parameters. Made when first opened, because that imports torch."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.core.method import Model, Segmenter
from napari_unet.core.parameters import adjustable
from napari_unet.project.project_contents import METHOD
from napari_unet.session.annotation_session import Session
from napari_unet.session.update_run import UPDATE_STEPS

from ..forms import ParameterForm
from .plan_view import PlanView

SET_ELSEWHERE = ("seconds", "steps", "threads")
"""Live training ends when it is stopped, and the controller shares out the cores."""

_OF_THE_MACHINE = "device"


class NetworkSettings(QWidget):
    """A choice of network and a form for its parameters, kept in the settings of a session.

    Parameters
    ----------
    session : Session
    parent : QWidget, optional
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._showing = session, False
        session.settings_changed.connect(self.show_choice)
        show = self.show_choice
        self.destroyed.connect(lambda *_: session.settings_changed.disconnect(show, missing_ok=True))
        self.setObjectName("train_settings")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._networks: QComboBox | None = None
        self._form: ParameterForm | None = None
        self.plan = PlanView(session, self._planned_from)

    def fill(self) -> None:
        """Make the form, if that has not been done."""
        if self._networks is not None:
            return
        from napari_unet.networks import REGISTRY

        box = QComboBox()
        box.setObjectName("train_network")
        for entry in REGISTRY:
            box.addItem(entry.title or entry.name, entry.name)
        box.setCurrentIndex(box.findData(self._default()))
        box.setToolTip(
            "Which network learns. The first one suits nearly all images; a loaded model keeps its own network."
        )
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        box.currentIndexChanged.connect(lambda _index: self._on_network_chosen())
        row = QFormLayout()
        row.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        row.addRow(QLabel("network"), box)
        self._column.addLayout(row)
        self._networks = box
        self._on_network()
        self.show_choice()

    def _chosen(self) -> dict[str, Any]:
        """Return what is chosen as plain values, ``{"name": ..., "parameters": {...}}``; the device stays here."""
        assert self._form is not None
        assert self._networks is not None
        values = {name: value for name, value in self._form.values().items() if name != _OF_THE_MACHINE}
        return {"name": str(self._networks.currentData()), "parameters": values}

    def show_choice(self) -> None:
        """Show what the session has of an earlier choice; no choice at all is the first network as it is."""
        choice = self._session.settings.get(METHOD)
        if self._networks is None or self._form is None or choice == self._chosen():
            return
        known = choice if isinstance(choice, Mapping) else {}
        number, values = self._networks.findData(known.get("name")), known.get("parameters")
        self._showing = True
        try:
            self._networks.setCurrentIndex(self._networks.findData(self._default()) if number < 0 else number)
            device = self.device
            self._on_network()
            self._form.set_values({_OF_THE_MACHINE: device})
            if number >= 0 and isinstance(values, Mapping):
                with contextlib.suppress(UserError):  # of another version
                    self._form.set_values({name: one for name, one in values.items() if name != _OF_THE_MACHINE})
        finally:
            self._showing = False

    @staticmethod
    def _default() -> str:
        from napari_unet.networks import REGISTRY

        return str(REGISTRY.default)

    def _on_changed(self) -> None:
        self.plan.follow()
        if not self._showing:
            self._session.put_settings({**self._session.settings, METHOD: self._chosen()})

    def _on_network_chosen(self) -> None:
        self._on_network()
        self._on_changed()

    def _on_network(self) -> None:
        from napari_unet.networks import REGISTRY as NETWORKS
        from napari_unet.segmenters import REGISTRY

        assert self._networks is not None
        if self._form is not None:
            self._column.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self._form = ParameterForm(REGISTRY[str(self._networks.currentData())], "train", skip=SET_ELSEWHERE)
        self._form.changed.connect(self._on_changed)
        self._column.addWidget(self._form)
        self._column.addWidget(self.plan)  # below the form
        self.plan.setVisible(hasattr(NETWORKS[str(self._networks.currentData())], "planned_for"))
        self.plan.follow()

    def _planned_from(self) -> tuple[str, dict[str, Any], str]:
        """Return the network, its own parameters and the device."""
        from napari_unet.networks import REGISTRY

        assert self._networks is not None
        assert self._form is not None
        name = str(self._networks.currentData())
        known = {field.name for field in adjustable(REGISTRY[name])}
        return name, {key: value for key, value in self._form.values().items() if key in known}, self.device

    @property
    def device(self) -> str:
        """The device asked for."""
        return str(self._form.values().get("device", "auto")) if self._form is not None else "auto"

    def method(self, model: Model | None, once: bool = False) -> Segmenter:
        """Return the method as set, going on from a model if there is one.

        Parameters
        ----------
        model : Model, optional
        once : bool
            Whether it learns for a fixed number of steps: only then it may be deterministic.

        Raises
        ------
        UserError
            If the settings do not go together, or the model is of another network than chosen.
        """
        self.fill()
        assert self._form is not None
        method: Any = self._form.method(
            seconds=None, **({"steps": UPDATE_STEPS} if once else {"steps": None, "deterministic": False}))
        weights = getattr(model, "weights", None)
        if weights is None or (weights.step == 0 and (once or not method.begins_with(weights))):
            begun: Segmenter = method  # an answer to strokes is where a training begins by itself
            return begun
        made: Segmenter = method.continue_from(weights)
        return made
