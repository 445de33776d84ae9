"""What methods are scored against (held-out strokes or a reference), where and how. Scores nothing."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QSpinBox, QWidget

from napari_unet.comparison.reference_values import Values, sentence
from napari_unet.inputs import Code
from napari_unet.objects.image_objects import ObjectSearch

from ..layers import same_shape
from ..widgets import combo_box
from .image_rows import ChosenImage
from .metric_choice import MetricsPanel
from .object_choice import ObjectChoice
from .reference_code import guess_code

HELD_OUT, REFERENCE = "strokes held out", "a reference layer"
CODES: tuple[tuple[str, Code], ...] = (
    ("mask: 0 = background", "mask"),
    ("painted: 1 = background", "painted"),
    ("objects: all but 0 is one class", "objects"),
)
MOST_FOLDS = 20
ALL_PLANES, SHOWN_PLANE = "all planes", "only the plane shown"


class ScoringPanel(QWidget):
    """Choices about scoring.

    Until the user has chosen, the code of the reference follows a guess, whose reason is shown.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_scoring")
        self._decided = False
        self.against = combo_box("compare_against", (HELD_OUT, REFERENCE), (
            "Strokes held out: some of your strokes are kept from all methods and they are scored there. Needs no "
            "reference, but strokes lie where people are sure: the true score is only known within an interval.\n"
            "A reference layer: labels drawn by an expert, say; gives all scores."
        ))
        self.code = combo_box("compare_reference_values", [words for words, _ in CODES], (
            "What the numbers in the reference mean. In a mask 0 is background and 1, 2, ... are classes; in painted "
            "labels 1 is background, 2, 3, ... are classes and 0 is not known and not scored; objects are numbered one "
            "by one, and all are of the one class that is painted."
        ))
        self.why = QLabel()
        self.why.setObjectName("compare_reference_guess")
        self.why.setWordWrap(True)
        self.why.setToolTip("Why these values were chosen for you. Change them above if it is wrong.")
        self.folds = QSpinBox()
        self.folds.setObjectName("compare_folds")
        self.folds.setRange(1, MOST_FOLDS)
        self.folds.setSpecialValueText("a quarter, twice")
        self.folds.setPrefix("in ")
        self.folds.setSuffix(" parts, each once")
        self.folds.setToolTip(
            "A quarter: about a quarter of the strokes is held out, and another quarter in a second fit; where the two "
            "fits disagree, one is wrong.\nIn several parts: every method learns as many times, and each stroke is "
            "held out once. Takes as much longer, and says more where there are few strokes."
        )
        self.folds.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.planes = combo_box("compare_planes", (ALL_PLANES, SHOWN_PLANE), (
            "Which planes of a stack are segmented and scored. Every method learns from all painted planes."
        ))
        self.measures = MetricsPanel()
        self.objects = ObjectChoice()
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(3)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._form.addRow("Score against", self.against)
        self._code_label, self._planes_label = QLabel("Its values"), QLabel("Planes")
        self._measures_label = QLabel("Measure")
        self._folds_label = QLabel("Held out")
        self._form.addRow(self._folds_label, self.folds)
        self._form.addRow(self._code_label, self.code)
        self._form.addRow(self.why)
        self._form.addRow(self._measures_label, self.measures)
        self._objects_label = QLabel("Objects")
        self._form.addRow(self._objects_label, self.objects)
        self._form.addRow(self._planes_label, self.planes)
        self.against.currentIndexChanged.connect(self._on_against)
        self.against.activated.connect(self._on_against_chosen)
        self.code.activated.connect(self._on_code_chosen)
        self.folds.valueChanged.connect(lambda _value: self.changed.emit())
        self.planes.currentIndexChanged.connect(lambda _index: self.changed.emit())
        self._against_decided = False
        self._on_against()

    @property
    def uses_reference(self) -> bool:
        """Whether a reference is scored against."""
        return self.against.currentText() == REFERENCE

    @property
    def reference_code(self) -> Values:
        """What the numbers in the reference mean; ``auto`` until the user has said."""
        return CODES[self.code.currentIndex()][1] if self._decided else "auto"

    @property
    def n_folds(self) -> int:
        """In how many parts strokes are held out."""
        return 1 if self.uses_reference else self.folds.value()

    @property
    def n_fits(self) -> int:
        """How many times each method learns."""
        return 1 if self.uses_reference else max(2, self.folds.value())

    @property
    def only_shown_plane(self) -> bool:
        """Whether only the plane in view is segmented and scored."""
        return self.planes.currentText() == SHOWN_PLANE

    @property
    def searches(self) -> tuple[ObjectSearch, ...]:
        """Ways by which objects are judged too; strokes are no whole objects."""
        return self.objects.searches if self.uses_reference else ()

    def suggest(self, has_reference: bool) -> None:
        """Score against a reference where there is one, unless the user has chosen."""
        if not self._against_decided:
            self.against.setCurrentText(REFERENCE if has_reference else HELD_OUT)

    def look_at(self, chosen: list[ChosenImage]) -> None:
        """Guess the code of the references, unless the user has chosen; and say why, or what is not clear."""
        first = next((one for one in chosen if one.reference is not None), None)
        self.why.setVisible(self.uses_reference)
        if first is None or first.reference is None:
            self.why.setText("Choose the reference of each image above." if self.uses_reference else "")
            return
        if not same_shape(first.reference, first.image):
            self.why.setText(f"{first.reference.name!r} has another shape than {first.image.name!r}.")
            return
        guess = guess_code(chosen)
        if not self._decided:
            self.code.setCurrentIndex(-1 if guess.code is None else [code for _, code in CODES].index(guess.code))
        self.why.setText(sentence("it", guess))

    def show_planes(self, several: bool) -> None:
        """Offer the choice of planes only where there are several."""
        self.planes.setVisible(several)
        self._planes_label.setVisible(several)
        if not several:
            self.planes.setCurrentText(ALL_PLANES)

    def _on_against_chosen(self, _index: int) -> None:
        self._against_decided = True

    def _on_code_chosen(self, _index: int) -> None:
        self._decided = True
        self.changed.emit()

    def _on_against(self, _index: int = 0) -> None:
        self.folds.setVisible(not self.uses_reference)
        self._folds_label.setVisible(not self.uses_reference)
        self.code.setVisible(self.uses_reference)
        self._code_label.setVisible(self.uses_reference)
        self.why.setVisible(self.uses_reference)
        self.measures.setVisible(self.uses_reference)  # strokes have no outlines and no parts
        self._measures_label.setVisible(self.uses_reference)
        self.objects.setVisible(self.uses_reference)
        self._objects_label.setVisible(self.uses_reference)
        self.changed.emit()
