"""The layer of classes that objects are found in, as painted ids. Changes no layer, finds nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.session.object_notes import Place
from napari_unet.session.object_search import painted_ids

from ..image_ties import ImageTies
from ..layer_axes import image_of
from ..layer_metadata import class_table, identity, role_of
from ..layers import label_view

_LETTERS = "NTZYX"
"""Axes of labels that belong to no image, as far as they have them."""


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectSource:
    """A layer of classes, and the image that it is about.

    Parameters
    ----------
    layer : napari Labels layer
    image_layer : napari Image layer, optional
        None where nobody has said whose labels these are.
    image : Image
        Its axes and scale; where there is no image, those of the labels.
    classes : ClassTable
    """

    layer: Labels
    image_layer: ImageLayer | None
    image: Image
    classes: ClassTable

    @classmethod
    def of(cls, layer: Labels, ties: ImageTies, classes: ClassTable) -> ObjectSource:
        """Return a layer as a source of objects.

        Raises
        ------
        UserError
            If it cannot be one: it has the shape of no plane, or not that of its image.
        """
        owner = ties.image_of(layer)
        table = class_table(layer) or classes
        if owner is not None:
            image = image_of(owner)
            label_view(layer, image)
            return cls(layer, owner, image, table)
        data = layer.data
        if data.ndim not in range(2, len(_LETTERS) + 1):
            raise UserError(f"{layer.name!r} has {data.ndim} axes. Objects are found in layers of two to five.")
        scale = tuple(abs(float(one)) or 1.0 for one in layer.scale)
        return cls(layer, None, Image(data, _LETTERS[-data.ndim:], layer.name, scale), table)

    @property
    def key(self) -> str:
        """What the image is known by in the session."""
        return identity(self.image_layer if self.image_layer is not None else self.layer)

    @property
    def is_live(self) -> bool:
        """Whether a person may see it change at any moment: a prediction."""
        return role_of(self.layer) == "prediction"

    @property
    def depth(self) -> int | None:
        """Number of planes of a z-stack, None where there is none."""
        axes, shape = self.image.label_axes, self.image.shape
        size = shape[axes.index("Z")] if "Z" in axes else 1
        return size if size > 1 else None

    def view(self, layer: Layer) -> NDArray[Any]:
        """Return the values of a layer of this shape, plane by plane: (planes, Y, X)."""
        whole = label_view(layer, self.image)
        return whole.reshape(-1, *whole.shape[-2:])

    def snapshot(self, place: Place, box: tuple[slice, ...] = ()) -> Callable[[], NDArray[np.uint8]]:
        """Copy a plane or volume, or a part of it, and return what makes painted ids of it, in whatever thread.

        That raises a UserError if these are no classes.
        """
        whole = self.view(self.layer)
        planes = [np.array(whole[number][box]) for number in self.planes_of(place)]
        has_classes, name = class_table(self.layer) is not None, self.layer.name

        def labels() -> NDArray[np.uint8]:
            return painted_ids(np.stack(planes) if place.volume else planes[0], has_classes, name)

        return labels

    def planes_of(self, place: Place) -> tuple[int, ...]:
        """Return the numbers of the planes of a place, in the order of its array."""
        if not place.volume:
            return (place.plane,)
        numbers = np.arange(self.image.n_planes).reshape(self.image.shape[:-2])
        at = list(map(int, np.unravel_index(place.plane, numbers.shape)))
        axis = self.image.label_axes.index("Z")
        return tuple(map(int, numbers[tuple(slice(None) if one == axis else at[one] for one in range(numbers.ndim))]))

    def volume_at(self, plane: int) -> Place:
        """Return the volume that a plane is of."""
        return Place(self._stack(plane)[0], True)

    def height(self, plane: int) -> int:
        """Return at which height of its stack a plane lies."""
        return self._stack(plane).index(plane) if "Z" in self.image.label_axes else 0

    def _stack(self, plane: int) -> tuple[int, ...]:
        return self.planes_of(Place(plane, True))

    def spacing(self, place: Place) -> tuple[float, ...]:
        """Return the size of a voxel along each axis of a place."""
        sizes = dict(zip(self.image.label_axes, self.image.scale, strict=True))
        return tuple(abs(sizes[letter]) for letter in ("ZYX" if place.volume else "YX"))


def may_hold_classes(layer: Layer) -> bool:
    """Say whether a layer can be chosen to find objects in: labels that are no strokes, no objects and no errors."""
    return isinstance(layer, Labels) and role_of(layer) not in ("strokes", "objects", "errors")
