"""The list of methods to tick, in families, with presets and a box to find one. Fits nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.comparison.contenders import DEFAULT_METHODS, PRESETS, Contender, expand_presets
from napari_unet.core.errors import UserError
from napari_unet.core.method import Model
from napari_unet.io.recipe import Recipe
from napari_unet.segmenters import FAMILIES, REGISTRY, family_of

from ..widgets import button
from .method_families import MethodFamily
from .method_row import ContenderRow, MethodRow, ModelRow
from .time_budget import TimeBudget

OWN_CHOICE = "own choice"
FILES, TRAINED = "files", "trained"
_TRAINED_HELP = (
    "The model that the Train U-Net dock has now: no waiting, but it may have seen the strokes it is scored on. For a "
    "fair contest let a network learn here instead."
)


class MethodList(QWidget):
    """All registered methods, recipes and models from files, and the model of the training dock once there is one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_methods")
        self.presets = QComboBox()
        self.presets.setObjectName("compare_preset")
        self.presets.setToolTip("\n".join(["Tick a group of methods at once."] + [
            f"{name}: {what}" for name, what in PRESETS.items()]))
        self.presets.addItem(OWN_CHOICE)
        self.presets.addItems(list(PRESETS))
        self.presets.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.search = QLineEdit()
        self.search.setObjectName("compare_search")
        self.search.setPlaceholderText("find a method")
        self.search.setToolTip("Show only methods with these words in their name or description.")
        self.search.setClearButtonEnabled(True)
        self.load = button("Load…", "compare_load", (
            "Add a recipe (a method with its parameters, .json) or a fitted model (.pt) from a file."
        ))
        self.families = {key: MethodFamily(key, title) for key, title in FAMILIES.items()}
        self.families[FILES] = MethodFamily(FILES, "From files and from Train U-Net")
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(4)
        top.addWidget(self.presets, 3)
        top.addWidget(self.search, 4)
        top.addWidget(self.load)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(top)
        for family in self.families.values():
            column.addWidget(family)
            family.changed.connect(self._on_ticked)
        for entry in REGISTRY:
            row = MethodRow(entry.name, entry.title, entry.summary, entry.item)
            self.families[family_of(entry)].add(row)
        for family in self.families.values():
            family.setVisible(bool(family.rows))
        self._quiet = False
        self.tick(DEFAULT_METHODS)
        self.presets.activated.connect(self._on_preset)
        self.search.textChanged.connect(self._on_search)

    @property
    def rows(self) -> list[ContenderRow]:
        """All that can take part."""
        return [row for family in self.families.values() for row in family.rows]

    @property
    def titles(self) -> dict[str, str]:
        """What people read, by name."""
        return {row.name: row.title for row in self.rows}

    def ticked(self) -> Sequence[str]:
        """Return the names of those that take part."""
        return [row.name for row in self.rows if row.tick.isChecked()]

    def counts(self) -> tuple[int, int]:
        """Return how many methods take part that do not train by the clock, and how many that do."""
        chosen = [row.trains for row in self.rows if row.tick.isChecked()]
        return chosen.count(False), chosen.count(True)

    def tick(self, names: Iterable[str]) -> None:
        """Tick these and no others."""
        wanted = set(names)
        self._quiet = True
        for row in self.rows:
            row.tick.setChecked(row.name in wanted)
        self._quiet = False
        self._on_ticked()

    def contenders(self, time: TimeBudget) -> list[Contender]:
        """Return those that take part, with their settings.

        Raises
        ------
        UserError
            If none is ticked, or one cannot be made (the message names it).
        """
        made = []
        for row in self.rows:
            if row.tick.isChecked():
                try:
                    made.append(row.contender(time))
                except UserError as error:
                    raise UserError(f"{row.title}: {error}") from None
        if not made:
            raise UserError("No method is ticked. Tick at least one, or choose a preset.")
        return made

    # -- what comes from elsewhere ---------------------------------------------------------------------------------

    def offer_trained(self, model: Model | None) -> None:
        """Let the model of the training dock take part once there is one."""
        row = next((one for one in self.families[FILES].rows if one.name == TRAINED), None)
        if isinstance(row, ModelRow) and model is not None:
            row.model = model
        elif row is not None:
            self.families[FILES].remove(row)
        elif model is not None:
            self._add(ModelRow(TRAINED, "Model of Train U-Net", _TRAINED_HELP, model))

    def add_recipe(self, path: str, recipe: Recipe) -> None:
        """Add a method with the parameters of a recipe, ticked."""
        name = self._free(Path(path).stem)
        of = REGISTRY.entry(recipe.method).title
        self._add(MethodRow(name, f"{name} (recipe)", f"{of} with the parameters in {path}.", REGISTRY[recipe.method],
                            start=recipe.make()), tick=True)

    def add_model(self, path: str, model: Model) -> None:
        """Add a fitted model, ticked."""
        name = self._free(Path(path).stem)
        self._add(ModelRow(name, f"{name} (model)", f"The model in {path}; it is used as it is.", model), tick=True)

    def _add(self, row: ContenderRow, tick: bool = False) -> None:
        family = self.families[FILES]
        family.add(row)
        family.show_matching(self.search.text())
        family.open()
        row.tick.setChecked(tick)

    def _free(self, name: str) -> str:
        """Return a name that nobody has."""
        taken, tried, count = self.titles, name, 1
        while tried in taken:
            count += 1
            tried = f"{name} ({count})"
        return tried

    # -- presets and search ----------------------------------------------------------------------------------------

    def _on_preset(self, index: int) -> None:
        if index < 1:
            return
        chosen = expand_presets([self.presets.itemText(index)])
        for row in self.rows:
            parameters = chosen.get(row.name)
            if parameters and isinstance(row, MethodRow):  # a full-width network of 2015 learns nothing in a minute
                row.form.set_values(parameters)
        self.tick(map(str, chosen))

    def _on_search(self, text: str) -> None:
        for family in self.families.values():
            family.show_matching(text)

    def _on_ticked(self) -> None:
        if self._quiet:
            return
        ticked = set(self.ticked())
        names = [OWN_CHOICE, *(name for name in PRESETS if set(expand_presets([name])) == ticked)]
        blocked = QSignalBlocker(self.presets)
        self.presets.setCurrentText(names[-1])
        blocked.unblock()
        self.changed.emit()
