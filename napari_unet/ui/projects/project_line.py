"""The line that says where strokes are kept and whether they are, with what can be done about it. Keeps nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QAction, QFileDialog, QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_unet.core.errors import UserError, reason_of
from napari_unet.project.project_home import SUFFIX

from ..widgets import button, text_line, tool_button
from .keeper import keeper_of
from .offers import ProjectOffers
from .opening import find_moved, show_project
from .place import ago, is_project, last_used
from .preferences import change_preferences, read_preferences

_SHOWN_OFFERS, _SHOWN_RECENT = 2, 5
_TICK_MS = 30_000
"""How often ``5 min ago`` is said anew."""


class ProjectLine(QWidget):
    """One line about the project of a viewer; below it, what is offered or asked at the moment.

    Parameters
    ----------
    controller : LiveController
        Or anything else with a ``viewer``; its ``said``, if it has one, is told what was done.
    parent : QWidget, optional
    """

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("project_line")
        self._viewer = controller.viewer
        self.keeper = keeper_of(self._viewer)
        self.offers = ProjectOffers(self._viewer, self)
        self._build()
        keeper, refresh = self.keeper, self.refresh
        keeper.changed.connect(refresh)
        pairs_changed = keeper.session.pairs_changed
        pairs_changed.connect(refresh)
        self.destroyed.connect(lambda *_: pairs_changed.disconnect(refresh, missing_ok=True))
        said = getattr(controller, "said", None)
        if said is not None:
            keeper.said.connect(said)
        self.offers.changed.connect(refresh)
        self._tick = QTimer(self)
        self._tick.timeout.connect(refresh)
        self._tick.start(_TICK_MS)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.text = QElidingLabel()
        self.text.setObjectName("project_text")
        self.text.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.text.setEllipsesWidth(8)  # the style measures a little more than it says
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.menu_button = tool_button("Project", "project_menu", "Open, close, move or copy the project.")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMinimumWidth(self.menu_button.sizeHint().width() + 24)  # napari's style forgets the arrow
        self.menu = QMenu(self.menu_button)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu_button.setMenu(self.menu)
        row.addWidget(self.text, 1)
        row.addWidget(self.menu_button)
        column.addLayout(row)
        self.more = text_line("project_more", selectable=True)
        column.addWidget(self.more)
        self._buttons = QVBoxLayout()
        self._buttons.setSpacing(4)
        self._shown: list[QPushButton] = []
        column.addLayout(self._buttons)

    # -- showing ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Say what is so now."""
        status = self.keeper.status()
        self.text.setText(status.text)
        self.text.setToolTip(status.tooltip)
        font = self.text.font()
        font.setBold(status.urgent)
        self.text.setFont(font)
        self.more.setText(status.more)
        self.more.setVisible(bool(status.more))
        actions = [(label, name, tooltip, self._action(name)) for name, label, tooltip in status.actions]
        if self.keeper.folder is None and not self.keeper.session.keys:  # nothing moves while one paints
            actions += [
                (f"Go on with {path.name}, painted {ago(last_used(path))}", f"project_go_on_{number}", str(path),
                 partial(show_project, self._viewer, path))
                for number, path in enumerate(self.offers.paths[:_SHOWN_OFFERS])
            ]
        self._show_buttons(actions)

    def _show_buttons(self, wanted: list[tuple[str, str, str, Callable[[], Any]]]) -> None:
        if [(one.text(), one.objectName()) for one in self._shown] == [(label, name) for label, name, *_ in wanted]:
            return
        for one in self._shown:
            self._buttons.removeWidget(one)
            one.hide()
            one.deleteLater()
        self._shown = []
        for label, name, tooltip, act in wanted:
            made = button(label, name, tooltip)
            self._shown.append(made)
            made.clicked.connect(lambda _checked=False, act=act: act())
            self._buttons.addWidget(made)

    def _action(self, name: str) -> Callable[[], Any]:
        known: dict[str, Callable[[], Any]] = {
            "project_store": self.keeper.store_large, "project_copy": self.save_copy, "project_save_as": self.save_as,
            "project_find": partial(find_moved, self._viewer), "project_keep": partial(self._turn, True),
        }
        return known[name]

    # -- the menu --------------------------------------------------------------------------------------------------

    def _fill_menu(self) -> None:
        keeper, menu = self.keeper, self.menu
        menu.clear()
        menu.setToolTipsVisible(True)
        chosen, is_open = read_preferences(), keeper.folder is not None
        _entry(menu, "Open a project...", self.open)
        recent = [Path(one) for one in chosen.recent if is_project(Path(one))]
        recent = [one for one in recent if keeper.folder is None or one != keeper.folder.path]
        for path in recent[:_SHOWN_RECENT]:
            act = _entry(menu, f"    {path.name}, {ago(last_used(path))}", partial(show_project, self._viewer, path))
            act.setToolTip(str(path))
        menu.addSeparator()
        _entry(menu, "Save as, and go on there...", self.save_as, is_open)
        _entry(menu, "Save a copy...", self.save_copy, is_open)
        _entry(menu, "Find images that have moved...", partial(find_moved, self._viewer), bool(keeper.missing))
        _entry(menu, "Close the project", keeper.close_project, is_open)
        menu.addSeparator()
        _tick(menu, "Keep strokes from the first one on", chosen.keep, self._turn)
        _tick(menu, "New projects lie beside their image", not chosen.place, self._beside)
        _entry(menu, "Folder for new projects...", self.choose_place)

    def open(self) -> None:
        """Ask for a project and open it."""
        start = self.keeper.folder.path.parent if self.keeper.folder else Path.home()
        name = QFileDialog.getExistingDirectory(self, "Open a project (a folder that ends with .unet)", str(start))
        if name:
            show_project(self._viewer, Path(name))

    def save_as(self) -> None:
        """Ask for another place and go on there; what was saved stays where it is."""
        path = self._ask_where("Save the project as")
        if path is not None:
            self._try(lambda: self.keeper.save_as(path))

    def save_copy(self) -> None:
        """Ask for a place and leave a copy there."""
        path = self._ask_where("Save a copy of the project")
        if path is not None:
            self._try(lambda: self.keeper.save_copy(path))

    def choose_place(self) -> None:
        """Ask in which folder new projects are made."""
        chosen = read_preferences()
        name = QFileDialog.getExistingDirectory(self, "Folder for new projects", chosen.place or str(Path.home()))
        if name:
            change_preferences(place=name)
            self.keeper.look_again()

    def _ask_where(self, title: str) -> Path | None:
        if self.keeper.folder is None:
            return None
        name, _ = QFileDialog.getSaveFileName(self, title, str(self.keeper.folder.path), f"Projects (*{SUFFIX})")
        if not name:
            return None
        path = Path(name)
        return path if path.suffix.lower() == SUFFIX else path.with_name(f"{path.name}{SUFFIX}")

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except (UserError, OSError) as error:
            self.keeper.warn(reason_of(error))

    def _turn(self, on: bool) -> None:
        change_preferences(keep=on)
        self.keeper.look_again()

    def _beside(self, on: bool) -> None:
        if on:
            change_preferences(place="")
            self.keeper.look_again()
        elif not read_preferences().place:
            self.choose_place()


def _entry(menu: QMenu, text: str, act: Callable[[], Any], enabled: bool = True) -> QAction:
    made = QAction(text, menu)
    made.setEnabled(enabled)
    made.triggered.connect(lambda _checked=False: act())
    menu.addAction(made)
    return made


def _tick(menu: QMenu, text: str, on: bool, turn: Callable[[bool], None]) -> None:
    made = QAction(text, menu)
    made.setCheckable(True)
    made.setChecked(on)
    made.toggled.connect(turn)
    menu.addAction(made)
