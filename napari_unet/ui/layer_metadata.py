"""What a layer is and whom it belongs to, as noted in its metadata. Makes no layer, knows no viewer.

Our corner is ``layer.metadata["napari_unet"]``, a dict with

* ``"classes"``: the class table, ``[[id, name, "#rrggbb"], ...]`` with painted ids (1 = background);
* ``"role"``: ``"strokes"``, ``"prediction"``, ``"result"``, ``"reference"``, ``"errors"``, ``"uncertainty"``,
  ``"objects"`` or ``"filtered"`` (objects that a filter leaves out);
* ``"objects_of"``: the :func:`identity` of the layer of classes that the objects of a layer were found in;
* ``"image"``: the name of the image layer it is about, for people and files;
* ``"id"``: what the layer is known by in its project; missing outside of one;
* ``"image_id"``: the :func:`identity` of that image layer. A layer is known by itself: only where this is missing,
  because the layer was opened from a file, may a name say whose it is (:mod:`.image_ties`).
"""

from __future__ import annotations

from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_unet.core.classes import ClassTable, PaintedClass

KEY = "napari_unet"
"""Our corner of a layer's metadata."""

NO_DATA = "no_data"
"""Key of an image layer's metadata: a list of the numbers that stand for no data."""

MADE_LEVELS = "made_levels"
"""Key of an image layer's metadata: its smaller levels are not in its file, but were made for looking."""


def notes_of(layer: Layer) -> dict[str, Any]:
    """Return our corner of a layer's metadata, empty if there is none; not to be changed."""
    ours = layer.metadata.get(KEY)
    return ours if isinstance(ours, dict) else {}


def note(layer: Layer, **changes: Any) -> None:
    """Write into our corner of a layer's metadata."""
    layer.metadata = {**layer.metadata, KEY: {**notes_of(layer), **changes}}


def forget(layer: Layer, *names: str) -> None:
    """Take notes out of our corner of a layer's metadata; no error for those that are not there."""
    layer.metadata = {**layer.metadata, KEY: {name: one for name, one in notes_of(layer).items() if name not in names}}


# -- class tables ----------------------------------------------------------------------------------------------------


def class_table(layer: Layer) -> ClassTable | None:
    """Read the class table of a layer, None if it has none (or one that is not ours)."""
    try:
        rows = notes_of(layer)["classes"]
        return ClassTable(tuple(PaintedClass(int(number), str(name), str(color)) for number, name, color in rows))
    except (KeyError, TypeError, ValueError):
        return None


def set_class_table(layer: Labels, classes: ClassTable, *, background: bool = True) -> None:
    """Write the class table of a labels layer and colour it.

    Parameters
    ----------
    background : bool
        False makes the background class (id 1) transparent, as in a prediction.
    """
    note(layer, classes=[[one.id, one.name, one.color] for one in classes.classes])
    layer.colormap = colormap(classes, background=background)


def colormap(classes: ClassTable, *, background: bool = True) -> DirectLabelColormap:
    """Return the colours of a class table for a labels layer; ids that are not in it are grey."""
    colors: dict[int | None, str] = {one.id: one.color for one in classes.classes}
    if not background:
        colors[1] = "transparent"
    return DirectLabelColormap(color_dict={**colors, 0: "transparent", None: "gray"})


# -- roles -----------------------------------------------------------------------------------------------------------


def mark_layer(layer: Layer, role: str, image: Layer | str) -> None:
    """Note in a layer's metadata what it is, and of which image.

    Parameters
    ----------
    layer : napari layer
    role : str
    image : napari layer or str
        The image layer itself; only its name where the image is not open, as for layers read from files.
    """
    if isinstance(image, str):
        note(layer, role=role, image=image)
    else:
        note(layer, role=role, image=image.name, image_id=identity(image))


def identity(layer: Layer) -> str:
    """Return what tells a layer from all others, whatever its name: by its project, or in this window."""
    return str(notes_of(layer).get("id") or layer.unique_id)


def role_of(layer: Layer) -> str:
    """Return the role of a layer: ``"strokes"``, ``"prediction"``, ...; ``""`` for one that is none of ours.

    A layer of class labels without a role counts as strokes if its name says so.
    """
    role = str(notes_of(layer).get("role", ""))
    if not role and isinstance(layer, Labels) and any(word in layer.name.lower() for word in ("stroke", "scribble")):
        return "strokes"
    return role


def image_name_of(layer: Layer) -> str:
    """Return the name of the image layer that a layer of ours was made for, or ``""``."""
    return str(notes_of(layer).get("image", ""))


def image_id_of(layer: Layer) -> str:
    """Return the :func:`identity` of the image layer that a layer belongs to, or ``""`` where nobody has said so."""
    return str(notes_of(layer).get("image_id", ""))


def is_source_image(layer: Layer) -> bool:
    """Whether a layer is an image that someone may want to segment, and not one of ours about it."""
    return isinstance(layer, ImageLayer) and role_of(layer) != "uncertainty"
