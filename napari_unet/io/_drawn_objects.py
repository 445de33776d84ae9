"""Objects as shapes on planes, as ROIs and polygons hold them, and as numbers of pixels. Knows no format."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import MAX_CLASS_ID, ClassTable, PaintedClass, default_color
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.readable import readable
from napari_unet.objects.object_map import ObjectMap
from napari_unet.objects.outlines import Outline, Ring, object_outlines, pixels_inside

from ._imagej import imagej_slots

LARGEST_NUMBER = 2**24
"""Objects of other programs with larger numbers are numbered anew: every number up to the largest takes memory."""

_FAR = 1e7
"""Coordinates beyond are no pixels of any image."""

PutObject = Callable[[list[Outline], int, Mapping[str, int]], None]
"""Writes one object on one plane: its outlines, the painted id of its class, where the plane lies along T, Z and C."""


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedObjects:
    """Objects out of a file.

    Parameters
    ----------
    found : ObjectMap
        Numbers (..., Y, X).
    classes : ClassTable
        Names and colours of their classes, background included.
    geometry : Geometry or None
        Where they lie; None where the file does not say.
    note : str
        What people should know about how the file was read; empty if all was plain.
    told : bool
        Whether the file says of which class its objects are.
    """

    found: ObjectMap
    classes: ClassTable
    geometry: Geometry | None = None
    note: str = ""
    told: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class DrawnShape:
    """One shape on one plane.

    Parameters
    ----------
    name : str
        What messages call it.
    rings : tuple of ndarray (n, 2)
        x, y; what lies in an odd number of them is inside.
    place : mapping of str to int
        Plane along T, Z and C, from 0; a letter that is missing is not told.
    number : int
        Of its object; 0 = not told.
    class_id : int
        Painted id; 0 = not told.
    class_name : str
    colour : str
        Of the class, ``#rrggbb`` or nothing.
    """

    name: str
    rings: tuple[Ring, ...]
    place: Mapping[str, int]
    number: int = 0
    class_id: int = 0
    class_name: str = ""
    colour: str = ""


def plane_places(shape: Sequence[int], axes: str, path: Any) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    """Yield the index of each plane, and where it lies along T, Z and C.

    Raises
    ------
    UserError
        If there are more axes of planes than three.
    """
    slots = imagej_slots(axes)
    if not slots:
        raise UserError(f"{path} holds planes along T, Z and C only, not the axes {axes}. Save as TIFF or OME-Zarr.")
    theirs = {ours: letter for letter, ours in slots}
    for index in np.ndindex(*shape[:-2]):
        yield index, {theirs[ours]: at for ours, at in zip(axes, index, strict=False)}


def put_outlines(put: PutObject, numbers: NDArray[Any], of_number: NDArray[np.uint8], place: Mapping[str, int]) -> None:
    """Write all objects of a plane, in the order of their numbers.

    Parameters
    ----------
    put : PutObject
    numbers : ndarray of int, shape (Y, X)
    of_number : ndarray of uint8
        Painted id of the class by number.
    place : mapping of str to int
    """
    for number, parts in itertools.groupby(object_outlines(numbers), key=lambda one: one.number):
        put(list(parts), int(of_number[number]), place)


def objects_of_shapes(
    drawn: Sequence[DrawnShape], shape: tuple[int, ...], axes: str, path: Any, classes: ClassTable | None = None,
    notes: Sequence[str] = (),
) -> LoadedObjects:
    """Fill shapes with numbers.

    Parameters
    ----------
    drawn : sequence of DrawnShape
        Where two overlap, the later one counts.
    shape : tuple of int
        Of the image without channels.
    axes : str
        One letter for each axis of it; empty for letters of our own.
    path : path
        What messages call the file.
    classes : ClassTable, optional
        Known classes: a class of one of their names is that class.
    notes : sequence of str
        What is said already.

    Raises
    ------
    UserError
        If a shape lies outside the image, or on a plane that it does not have.
    """
    axes = axes or {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TZCYX"}.get(len(shape), "")
    slots = {letter: axes.index(ours) for letter, ours in imagej_slots(axes) if ours not in "YX"}
    if len(shape) != len(axes) or len(slots) != len(shape) - 2:
        raise UserError(f"Shapes lie on planes along at most three axes, not in an image of shape {shape}, axes "
                        f"{axes}. Give the objects as TIFF or OME-Zarr.")
    told = bool(drawn) and all(0 < one.number <= LARGEST_NUMBER for one in drawn)
    order = [one.number if told else place for place, one in enumerate(drawn, 1)]
    table, ids = _class_ids(drawn, classes)
    numbers, said = _painted(drawn, order, shape, slots, path)
    of_number = dict(zip(order, ids, strict=True))
    found = ObjectMap.of(numbers, of_number)
    if gone := len(of_number) - found.count:
        said.append(f"{gone} of {len(of_number)} objects in {path} have no pixel: too small, or covered by others.")
    classes_told = any(one.class_name or one.class_id for one in drawn)
    return LoadedObjects(found, table, note=" ".join([*notes, *said]), told=classes_told)


def _painted(
    drawn: Sequence[DrawnShape], order: Sequence[int], shape: tuple[int, ...], slots: Mapping[str, int], path: Any
) -> tuple[NDArray[np.uint32], list[str]]:
    """Fill shapes one after the other; return their pixels, and what is to be said about them."""
    numbers = np.zeros(shape, np.uint32)
    overlapping, cut, everywhere, elsewhere = 0, 0, 0, 0
    for one, number in zip(drawn, order, strict=True):
        box, inside = _inside(one, shape, path)
        cut += _reaches_out(one, shape)
        planes = _planes(one, shape, slots, path)
        everywhere += len(planes) > 1
        elsewhere += _tells_more(one, slots)
        for index in planes:
            place: Any = (*index, *box)
            here = numbers[place]
            overlapping += bool(((here[inside] > 0) & (here[inside] != number)).any())
            here[inside] = number
    return numbers, [f"{count} of {len(drawn)} shapes in {path} {words}." for count, words in (
        (overlapping, "overlap an earlier one: there the later one counts"),
        (cut, "reach out of the image: what is outside is left out"),
        (everywhere, "name no plane: they lie on all of them"),
        (elsewhere, "name planes along axes that the image does not have: they lie on what it has")) if count]


def _class_ids(drawn: Sequence[DrawnShape], classes: ClassTable | None) -> tuple[ClassTable, list[int]]:
    """Return a table with the classes of all shapes, and the painted id of each shape."""
    made: dict[int, PaintedClass] = {one.id: one for one in (classes.classes if classes else ())}
    ids: dict[tuple[str, int], int] = {}
    for one in drawn:
        key = one.class_name, one.class_id
        if key not in ids:
            ids[key] = _class_of(one, made)
    table = ClassTable(tuple(made[number] for number in sorted(made))).including([1, *ids.values()])
    return table, [ids[one.class_name, one.class_id] for one in drawn]


def _class_of(one: DrawnShape, made: dict[int, PaintedClass]) -> int:
    """Return the painted id of the class of a shape; what is new is put into ``made``."""
    name = readable(one.class_name).strip()
    by_name = {there.name: there.id for _, there in sorted(made.items()) if there.id > 1}
    if name in by_name:
        return by_name[name]
    if not name and not one.class_id:  # nothing told: the first class there is
        return min(by_name.values(), default=2)
    if one.class_id in made and not name:
        return one.class_id
    number = one.class_id if _is_free(one.class_id, made) else next(
        (free for free in range(2, MAX_CLASS_ID + 1) if _is_free(free, made)), MAX_CLASS_ID)
    word = name if name and name != "background" else f"class {number}"
    made[number] = PaintedClass(number, word, one.colour or default_color(number))
    return number


def _is_free(number: int, made: Mapping[int, PaintedClass]) -> bool:
    return 1 < number <= MAX_CLASS_ID and number not in made


def _inside(
    one: DrawnShape, shape: tuple[int, ...], path: Any
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return the pixels of a shape.

    Raises
    ------
    UserError
        If all of it lies outside of the image, or it is nowhere.
    """
    points = np.concatenate([np.asarray(ring, float) for ring in one.rings])
    if not np.isfinite(points).all() or np.abs(points).max() > _FAR:
        raise UserError(f"{readable(one.name)!r} in {path} has corners that are no places in an image. The file is "
                        "damaged; save it again in the program it comes from.")
    low, high = points.min(axis=0), points.max(axis=0)
    if (high <= 0).any() or low[0] >= shape[-1] or low[1] >= shape[-2]:
        raise UserError(
            f"{readable(one.name)!r} in {path} lies outside of the image: x {low[0]:g} to {high[0]:g}, y {low[1]:g} to "
            f"{high[1]:g}, but the image is {shape[-1]} wide and {shape[-2]} high. Choose the image that it belongs "
            "to; coordinates are pixels."
        )
    return pixels_inside(one.rings, (shape[-2], shape[-1]))


def _reaches_out(one: DrawnShape, shape: tuple[int, ...]) -> bool:
    points = np.concatenate([np.asarray(ring, float) for ring in one.rings])
    return bool((points < 0).any() or (points > (shape[-1], shape[-2])).any())


def _tells_more(one: DrawnShape, slots: Mapping[str, int]) -> bool:
    """Say whether a shape lies beyond the first plane along an axis that the image does not have."""
    if len(slots) == 1:  # the one axis goes by any name
        return sum(at > 0 for at in one.place.values()) > 1
    return any(at > 0 for letter, at in one.place.items() if letter not in slots)


def _planes(
    one: DrawnShape, shape: tuple[int, ...], slots: Mapping[str, int], path: Any
) -> list[tuple[int, ...]]:
    """Return the planes a shape lies on: all along an axis that it does not tell."""
    ranges = [range(size) for size in shape[:-2]]
    place = dict(one.place)
    if len(slots) == 1 and place:  # one axis of planes goes by any name
        place = {next(iter(slots)): max(place.values())}
    for letter, axis in slots.items():
        at = place.get(letter)
        if at is None:
            continue
        if not 0 <= at < shape[axis]:
            raise UserError(f"{readable(one.name)!r} in {path} lies on plane {at + 1} (counted from 1), but the image "
                            f"has {shape[axis]}. Choose the image that it belongs to.")
        ranges[axis] = range(at, at + 1)
    return list(itertools.product(*ranges))


def told_number(text: Any) -> int:
    """Return the number that a text tells, 0 where it tells none."""
    return int(text) if isinstance(text, str) and len(text) < 12 and text.isdecimal() else 0
