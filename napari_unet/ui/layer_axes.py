"""The one place that knows what the axes of an image layer are: remembered on the layer, used by all docks.

In this order: what the person chose; the names of the layer's axes; what the layer's file says; a guess, which is
called one. Rows and columns are the last two axes, because those are what napari shows.
"""

from __future__ import annotations

import dataclasses
import itertools
import weakref
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Layer

from napari_unet.core.errors import UserError
from napari_unet.core.image import Axes, Image, resolve_axes

from .channel_layers import ChannelStack, channels_of
from .layer_metadata import NO_DATA, note, notes_of

_NAMES = {
    "c": "C", "ch": "C", "channel": "C", "channels": "C", "t": "T", "time": "T", "times": "T", "frame": "T",
    "frames": "T", "z": "Z", "depth": "Z", "slice": "Z", "slices": "Z",
}
"""What axes are called elsewhere."""

_MEANINGS = {"C": "channel", "T": "time", "Z": "z-plane", "N": "plane"}
_COLOUR = 4
"""A last axis of at most so many, beside larger ones, is likely to hold channels."""

CHOSEN, GUESSED = "as chosen", "guessed"

_from_file: weakref.WeakKeyDictionary[Layer, tuple[str, tuple[int, ...]] | None] = weakref.WeakKeyDictionary()


def layer_shape(layer: Layer) -> tuple[int, ...]:
    """Shape of a layer's data at its finest level, with a colour axis if it has one."""
    return tuple(finest_level(layer).shape)


def finest_level(layer: Layer) -> Any:
    """Return a layer's data; of a multiscale layer the finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def axes_of(layer: ImageLayer) -> Axes:
    """Return one letter per axis of a layer's data, and why we think so.

    ``YX`` are last (before the ``C`` of a colour picture), ``C`` holds channels, other letters count planes.
    """
    shape = layer_shape(layer)
    kept = notes_of(layer).get("axes")
    if isinstance(kept, str) and _allowed(kept, shape, layer.rgb):
        return Axes(kept, CHOSEN)
    plain = shape[:-1] if layer.rgb else shape
    found = _by_labels(layer, len(plain)) or _by_file(layer, plain) or _by_guess(len(plain))
    return dataclasses.replace(found, letters=f"{found.letters}C") if layer.rgb else found


def set_axes(layer: ImageLayer, letters: str) -> str:
    """Remember what the axes of an image layer are, as chosen by a person.

    Channels that come last are put first, because napari would show them as columns; the pixels stay as they are.

    Parameters
    ----------
    layer : napari Image layer
    letters : str
        One letter per axis of ``layer.data``.

    Returns
    -------
    str
        What had to be done to the layer, for people; ``""`` if nothing.

    Raises
    ------
    UserError
        If the letters do not fit.
    """
    shape, letters = layer_shape(layer), letters.strip().upper()
    resolve_axes(shape, letters or " ")
    if not layer.rgb and letters.endswith("YXC"):
        _put_channels_first(layer)
        letters = f"C{letters[:-1]}"
        note(layer, axes=letters)
        _name_axes(layer, letters)
        return f"The channels of {layer.name!r} were put first, so that napari shows its rows and columns."
    if not _allowed(letters, shape, layer.rgb):
        raise UserError(
            f"{letters} does not fit {layer.name!r}: napari shows its last two axes, so these must be YX. Allowed: "
            f"{', '.join(axes_choices(layer))}."
        )
    note(layer, axes=letters)
    _name_axes(layer, letters)
    return ""


def axes_choices(layer: ImageLayer) -> tuple[str, ...]:
    """Return what the axes of a layer may be, the present ones first; one choice where there is nothing to choose."""
    now = axes_of(layer).letters
    shape = layer_shape(layer)
    n_leading = len(shape) - 2
    if layer.rgb or not 0 < n_leading <= 3:
        return (now,)
    many = ["".join(one) + "YX" for one in itertools.permutations("TZC", n_leading)]
    if n_leading == 1 and shape[-1] <= _COLOUR < min(shape[:-1]):
        many.append("YXC")
    return tuple(dict.fromkeys([now, *many]))


def channels_are_last(layer: ImageLayer) -> bool:
    """Whether the last axis of a layer looks like channels, although napari shows it as columns."""
    shape = layer_shape(layer)
    looks = not layer.rgb and len(shape) == 3 and shape[-1] <= _COLOUR < min(shape[:-1])
    return looks and axes_of(layer).reason == GUESSED


def axes_text(letters: str, shape: tuple[int, ...]) -> str:
    """Return axes in words, e.g. ``"TCYX: 5 times, 2 channels"``."""
    parts = [
        f"{size} {_MEANINGS.get(letter, f'planes ({letter})')}{'s' if size > 1 and letter in _MEANINGS else ''}"
        for letter, size in zip(letters, shape, strict=True) if letter not in "YX"
    ]
    return f"{letters}: {', '.join(parts)}" if parts else letters


def channel_axis(layer: ImageLayer) -> int | None:
    """Return the axis of a layer's data that holds channels (of a plain layer), or None."""
    letters = axes_of(layer).letters
    return letters.index("C") if "C" in letters and not layer.rgb else None


def image_of(layer: ImageLayer) -> Image:
    """Return an image layer, with the layers that are its other channels, as the methods see it.

    Its data is neither copied nor changed.

    Raises
    ------
    UserError
        If the layer is empty, complex or one-dimensional, or its channels do not go together.
    """
    if len(layer_shape(layer)) - (1 if layer.rgb else 0) < 2:
        raise UserError(f"{layer.name!r} has one axis only. Choose an image with rows and columns.")
    found = axes_of(layer)
    axes, data = found.letters, finest_level(layer)
    channel = channel_axis(layer)
    kept = [axis for axis in range(layer.ndim) if axis != channel]
    members = channels_of(layer)
    if len(members) > 1:
        if channel is not None:
            raise UserError(
                f"{layer.name!r} has a channel axis of its own ({axes}) and further layers as channels. "
                "Choose one of the two."
            )
        axes, data = f"C{axes}", ChannelStack([finest_level(one) for one in members])
    units = {str(layer.units[axis]) for axis in kept[-2:]}
    plain = axes_of(layer).letters
    return Image(
        data, axes, layer.name, tuple(abs(float(layer.scale[axis])) for axis in kept),
        units.pop() if len(units) == 1 else "pixel",
        translate=tuple(float(layer.translate[axis]) for axis in kept),
        no_data=_no_data(layer),
        time_unit=str(layer.units[plain.index("T")]) if "T" in plain else "pixel",
        guessed_axes=found.reason == GUESSED,
    )


def _no_data(layer: Layer) -> tuple[float, ...]:
    """Return the numbers that stand for no data in a layer, as its reader noted them; that need not be ours."""
    try:
        return tuple(map(float, np.ravel(layer.metadata.get(NO_DATA, ()))))
    except (TypeError, ValueError):
        return ()


def _allowed(letters: str, shape: tuple[int, ...], colour: bool) -> bool:
    try:
        resolve_axes(shape, letters)
    except UserError:
        return False
    return letters.endswith("YXC") if colour else letters.endswith("YX")


def _by_labels(layer: ImageLayer, n_axes: int) -> Axes | None:
    """Read the names that the layer's axes have; None if they have none that mean anything."""
    leading = [str(layer.axis_labels[axis]).strip() for axis in range(n_axes - 2)]
    known = [_NAMES.get(one.lower(), one[:1].upper()) for one in leading]
    usable = all(one.isalpha() and one.isascii() and one not in "YX" for one in known)
    if not known or not usable or len(set(known)) < len(known):
        return None
    return Axes("".join(known) + "YX", "names in the layer")


def _by_file(layer: ImageLayer, shape: tuple[int, ...]) -> Axes | None:
    """Ask the file that the layer came from; napari's own reader drops what it says."""
    if len(shape) < 3 or not layer.source.path:
        return None
    if layer not in _from_file:
        from napari_unet.io import axes_of_file

        _from_file[layer] = axes_of_file(layer.source.path)
    found = _from_file[layer]
    if found is None:
        return None
    letters, sizes = found
    if sizes == shape and letters.endswith("YX"):
        return Axes(letters, "what the file says")
    rest = [(letter, size) for letter, size in zip(letters, sizes, strict=True) if letter != "C"]
    if tuple(size for _, size in rest) == shape:  # napari has split the channels into layers
        return Axes("".join(letter for letter, _ in rest), "what the file says")
    return None


def _by_guess(n_axes: int) -> Axes:
    n_leading = max(0, n_axes - 2)
    leading = {0: "", 1: "N", 2: "TZ"}.get(n_leading, "NTZABDEFGH"[:n_leading])
    return Axes(f"{leading}YX", GUESSED if leading else "two axes")


def _name_axes(layer: ImageLayer, letters: str) -> None:
    """Let napari's sliders, and whoever saves the layer, know its axes by name."""
    if not layer.rgb:
        layer.axis_labels = [letter.lower() for letter in letters]


def _put_channels_first(layer: ImageLayer) -> None:
    """Move the last axis of a plain layer to the front, with all that is noted by axis."""
    if layer.multiscale or not isinstance(layer.data, np.ndarray):
        raise UserError(f"{layer.name!r} is read piece by piece; save it with its channels first, and open it again.")
    order = [layer.ndim - 1, *range(layer.ndim - 1)]
    labels, units = [layer.axis_labels[at] for at in order], [layer.units[at] for at in order]
    scale, translate = np.asarray(layer.scale)[order], np.asarray(layer.translate)[order]
    layer.data = np.moveaxis(layer.data, -1, 0)
    layer.scale, layer.translate, layer.axis_labels, layer.units = scale, translate, labels, units
