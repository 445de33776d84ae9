"""What would be chosen of a network that is planned from the images, and why. Chooses nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget

from napari_unet.core.errors import UserError
from napari_unet.session.annotation_session import Session

from ..forms import CollapsibleSection

NOTHING_YET = "Open an image: pieces, depth, kernels and channels are chosen from its size and voxels."


class PlanView(CollapsibleSection):
    """A fold with the choices, made when it is opened and when something changes while it is open.

    Parameters
    ----------
    session : Session
        Its images are planned for.
    chosen : callable
        Returns the name of the network, its parameters and the device.
    parent : QWidget, optional
    """

    def __init__(
        self, session: Session, chosen: Callable[[], tuple[str, dict[str, Any], str]], parent: QWidget | None = None
    ) -> None:
        super().__init__("What is chosen, and why", "train_plan_fold",
                         "Pieces, depth, kernels and channels that the network would have for these images.", parent)
        self._session, self._chosen = session, chosen
        self.label = QLabel(NOTHING_YET)
        self.label.setObjectName("train_plan")
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.addWidget(self.label)
        self.toggled.connect(lambda opened: self.show_plan() if opened else None)
        follow = self.follow
        session.pairs_changed.connect(follow)
        self.destroyed.connect(lambda *_: session.pairs_changed.disconnect(follow, missing_ok=True))

    def follow(self) -> None:
        """Plan anew where that can be seen."""
        if self.isExpanded():
            self.show_plan()

    def show_plan(self) -> None:
        """Plan for the images of the session, and show it."""
        from napari_unet.workflows.plans import planned_network

        images = [pair.image for pair in self._session.snapshots.get().pairs]
        if not images:
            self.label.setText(NOTHING_YET)
            return
        name, options, device = self._chosen()
        try:
            plan = planned_network(name, options, images, device)
        except UserError as error:
            self.label.setText(escape(str(error)))
            return
        rows = [f"<p style='margin: 2px 0px'><b>{escape(one.what)}</b>: {escape(one.chosen)}<br>"
                f"<i>{escape(one.why)}</i></p>" for one in plan.choices]
        self.label.setText("".join([*rows, *(f"<p>{escape(one)}</p>" for one in plan.remarks)]))
