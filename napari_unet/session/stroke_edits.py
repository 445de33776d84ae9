"""Operations on strokes and classes, each one step of undo. They change a session and no layer.

What a person has painted is never painted over by a prediction, a filling or a file: those only paint where nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable, PaintedClass, default_color, merged
from ..core.components import label_components
from ..core.errors import UserError
from ..core.scribbles import Scribbles
from .annotations import Annotations
from .block_edits import blocks_after_change, is_changed_in_blocks
from .edit_history import EditOutcome

Planes = dict[int, NDArray[np.uint8]]

NOTHING_PAINTED = "There is nothing to clear: nothing is painted there."


def clear_strokes(
    session: Annotations, keys: Iterable[Hashable] | None = None, *, plane: int | None = None,
    number: int | None = None,
) -> EditOutcome:
    """Take strokes away: of some images (default: all), of one plane or all, of one class or all."""
    chosen = session.keys if keys is None else tuple(keys)
    whose = "" if number is None else f" of {session.classes.name(number)}"
    where = " of all images" if keys is None else "".join(f" of {session.pair(key).image.name}" for key in chosen[:1])
    stacks = any(len(session.pair(key).scribbles.shape) > 2 for key in chosen)
    text = f"clear strokes{whose}{where}" + (f", plane {plane}" if plane is not None and stacks else "")
    outcome = _edit_all(session, text, chosen, lambda paint: np.zeros_like(paint) if number is None
                        else np.where(paint == number, np.uint8(0), paint), plane)
    return outcome if outcome.changed else EditOutcome(False, NOTHING_PAINTED)


def remove_class(session: Annotations, number: int) -> EditOutcome:
    """Take a class and its strokes away, on all images."""
    _check_class(session, number)
    return _edit_all(
        session, f"remove class {session.classes.name(number)}", session.keys,
        lambda paint: np.where(paint == number, np.uint8(0), paint), classes=without_class(session.classes, number),
    )


def merge_classes(session: Annotations, number: int, into: int) -> EditOutcome:
    """Let the strokes of a class be of another one, on all images; the first one is no class any more.

    Raises
    ------
    UserError
        If one of them is none, or both are the same, or the background is to go.
    """
    _check_class(session, number)
    if into == number or into not in session.classes.ids:
        raise UserError(f"{session.classes.name(number)!r} cannot be merged into class {into}. Allowed: "
                        f"{', '.join(one.name for one in session.classes.classes if one.id != number)}.")
    rows = tuple(one for one in session.classes.classes if one.id != number)
    return _edit_all(
        session, f"merge {session.classes.name(number)} into {session.classes.name(into)}", session.keys,
        lambda paint: np.where(paint == number, np.uint8(into), paint),
        derived={key: session.pair(key).scribbles.derived for key in session.keys},
        classes=ClassTable(rows),
    )


def change_classes(session: Annotations, classes: ClassTable) -> EditOutcome:
    """Put another class table in place: a class was added, renamed or recoloured."""
    return session.edit(_difference(session.classes, classes), classes=classes)


def accept_labels(
    session: Annotations, key: Hashable, plane: int, labels: NDArray[np.uint8], text: str = "take over the prediction",
) -> EditOutcome:
    """Paint what was predicted where nothing is painted; it is learnt from, and never used for scoring.

    Parameters
    ----------
    session : Annotations
    key : hashable
        Of the pair.
    plane : int
    labels : ndarray of uint8, shape (Y, X)
        Painted ids; 0 where nothing is to be painted.
    text : str
        What people read behind *Undo*.
    """
    scribbles = _whole_strokes(session, key)
    paint = scribbles.planes.get(plane, np.zeros(scribbles.shape[-2:], np.uint8))
    new = (paint == 0) & (labels > 0)
    marks = new | (scribbles.derived.get(plane, np.uint8(0)) > 0)
    return session.edit(f"{text} on {session.pair(key).image.name}", {key: {plane: np.where(new, labels, paint)}},
                        derived={key: {plane: marks.astype(np.uint8)}})


def fill_at(
    session: Annotations, key: Hashable, plane: int, row: int, column: int, number: int,
    predicted: NDArray[np.uint8] | None = None,
) -> EditOutcome:
    """Fill what is under the pointer: ground that strokes enclose, else the region that is predicted there.

    Parameters
    ----------
    session : Annotations
    key : hashable
        Of the pair.
    plane, row, column : int
        Where the pointer is.
    number : int
        The class to fill with.
    predicted : ndarray of uint8, shape (Y, X), optional
        Painted ids as predicted, 0 where nothing is.
    """
    scribbles = _whole_strokes(session, key)
    paint = scribbles.planes.get(plane, np.zeros(scribbles.shape[-2:], np.uint8))
    if not (0 <= row < paint.shape[0] and 0 <= column < paint.shape[1]):
        return EditOutcome(False, "The pointer is outside of the image. Point at what is to be filled.")
    if paint[row, column]:
        return EditOutcome(False, "This is painted already. Point at ground that strokes enclose, or at a prediction.")
    name = session.classes.name(number)
    ground = label_components(paint == 0, corners=False)
    region = ground == ground[row, column]
    if not (region[[0, -1]].any() or region[:, [0, -1]].any()):
        return session.edit(f"fill with {name}", {key: {plane: np.where(region, np.uint8(number), paint)}})
    if predicted is None or not predicted[row, column]:
        return EditOutcome(False, "No strokes enclose this place, and nothing is predicted there.")
    parts = label_components(predicted, corners=False)
    region = parts == parts[row, column]
    return accept_labels(session, key, plane, np.where(region, np.uint8(number), np.uint8(0)),
                         f"fill the predicted region with {name}")


def import_strokes(
    session: Annotations, key: Hashable, painted: NDArray[np.uint8], classes: ClassTable | None = None,
    name: str = "a file",
) -> EditOutcome:
    """Paint strokes that come from elsewhere where nothing is painted.

    Parameters
    ----------
    session : Annotations
    key : hashable
        Of the pair.
    painted : ndarray of uint8, of the image's shape
        Painted ids, 0 where nothing is.
    classes : ClassTable, optional
        Names and colours that came with them; classes that are there keep theirs.
    name : str
        Where they come from.
    """
    scribbles = _whole_strokes(session, key)
    new = Scribbles.from_array(painted, name)
    if new.shape != scribbles.shape:
        raise UserError(f"{name} has shape {new.shape}, but strokes on {session.pair(key).image.name!r} need "
                        f"{scribbles.shape}. Choose the file that belongs to this image.")
    empty = np.zeros(scribbles.shape[-2:], np.uint8)
    planes: Planes = {}
    for number, plane in new.planes.items():
        old = scribbles.planes.get(number, empty)
        planes[number] = np.where(old == 0, plane, old)
    table = None if classes is None else merged(session.classes, classes, bool(session.snapshots.get().counts()))
    outcome = session.edit(f"import {name}", {key: planes}, classes=table)
    return outcome if outcome.changed else EditOutcome(False, f"{name} holds nothing that is not painted already.")


def without_class(classes: ClassTable, number: int) -> ClassTable:
    """Return the table without a class; a class stays to be painted beside the background."""
    rows = tuple(one for one in classes.classes if one.id != number)
    if all(one.id == 1 for one in rows):
        rows = (*rows, PaintedClass(2, "class 2", default_color(2)))
    return ClassTable(rows)


def _edit_all(
    session: Annotations, text: str, keys: Iterable[Hashable],
    change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], plane: int | None = None, *,
    derived: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]] | None = None, classes: ClassTable | None = None,
) -> EditOutcome:
    """Change the painted pixels of some images (or of one plane of theirs), as one operation."""
    strokes = {key: session.pair(key).scribbles for key in keys}
    large = {key for key, one in strokes.items() if is_changed_in_blocks(one.shape)}
    planes = {key: {number: change(paint) for number, paint in one.planes.items() if plane in (None, number)}
              for key, one in strokes.items() if key not in large}
    blocks = {key: blocks_after_change(strokes[key], change, plane) for key in strokes if key in large}
    return session.edit(text, planes, derived={key: marks for key, marks in (derived or {}).items() if key in planes},
                        classes=classes, blocks=blocks)


def _whole_strokes(session: Annotations, key: Hashable) -> Scribbles:
    """Return the strokes of an image, for what puts a plane of them together.

    Raises
    ------
    UserError
        If they are too large for that.
    """
    pair = session.pair(key)
    if is_changed_in_blocks(pair.scribbles.shape):
        raise UserError(f"{pair.image.name!r} is too large for this ({pair.image.shape[-2]} x {pair.image.shape[-1]} "
                        "pixels). Paint with the brush instead, far out with a wide one.")
    return pair.scribbles


def _check_class(session: Annotations, number: int) -> None:
    if number == 1 or number not in session.classes.ids:
        others = ", ".join(f"{one.id} ({one.name})" for one in session.classes.classes if one.id != 1)
        raise UserError(f"Class {number} cannot go. Allowed: {others or 'none, there is only the background'}.")


def _difference(before: ClassTable, after: ClassTable) -> str:
    """Say in a few words how a class table becomes another."""
    old, new = ({one.id: one for one in table.classes} for table in (before, after))
    said = [f"add {new[number].name}" for number in new if number not in old]
    said += [f"remove {old[number].name}" for number in old if number not in new]
    for number in sorted(set(old) & set(new)):
        if old[number].name != new[number].name:
            said.append(f"rename {old[number].name} to {new[number].name}")
        elif old[number].color != new[number].color:
            said.append(f"recolour {new[number].name}")
    return ", ".join(said) or "change classes"
