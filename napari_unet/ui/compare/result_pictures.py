"""Charts and small error maps of a comparison, drawn in another thread. Scores nothing, writes no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QImage, QMouseEvent, QPixmap, QResizeEvent
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.rows import Row
from napari_unet.report.error_maps import COLOURS, NAMES, error_map, painted_errors, ringed_errors
from napari_unet.report.paired_differences import RankedMethod
from napari_unet.report.plane_choice import ShownPlane, planes_to_show, shown_objects
from napari_unet.report.rasters import encode_png, parse_colour, plane_rgb, shrunk

from ..widgets import text_line
from ..worker_group import WorkerGroup
from ..workers import Worker, error_sentence

_SIDE = 320  # px of a small picture
_DPI = 110  # of the charts


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as PNG with words below it; ``method`` is whose result it is, or nothing."""

    png: bytes
    words: str
    method: str = ""


def draw_charts(
    rows: Sequence[Row], ranked: Sequence[RankedMethod], titles: Mapping[str, str], pixels: int
) -> Generator[Picture, None, None]:
    """Yield the bars, then the scatter if there is one, about so many pixels wide."""
    from napari_unet.report.charts import bars, scatter

    width = min(max(pixels / _DPI, 3.0), 8.0)
    if ranked:
        told = "Mean and standard deviation over planes. Dark: best. Light blue: not told apart from it."
        yield Picture(bars(ranked, titles, width=width), told)
    dots = scatter(rows, titles, width=width)
    if dots is not None:
        yield Picture(dots, "Methods level in Dice may differ by hundreds of components and holes.")


def draw_maps(
    comparison: Comparison, order: Sequence[str], titles: Mapping[str, str], place: tuple[int, int] | None
) -> Generator[Picture, None, None]:
    """Yield the image, the reference, and of every method where it is wrong, on one plane.

    Parameters
    ----------
    comparison : Comparison
    order : sequence of str
        Methods.
    titles : mapping
        What people read.
    place : (int, int), optional
        Numbers of image and plane; None = where there is most to see.
    """
    shown = planes_to_show(comparison, None if place is None else [place], most=1)
    if not shown:
        return
    one = shown[0]
    base = plane_rgb(one.image, one.plane)[one.box]
    where = one.image.name + (f", plane {one.plane}" if one.image.n_planes > 1 else "")
    yield Picture(encode_png(shrunk(base, _SIDE)), where)
    if one.reference is not None:
        out = base.copy()
        for number in comparison.classes.ids:
            if number > 1 or comparison.held_out:
                inside = one.reference[one.box] == number
                out[inside] = 0.45 * out[inside] + 0.55 * parse_colour(comparison.classes.color(number))
        yield Picture(encode_png(shrunk(out, _SIDE)), "strokes held out" if comparison.held_out else "reference")
    for method in order:
        if method in one.masks and one.masks[method].any():
            yield _map(comparison, one, method, titles.get(method, method), base)


def _map(comparison: Comparison, one: ShownPlane, method: str, title: str, base: Any) -> Picture:
    labels = one.masks[method][one.box]
    reference = one.reference if one.reference is not None else np.zeros(one.image.plane_shape, np.uint8)
    errors = error_map(labels, reference[one.box], dense=not comparison.held_out,
                       objects=shown_objects(comparison, one, method))
    picture = painted_errors(base, errors)
    small = shrunk(picture, _SIDE)
    factor = max(picture.shape[:2]) / max(small.shape[:2])
    small = ringed_errors(small, errors, factor)
    words = ", ".join(f"{NAMES[code]} {errors.count(code)} px" for code in COLOURS if errors.count(code)) or "no error"
    if errors.objects is not None:
        words += f"; {errors.objects.words}"
    elif not comparison.held_out:
        words += f"; {len(errors.strays)} stray, {len(errors.holes)} holes"
    return Picture(encode_png(small), f"{title}: {words}", method)


class PictureLabel(QLabel):
    """A picture that shrinks with the dock, never larger than it is."""

    clicked = Signal()

    def __init__(self, picture: Picture, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = QPixmap.fromImage(QImage.fromData(picture.png))
        self.setMinimumSize(80, 40)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setToolTip(picture.words)

    def sizeHint(self) -> QSize:
        """Return the size of the whole picture."""
        return self._whole.size()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the picture into the width."""
        super().resizeEvent(event)
        width = min(self.width(), self._whole.width())
        scaled = self._whole.scaledToWidth(max(1, width), Qt.TransformationMode.SmoothTransformation)
        self.setPixmap(scaled)
        self.setFixedHeight(scaled.height())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Tell that it was clicked."""
        super().mousePressEvent(event)
        self.clicked.emit()


class PictureView(QScrollArea):
    """Pictures below (or beside) each other.

    Parameters
    ----------
    name : str
        objectName.
    columns : int
    nothing : str
        What it says while there is no picture.
    workers : WorkerGroup

    Signals
    -------
    method_clicked : str
    """

    method_clicked = Signal(str)

    def __init__(self, name: str, columns: int, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._columns, self._nothing = columns, nothing
        self._workers: WorkerGroup | None = None
        self._worker: Worker | None = None
        self._asked = 0
        self._work: Any = None
        self.words: list[str] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self.state = text_line(f"{name}_state")
        self.state.setText(nothing)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        column_ = QVBoxLayout(inside)
        column_.setContentsMargins(4, 4, 4, 4)
        column_.addWidget(self.state)
        column_.addLayout(self._grid)
        column_.addStretch(1)
        self.setWidget(inside)

    def use(self, workers: WorkerGroup) -> None:
        """Draw with these workers."""
        self._workers = workers

    def forget(self) -> None:
        """Show nothing, and ask for nothing."""
        self._stop()
        self._work = None
        self._clear()
        self.state.setText(self._nothing)
        self.state.show()

    def ask(self, work: Any) -> None:
        """Draw what a generator of pictures yields, at once if it can be seen, else when it is looked at."""
        self._work = work
        if self.isVisible():
            self.look()

    def look(self) -> None:
        """Draw what was asked for last, if that has not been done."""
        if self._work is None or self._workers is None:
            return
        self._stop()
        work, self._work = self._work, None
        self._asked += 1
        asked = self._asked
        self._clear()
        self.state.setText("Drawing…")
        self.state.show()
        self._worker = self._workers.start(
            work, "napari-unet pictures", on_item=lambda item: self._on_picture(asked, item),
            on_error=lambda error: self._on_error(asked, error), on_end=lambda: self._on_end(asked),
        )

    def _stop(self) -> None:
        self._asked += 1
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _clear(self) -> None:
        self.words.clear()
        while self._grid.count():
            taken = self._grid.takeAt(0)
            widget = taken.widget() if taken is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _on_picture(self, asked: int, picture: Picture) -> None:
        if asked != self._asked:
            return
        self.state.hide()
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(1)
        shown = PictureLabel(picture)
        words = text_line(f"{self.objectName()}_words_{len(self.words)}")
        words.setText(picture.words)
        column.addWidget(shown)
        column.addWidget(words)
        column.addStretch(1)
        if picture.method:
            shown.setCursor(Qt.CursorShape.PointingHandCursor)
            shown.setObjectName(f"{self.objectName()}_{picture.method}")
            shown.clicked.connect(partial(self.method_clicked.emit, picture.method))
        place = len(self.words)
        self.words.append(picture.words)
        self._grid.addWidget(whole, place // self._columns, place % self._columns)

    def _on_error(self, asked: int, error: Exception) -> None:
        if asked == self._asked:
            self.state.setText(f"No picture: {error_sentence(error)}")
            self.state.show()

    def _on_end(self, asked: int) -> None:
        if asked == self._asked:
            self._worker = None
            if not self.words and self.state.text() == "Drawing…":
                self.state.setText(self._nothing)
