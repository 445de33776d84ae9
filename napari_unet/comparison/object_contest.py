"""Every method's result by every way to objects, against true objects. Runs no method and reads no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.errors import UserError
from ..core.image import Image
from ..core.rows import Row
from ..core.work import Work
from ..metrics import Options
from ..metrics.object_scoring import ObjectPair, score_objects, unscored_rows
from ..objects.image_objects import Box, ObjectSearch, find_in_image, object_boxes, parts_of_image
from ..objects.object_map import ObjectMap
from .packed_objects import PackedObjects

Labels = NDArray[np.integer[Any]]
Found = Mapping[str, tuple[PackedObjects | None, ...]]
"""Objects of the result of a method, by way and by image."""


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectContest:
    """How the objects of results are found and judged.

    Parameters
    ----------
    searches : tuple of ObjectSearch
        The ways, with different names.
    references : tuple of (ObjectMap or None)
        By image: true objects; where there are none, the connected parts of each class of the reference. Empty: of
        all images.
    """

    searches: tuple[ObjectSearch, ...]
    references: tuple[ObjectMap | None, ...] = ()

    def __post_init__(self) -> None:
        ways = [one.way for one in self.searches]
        if not ways or len(set(ways)) < len(ways):
            raise UserError(f"The ways to objects are {', '.join(ways) or 'none'}. Name one or more, each once.")

    def true_objects(self, number: int, truth: Labels, axes: str, boxes: Sequence[Box]) -> ObjectMap:
        """Return the true objects of an image, at least in some planes or volumes of it."""
        given = self.references[number] if self.references else None
        return parts_of_image(truth, axes, self.searches[0], boxes) if given is None else given

    def boxes(self, image: Image, planes: Sequence[int]) -> tuple[tuple[Box, int | None], ...]:
        """Return what can be judged of an image of which some planes are segmented, and the numbers of planes.

        Whole volumes if all is there, else planes.
        """
        whole = set(range(image.n_planes)) <= set(planes)
        by_plane = self.searches[0].by_plane or not whole
        boxes = object_boxes(image.label_axes, image.shape, by_plane)
        if len(boxes) < image.n_planes:
            return tuple((box, None) for box in boxes)
        return tuple((boxes[number], number) for number in planes)

    def rows(
        self, method: str, number: int, image: Image, mask: Labels, truth: Labels, planes: Sequence[int],
        classes: ClassTable, metrics: Sequence[str] | None, options: Options,
        soft: tuple[NDArray[np.float32] | None, tuple[int, ...]] = (None, ()),
    ) -> Generator[str, None, tuple[list[Row], dict[str, PackedObjects]]]:
        """Score the result of a method on an image by every way.

        Parameters
        ----------
        method : str
        number : int
            Of the image.
        image : Image
        mask, truth : ndarray of uint8, shape of the image without channels
            Painted ids; 0 of the truth is not known.
        planes : sequence of int
            Planes that are segmented and known.
        classes : ClassTable
        metrics : sequence of str, optional
        options : Options
        soft : (ndarray, tuple of int)
            Class probabilities (C, ...) of the result and the painted ids in their order, where they are known.

        Yields
        ------
        str
            What is done now.

        Returns
        -------
        rows : list of Row
        found : dict of str to PackedObjects
            By way.
        """
        boxes = self.boxes(image, planes)
        places = [box for box, _ in boxes]
        true = self.true_objects(number, truth, image.label_axes, places)
        rows: list[Row] = []
        kept: dict[str, PackedObjects] = {}
        for search in self.searches:
            about: dict[str, Any] = {"method": method, "image_name": image.name, "way": search.way, "metrics": metrics}
            try:
                finding = Work(find_in_image(
                    mask, image.label_axes, search, scale=image.scale, boxes=places, probabilities=soft[0],
                    ids=soft[1]))
                for _ in finding:
                    yield f"{image.name}: objects by {search.way}"
                found = finding.result()
            except UserError as error:
                for _, plane in boxes:
                    rows += unscored_rows(f"{search.way}: {error}", classes, plane=plane, **about)
                continue
            kept[search.way] = PackedObjects.of(found, planes)
            pair = ObjectPair(found, true, boxes, truth > 0, (mask, truth))
            for row in score_objects(pair, classes, search=search, scale=image.scale, unit=image.unit, options=options,
                                     **about):
                rows.append(row)
            yield f"{image.name}: objects by {search.way} scored"
        return rows, kept

    def plane_objects(
        self, number: int, image: Image, truth: Labels, plane: int, found: Found, way: str = ""
    ) -> tuple[Labels, Labels] | None:
        """Return the numbers of found and of true objects on one plane, where the truth is known.

        Parameters
        ----------
        number, plane : int
            Of the image and of its plane.
        image : Image
        truth : ndarray of uint8, shape (Y, X)
            Painted ids.
        found : mapping of str to tuple
            Of the result, by way and by image.
        way : str
            Default: the first.

        Returns
        -------
        (ndarray, ndarray) or None
            None where the way could not do it.
        """
        search = next((one for one in self.searches if one.way == way), self.searches[0])
        mine = found.get(search.way, (None,) * (number + 1))[number]
        if mine is None:
            return None
        search = dataclasses.replace(search, by_plane=True)
        given = self.references[number] if self.references else None
        box = object_boxes(image.label_axes, image.shape, True)[plane]
        true = parts_of_image(truth, "YX", search).numbers if given is None else given.numbers[box]
        known = truth > 0
        return np.where(known, mine.plane(plane), 0), np.where(known, true, 0)
