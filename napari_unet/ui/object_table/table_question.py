"""Measuring a layer of objects: what is asked, and what comes of it, in whatever thread. Changes no layer."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.objects.level_pixels import in_image_pixels
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.objects.measures import measuring
from napari_unet.objects.raw_values import raw_values

from ..large_images import is_field
from ..layer_axes import finest_level
from .any_labels import as_objects
from .measured_layer import MeasuredLayer
from .table_source import TableSource, Where


@dataclasses.dataclass(frozen=True, eq=False)
class TableQuestion:
    """Labels to be measured, copied; nobody changes them any more.

    It is made in the GUI thread, and answered in another.
    """

    source: TableSource
    wheres: tuple[Where, ...]
    labels: tuple[NDArray[Any], ...]
    painted: tuple[NDArray[Any] | None, ...]
    classes: ClassTable

    @classmethod
    def of(
        cls, source: TableSource, wheres: tuple[Where, ...], painted: Labels | None, classes: ClassTable
    ) -> TableQuestion:
        """Return what a thread needs, with a copy of the labels.

        Parameters
        ----------
        source : TableSource
        wheres : tuple
            Planes, or one volume.
        painted : napari Labels layer, optional
            Painted ids of the same shape: the classes of the objects.
        classes : ClassTable
        """
        labels = source.labels()
        ids = None if painted is None else np.asarray(finest_level(painted)).reshape(source.shape)
        return cls(source, wheres, tuple(np.array(labels[where]) for where in wheres),
                   tuple(None if ids is None else np.array(ids[where]) for where in wheres), classes)

    def answer(self) -> Iterator[float | MeasuredLayer]:
        """Measure; yields the share done, and in the end what came of it."""
        began = time.thread_time()  # others may keep the machine busy meanwhile
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
            table = self._of_field(table)
        yield MeasuredLayer(self.source, self.wheres, table, np.concatenate(places), time.thread_time() - began)

    def _of_field(self, table: MeasureTable) -> MeasureTable:
        """Return the table of a field in pixels of the whole image, so that they mean the same at every level."""
        field, pixels = self.source.field, "that part"
        if field is not None:
            table, pixels = in_image_pixels(table, field), "the whole image"
        note = f"{self.source.name}, what is answered of it; px are those of {pixels}."
        return dataclasses.replace(table, notes=(note, *table.notes))

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
