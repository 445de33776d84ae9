"""What is measured: a labels layer, the image below it, and which planes. Measures in another thread, changes no layer.

:meth:`TableSource.question` is made in the GUI thread and copies the labels; :meth:`TableQuestion.answer` runs in a
worker, on that copy.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.objects.measures import measuring
from napari_unet.objects.raw_values import raw_values

from ..channel_layers import channels_of
from ..field_image import image_under
from ..large_images import is_field
from ..layer_axes import finest_level, image_of
from ..layer_geometry import exported_shape, layer_geometry
from ..layers import label_view, sliders_at
from .any_labels import as_objects

PLANE, VOLUME, ALL = "this plane", "this z-stack", "all planes, one by one"
"""What is measured at a time."""

Where = tuple[int | slice, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class TableSource:
    """A labels layer of objects, and the image they are measured on.

    Parameters
    ----------
    layer : napari Labels layer
    image : Image, optional
        None: no intensities.
    geometry : Geometry
        Axes and place of the labels.
    shape : tuple of int
        Of the labels along these axes.
    channels : tuple of str
        Names of the channels, where they have any.
    corner : tuple of float
        Where the first pixel lay in the world, and the steps, of a layer that shows a field of a large image.
    """

    layer: Labels
    image: Image | None
    geometry: Geometry
    shape: tuple[int, ...]
    channels: tuple[str, ...] = ()
    corner: tuple[float, ...] = ()

    @classmethod
    def of(cls, layer: Labels, image_layer: ImageLayer | None) -> TableSource:
        """Return a layer as a source.

        Raises
        ------
        UserError
            If the two do not have the same shape, or the layer is no plane, volume or stack.
        """
        if layer.ndim < 2:
            raise UserError(f"{layer.name!r} has one axis only. Choose labels with rows and columns.")
        place = layer_geometry(layer)
        if image_layer is None:
            return cls(layer, None, place, exported_shape(layer), corner=_corner(layer) if is_field(layer) else ())
        parts = channels_of(image_layer)
        channels = tuple(one.name for one in parts) if len(parts) > 1 else ()
        if is_field(layer):
            image = image_under(layer, image_layer)
            return cls(layer, image, image.geometry, image.shape, channels, _corner(layer))
        image = image_of(image_layer)
        label_view(layer, image)
        if len(place.axes) == len(image.shape):
            place = dataclasses.replace(place, axes=image.label_axes)
        else:
            place = image.geometry
        return cls(layer, image, place, image.shape, channels)

    @property
    def name(self) -> str:
        """What it is of, for people and files; of a large image, which part."""
        if self.image is not None:
            return self.image.name
        return f"{self.layer.name} [the field that was looked at]" if is_field(self.layer) else self.layer.name

    @property
    def holds(self) -> bool:
        """Whether the layer has this shape still, and shows the same field if it shows one."""
        same = math.prod(finest_level(self.layer).shape) == math.prod(self.shape)
        return same and (not self.corner or self.corner == _corner(self.layer))

    @property
    def extents(self) -> tuple[str, ...]:
        """What may be measured at a time."""
        leading = dict(zip(self.geometry.axes[:-2], self.shape[:-2], strict=True))
        found = [PLANE]
        if leading.get("Z", 1) > 1:
            found.append(VOLUME)
        if np.prod(self.shape[:-2], initial=1) > 1:
            found.append(ALL)
        return tuple(found)

    def labels(self) -> Any:
        """Return the labels along the axes; a view where they are in memory."""
        return np.asarray(finest_level(self.layer)).reshape(self.shape)

    def wheres(self, extent: str, viewer: Any) -> tuple[Where, ...]:
        """Return the planes or the volume to be measured, as indices into the labels."""
        rows = (slice(None), slice(None))
        leading = self.shape[:-2]
        if extent == ALL:
            return tuple((*at, *rows) for at in np.ndindex(*leading))
        now = self.shown(viewer)
        axes = self.geometry.axes
        return ((*(slice(None) if extent == VOLUME and letter == "Z" else number
                   for letter, number in zip(axes, now, strict=False)), *rows),)

    def shown(self, viewer: Any) -> tuple[int, ...]:
        """Return the plane that is shown, as numbers along the leading axes."""
        layer = self.layer
        at = [number for number, size in zip(sliders_at(viewer, layer), finest_level(layer).shape, strict=True)
              if size > 1][: -2]
        long = iter(at)
        found = (next(long, 0) if size > 1 else 0 for size in self.shape[:-2])
        return tuple(min(max(number, 0), size - 1) for number, size in zip(found, self.shape[:-2], strict=True))

    def word(self, where: Where) -> str:
        """Say which plane or volume an index means: ``T=3 Z=0``; nothing for the only one."""
        return " ".join(f"{letter}={number}" for letter, number, size in zip(
            self.geometry.axes, where, self.shape, strict=True) if isinstance(number, int) and size > 1)

    def question(self, wheres: tuple[Where, ...], source: Labels | None, classes: ClassTable) -> TableQuestion:
        """Return what a worker needs, with a copy of the labels.

        Parameters
        ----------
        wheres : tuple
            Planes, or one volume.
        source : napari Labels layer, optional
            Painted ids of the same shape: the classes of the objects.
        classes : ClassTable
        """
        labels = self.labels()
        painted = None if source is None else np.asarray(finest_level(source)).reshape(self.shape)
        return TableQuestion(
            self, wheres, tuple(np.array(labels[where]) for where in wheres),
            tuple(None if painted is None else np.array(painted[where]) for where in wheres), classes)


def _corner(layer: Labels) -> tuple[float, ...]:
    return (*map(float, layer.data_to_world((0,) * layer.ndim)), *map(float, layer.scale))


@dataclasses.dataclass(frozen=True, eq=False)
class TableQuestion:
    """Labels to be measured, copied; nobody changes them any more."""

    source: TableSource
    wheres: tuple[Where, ...]
    labels: tuple[NDArray[Any], ...]
    painted: tuple[NDArray[Any] | None, ...]
    classes: ClassTable

    def answer(self) -> Iterator[float | MeasuredLayer]:
        """Measure; yields the share done, and in the end what came of it."""
        tables: list[MeasureTable] = []
        places: list[NDArray[np.intp]] = []
        for done, (where, labels, painted) in enumerate(zip(self.wheres, self.labels, self.painted, strict=True)):
            for item in self._measured(where, labels, painted):
                if isinstance(item, MeasureTable):
                    tables.append(item)
                else:
                    yield (done + item) / len(self.wheres)
            places.append(np.full(len(tables[-1]), done))
        if len(self.wheres) > 1:
            tables = [one.with_words(plane=self.source.word(where))
                      for one, where in zip(tables, self.wheres, strict=True)]
        table = joined_tables(tables)
        if is_field(self.source.layer):
            table = dataclasses.replace(table, notes=(
                f"Measured is what is answered of a large image: {self.source.name}. Columns in px count pixels of "
                "that level, from the corner of that part.", *table.notes))
        yield MeasuredLayer(self.source, self.wheres, table, np.concatenate(places))

    def _measured(
        self, where: Where, labels: NDArray[Any], painted: NDArray[Any] | None
    ) -> Iterator[float | MeasureTable]:
        source = self.source
        found, numbers = as_objects(labels, painted, source.layer.name)
        gone = "".join(letter for letter, at in zip(source.geometry.axes, where, strict=True) if isinstance(at, int))
        place = source.geometry.dropping(gone)
        found = dataclasses.replace(found, spacing=place.scale)
        image = None if source.image is None else raw_values(source.image, where)
        for item in measuring(found, image, source.channels, self.classes, place.unit, place):
            if isinstance(item, MeasureTable):
                item = dataclasses.replace(
                    item, columns={**item.columns, "object": numbers[item.columns["object"]]})
                if painted is None:
                    item = item.without("class")
            yield item


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredLayer:
    """The table of a layer.

    Parameters
    ----------
    source : TableSource
    wheres : tuple
        The planes that were measured, or the volume.
    table : MeasureTable
    plane : ndarray of int, shape (rows,)
        Which of ``wheres`` a row is of.
    """

    source: TableSource
    wheres: tuple[Where, ...]
    table: MeasureTable
    plane: NDArray[np.intp]

    def object_at(self, row: int) -> tuple[tuple[int, ...], int]:
        """Return a plane that an object lies in, and its number."""
        where = self.wheres[self.plane[row]][:-2]
        return tuple(0 if isinstance(at, slice) else at for at in where), int(self.table.columns["object"][row])

    def row_at(self, shown: tuple[int, ...], number: int) -> int | None:
        """Return the row of an object by a plane, as numbers along the leading axes, and its number; None if none."""
        inside = [at for at, one in enumerate(self.wheres) if all(
            isinstance(part, slice) or part == here for part, here in zip(one, shown, strict=False))]
        found = np.flatnonzero(np.isin(self.plane, inside) & (self.table.columns["object"] == number))
        return int(found[0]) if found.size else None

    def layer_place(self, row: int) -> NDArray[np.float64]:
        """Return the center of an object in the data of its layer."""
        table = self.table
        place = [float(at) if isinstance(at, int) else float(table.columns[f"{letter.lower()}_px"][row])
                 for letter, at in zip(self.source.geometry.axes, self.wheres[self.plane[row]], strict=True)]
        long = iter([one for one, size in zip(place, self.source.shape, strict=True) if size > 1])
        return np.array([next(long, 0.0) if size > 1 else 0.0 for size in finest_level(self.source.layer).shape])

    def row_again(self, shown: tuple[int, ...], number: int, world: tuple[float, ...]) -> int | None:
        """Return the row of an object that was chosen in a table of before; None if it is not there any more.

        A field of a large image may have moved, and its numbers are others: there the object is known by its place.

        Parameters
        ----------
        shown, number
            As :meth:`object_at` had it.
        world : tuple of float
            Where it was in the world.
        """
        layer = self.source.layer
        if not is_field(layer):
            return self.row_at(shown, number)
        at, data = np.rint(layer.world_to_data(world[-layer.ndim:])).astype(int), finest_level(layer)
        if (at < 0).any() or (at >= data.shape).any():
            return None
        return self.table.row_of(int(data[tuple(at)]))

    def world_size(self, row: int) -> float:
        """Return about how large an object is in the world."""
        table, known = self.table, self.table.units.get("major") != "pixel"
        return float(table.columns["major"][row]) * (1.0 if known else abs(float(self.source.layer.scale[-1])))

    def outline_at(
        self, row: int, shown: tuple[int, ...]
    ) -> tuple[tuple[slice, slice], NDArray[np.bool_]] | None:
        """Return rows and columns of an object in the plane that is shown, and which of these pixels it has."""
        where = self.wheres[self.plane[row]]
        if any(isinstance(at, int) and at != here for at, here in zip(where, shown, strict=False)):
            return None
        inside = self.source.labels()[shown] == self.table.columns["object"][row]
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not rows.size:
            return None
        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        return box, inside[box]
