"""The table of a layer, and where its rows lie in the layer. Measures nothing, changes no layer."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.level_pixels import in_field
from napari_unet.objects.measure_table import MeasureTable

from ..large_images import is_field
from ..layer_axes import finest_level
from .table_source import TableSource, Where


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
    seconds : float
        Processor time that it took.
    """

    source: TableSource
    wheres: tuple[Where, ...]
    table: MeasureTable
    plane: NDArray[np.intp]
    seconds: float = 0.0

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
        table, field = self.table, self.source.field
        place = [float(at) if isinstance(at, int) else float(table.columns[f"{letter.lower()}_px"][row])
                 for letter, at in zip(self.source.geometry.axes, self.wheres[self.plane[row]], strict=True)]
        if field is not None:
            place[-2:] = in_field(field, place[-2:])
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
        table, field = self.table, self.source.field
        size = float(table.columns["diameter"][row])
        if table.units.get("diameter") != "pixel":
            return size
        step = abs(float(self.source.layer.scale[-1]))
        return size * step / (1 if field is None else field.factor[1])

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
