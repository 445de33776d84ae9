"""A comparison as one picture: image, strokes, each method's result, reference. Changes no state of matplotlib."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError

from .lettering import lettering
from .plane_choice import ComparisonLike, Labels, ShownPlane, planes_to_show
from .rasters import Rgb, parse_colour, plane_rgb
from .summary import format_value, summarise

WIDTH, DPI = 10.0, 150  # inches; 1500 pixels
_MARGIN, _GAP, _HEADING, _TITLE, _LEGEND = 0.12, 0.08, 0.30, 0.38, 0.24  # inches
_LEGEND_COLUMNS = 6


@dataclasses.dataclass(frozen=True, eq=False)
class _Panel:
    """One small picture (Y, X, 3) with two lines above it, and words over it where there is nothing to see."""

    title: str
    subtitle: str
    picture: Rgb
    words: str = ""


def draw(
    comparison: ComparisonLike,
    path: str | os.PathLike[str],
    *,
    planes: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Draw a comparison and save it (PNG 1500 pixels wide, or whatever the name ends in).

    Parameters
    ----------
    comparison : ComparisonLike
        What :func:`napari_unet.workflows.compare` returns, or anything with the same attributes.
    path : path
        Replaced if it exists.
    planes : sequence of (int, int), optional
        Numbers of image and plane to show; by default up to two that show much of every class and are scored.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = planes_to_show(comparison, planes)
    panels = [_panels(one, comparison) for one in chosen]
    columns = _columns(max(map(len, panels)))
    side = (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) / columns
    heights = [side * _aspect(one) for one in chosen]
    lines = [math.ceil(len(line) / columns) for line in panels]
    legend = _LEGEND * math.ceil(len(comparison.training.classes.classes) / _LEGEND_COLUMNS) + 0.1
    height = legend + _MARGIN + sum(
        _HEADING + count * (_TITLE + tall + _GAP) for count, tall in zip(lines, heights, strict=True)
    )
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    top = height - _MARGIN / 2
    for one, line, count, tall in zip(chosen, panels, lines, heights, strict=True):
        _write(figure, _heading(one), _MARGIN, top - 0.18, WIDTH - 2 * _MARGIN, 10, weight="bold")
        top -= _HEADING
        for place, panel in enumerate(line):
            row, column = divmod(place, columns)
            left = _MARGIN + column * (side + _GAP)
            bottom = top - (row + 1) * (_TITLE + tall) - row * _GAP
            _draw_panel(figure, panel, left, bottom, side, tall)
        top -= count * (_TITLE + tall + _GAP)
    _draw_legend(figure, comparison.training.classes)
    try:
        figure.savefig(path, dpi=DPI)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}). Choose another folder.") from None


def _columns(count: int) -> int:
    """Panels side by side: one line for up to five, otherwise even lines of at most five."""
    return math.ceil(count / math.ceil(count / 5)) if count > 5 else max(count, 3)


def _aspect(one: ShownPlane) -> float:
    """Height over width of the panels of a plane; very long planes keep a margin."""
    rows, columns = (part.stop - part.start for part in one.box)
    return min(max(rows / columns, 0.25), 1.6)


def _heading(one: ShownPlane) -> str:
    text = one.image.name
    if one.image.n_planes > 1:
        text += f", plane {one.plane}"
    whole, rows, columns = one.image.plane_shape, *(part.stop - part.start for part in one.box)
    return text if whole == (rows, columns) else f"{text} (detail of {rows} × {columns} of {whole[0]} × {whole[1]} px)"


# -- what is in the panels --------------------------------------------------------------------------------------------


def _panels(one: ShownPlane, comparison: ComparisonLike) -> list[_Panel]:
    classes = comparison.training.classes
    picture = plane_rgb(one.image, one.plane)
    base = picture[one.box]
    panels = [_Panel("image", "", base), _strokes_panel(one, comparison, picture)]
    for method, labels in one.masks.items():
        part = labels[one.box]
        if labels.any():
            panels.append(_Panel(method, _numbers(comparison, one, method), _filled(base, part, classes)))
        else:
            panels.append(_Panel(method, "", base * np.float32(0.5), "not segmented"))
    if one.reference is not None:
        part = one.reference[one.box]
        if comparison.held_out:
            panels.append(_Panel("held-out strokes", "kept from all methods", _painted(base, part, classes)))
        else:
            unknown = "dark: not known" if not part.all() else ""
            dark = np.where((part == 0)[..., None], base * np.float32(0.35), base)
            panels.append(_Panel("reference", unknown, _filled(dark, part, classes)))
    return panels


def _strokes_panel(one: ShownPlane, comparison: ComparisonLike, picture: Rgb) -> _Panel:
    if one.strokes_plane < 0:
        return _Panel("strokes", "", picture[one.box] * np.float32(0.5), "none in this image")
    scribbles = comparison.training.pairs[one.number].scribbles
    strokes = scribbles.planes[one.strokes_plane]
    elsewhere = one.strokes_plane != one.plane
    below = plane_rgb(one.image, one.strokes_plane) if elsewhere else picture
    several = f"{len(scribbles.planes)} painted planes" if len(scribbles.planes) > 1 else ""
    subtitle = ", ".join(part for part in (f"plane {one.strokes_plane}" if elsewhere else "", several) if part)
    box = one.strokes_box
    return _Panel("strokes", subtitle, _painted(below[box], strokes[box], comparison.training.classes))


def _numbers(comparison: ComparisonLike, one: ShownPlane, method: str) -> str:
    """Dice of this plane and of all (mean over classes), how far it holds without a reference, and the seconds."""
    rows = [row for row in comparison.rows if row.method == method]
    overall = summarise(rows)
    here = summarise([row for row in rows if (row.image, row.plane) == (one.image.name, one.plane)])
    dice_here, dice, seconds = here.get(method, "dice"), overall.get(method, "dice"), overall.get(method, "seconds")
    scored = {(row.image, row.plane) for row in rows if row.metric == "dice" and row.value is not None}
    parts = []
    if dice is not None and dice_here is not None and len(scored) > 1:
        parts.append(f"Dice {format_value(dice_here, '')} here, {format_value(dice, '')} overall")
    elif dice is not None:
        parts.append(f"Dice {format_value(dice, '')}" + ("" if dice_here is not None else " overall"))
    if likely := overall.likely(method):
        parts.append(f"likely {likely.text}")
    if seconds is not None:
        parts.append(f"{format_value(seconds, 's')} s")
    return " · ".join(parts)


def _painted(base: Rgb, strokes: Labels, classes: ClassTable) -> Rgb:
    """Lay opaque strokes of all classes over a picture."""
    out = base.copy()
    for number in np.unique(strokes[strokes > 0]):
        out[strokes == number] = parse_colour(classes.color(int(number)))
    return out


def _filled(base: Rgb, labels: Labels, classes: ClassTable) -> Rgb:
    """Lay transparent areas with opaque outlines over a picture; the background stays clear."""
    out = base.copy()
    edge = np.zeros(labels.shape, bool)
    for one, other in (((slice(1, None),), (slice(None, -1),)),
                       ((slice(None), slice(1, None)), (slice(None), slice(None, -1)))):
        differs = labels[one] != labels[other]
        edge[one] |= differs
        edge[other] |= differs
    for number in np.unique(labels[labels > 1]):
        inside = labels == number
        tint = parse_colour(classes.color(int(number)))
        out[inside] = np.float32(0.55) * out[inside] + np.float32(0.45) * tint
        out[inside & edge] = tint
    return out


# -- putting it on paper ----------------------------------------------------------------------------------------------


def _draw_panel(figure: Any, panel: _Panel, left: float, bottom: float, side: float, tall: float) -> None:
    """Draw one panel; lengths in inches from the lower left corner of the figure."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, bottom / height, side / width, tall / height))
    axes.imshow(panel.picture, interpolation="auto", aspect="equal")
    axes.set_axis_off()
    _write(figure, panel.title, left, bottom + tall + 0.18, side, 9, weight="bold")
    _write(figure, panel.subtitle, left, bottom + tall + 0.045, side, 7.5, color="#444444")
    if panel.words:
        axes.text(0.5, 0.5, panel.words, transform=axes.transAxes, ha="center", va="center", color="white", fontsize=9,
                  parse_math=False)


def _write(figure: Any, text: str, left: float, bottom: float, room: float, size: float, **look: Any) -> None:
    """Write a line that never runs into its neighbour: smaller if it must be, then cut short."""
    if not text:
        return
    text, families = lettering(text)
    if families:
        look["fontfamily"] = families
    width, height = figure.get_size_inches()
    written = figure.text(left / width, bottom / height, text, fontsize=size, ha="left", va="baseline",
                          parse_math=False, **look)

    def too_long() -> bool:
        return bool(written.get_window_extent(figure.canvas.get_renderer()).width > room * DPI)

    while too_long() and written.get_fontsize() > 6:
        written.set_fontsize(written.get_fontsize() - 0.5)
    while too_long() and len(text) > 1:
        text = text[:-1]
        written.set_text(text.rstrip() + "…")


def _draw_legend(figure: Any, classes: ClassTable) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=one.color, edgecolor="#444444", linewidth=0.5) for one in classes.classes]
    legend = figure.legend(handles, ["class"] * len(handles), loc="lower center", frameon=False, fontsize=9,
                           ncols=min(len(handles), _LEGEND_COLUMNS), borderaxespad=0.2, handlelength=1.2)
    for text, one in zip(legend.get_texts(), classes.classes, strict=True):
        text.set_parse_math(False)
        name = one.name if len(one.name) <= 24 else one.name[:23] + "…"
        drawn, families = lettering(name)
        text.set_text(drawn + (" (clear in results)" if one.id == 1 else ""))
        if families:
            text.set_fontfamily(families)
