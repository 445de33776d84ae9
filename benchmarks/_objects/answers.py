"""Answers of the instant method to the fixed strokes of a set, kept in a folder. Finds no object."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.core.work import Work
from napari_unet.instant.border_fit import fit_border
from napari_unet.objects.border_strokes import border_lesson, border_strokes
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.hints import Hints
from napari_unet.objects.object_map import ObjectMap
from napari_unet.sample_data import Sample, load_set
from napari_unet.segmenters.instant_answer import Instant

Place = tuple[int, int]
"""Image and plane."""


@dataclasses.dataclass(frozen=True, eq=False)
class Answered:
    """One plane or volume: what the method said, what a person painted, and the truth.

    Parameters
    ----------
    field : ClassField
    hints : Hints
        The strokes.
    true : ndarray of int
        Number of the object of each pixel, 0 = none.
    mask : ndarray of bool
        Where the class of the objects truly is.
    places : tuple of (int, int)
        Its planes in the set.
    """

    field: ClassField
    hints: Hints
    true: NDArray[np.integer]
    mask: NDArray[np.bool_]
    places: tuple[Place, ...]

    @property
    def said(self) -> NDArray[np.bool_]:
        """Where the answer has the class."""
        return self.field.labels == OBJECTS

    def with_hints(self, hints: Hints) -> Answered:
        """Return the same with other hints."""
        return dataclasses.replace(self, hints=hints)


OBJECTS = 2
"""Painted id of the class that has objects."""


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """The planes (or the volume) that are scored, and those that are painted."""

    sample: Sample
    seed: int
    test: tuple[Answered, ...]
    painted: tuple[Answered, ...]

    def with_borders(self, found: Sequence[ObjectMap], drawn: Sequence[Answered]) -> tuple[Answered, ...]:
        """Return the scored planes with what the lines on the painted ones say of borders.

        Parameters
        ----------
        found : sequence of ObjectMap
            Objects of the painted planes, with all lines kept.
        drawn : sequence of Answered
            Those planes, with the lines.
        """
        strokes: dict[int, dict[int, NDArray[np.uint8]]] = {}
        for objects, one in zip(found, drawn, strict=True):
            said = border_strokes(objects, one.hints)
            for (number, plane), flat in zip(one.places, said.reshape(-1, *said.shape[-2:]), strict=True):
                strokes.setdefault(number, {})[plane] = flat
        images = [pair.image for pair in self.sample.pairs]
        lesson = border_lesson(((images[number], planes) for number, planes in strokes.items()),
                               sum(len(one.hints.cuts) for one in drawn))
        if lesson is None:
            return self.test
        method = Instant(seed=self.seed, device="cpu")
        look = Work(fit_border(method.store(self.sample.training), lesson)).result()
        if look is None:
            return self.test
        return tuple(dataclasses.replace(one, field=dataclasses.replace(one.field, border=np.stack(
            [look.of_plane(images[number], plane) for number, plane in one.places]).reshape(one.true.shape)))
            for one in self.test)


def answers(folder: Path, seed: int, most: int, cache: Path | None) -> Answers:
    """Return the answers to the strokes of a set; of a volume both parts whole, else planes, at most so many."""
    sample = load_set(folder)
    instances = tifffile.imread(folder / "instances.tif")
    maker = _Answering(sample, seed, cache)
    if len(sample.pairs) == 1 and "Z" in sample.pairs[0].image.axes:
        # painted are only some planes: the part of a volume that is not tested, around them
        parts = [_answered(maker, part, instances, flat=False) for part in (sample.test, sample.train)]
        return Answers(sample, seed, (parts[0],), (parts[1],))
    painted = [(number, plane) for number, pair in enumerate(sample.pairs) for plane in pair.scribbles.planes]
    test = [sample.test[int(one)] for one in np.linspace(0, len(sample.test) - 1, min(most, len(sample.test))).round()]
    return Answers(sample, seed, *(tuple(_answered(maker, (one,), instances) for one in part)
                                   for part in (test, painted)))


class _Answering:
    """Asks the method, or the folder of what it said before."""

    def __init__(self, sample: Sample, seed: int, cache: Path | None) -> None:
        self.sample = sample
        self._seed = seed
        self._folder = cache / f"{sample.name}_{seed}" if cache else None
        self._model: Model | None = None

    def probabilities(self, place: Place) -> NDArray[np.float32]:
        """Return (C, Y, X)."""
        file = self._folder / f"{place[0]}_{place[1]}.npy" if self._folder else None
        if file and file.exists():
            return np.asarray(np.load(file, allow_pickle=False), np.float32)
        if self._model is None:
            self._model = Work(Instant(seed=self._seed, device="cpu").fit(self.sample.training)).result()
        image: Image = self.sample.pairs[place[0]].image
        found = np.zeros((len(self._model.classes.ids), *image.shape[-2:]), np.float32)
        for patch in self._model.segment(image, [place[1]], probabilities=True):
            assert patch.probabilities is not None
            found[(slice(None), *patch.where[-2:])] = patch.probabilities
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, found.astype(np.float16))
        return found.astype(np.float16).astype(np.float32)

    def strokes(self, place: Place) -> NDArray[np.uint8]:
        """Return what is painted on a plane (Y, X)."""
        pair = self.sample.pairs[place[0]]
        return pair.scribbles.planes.get(place[1], np.zeros(pair.image.shape[-2:], np.uint8))

    def labels(self, place: Place) -> NDArray[np.uint8]:
        """Return the true classes of a plane."""
        reference = self.sample.references[place[0]]
        assert reference is not None
        found: NDArray[np.uint8] = reference[self.sample.pairs[place[0]].image.where(place[1])]
        return found


def _answered(
    maker: _Answering, places: tuple[Place, ...], instances: NDArray[np.integer], flat: bool = True
) -> Answered:
    """Put planes together: one as it is, those of a volume one after the other."""
    maps = np.stack([maker.probabilities(place) for place in places], axis=1)
    strokes, labels, true = (np.stack(one) for one in (
        [maker.strokes(place) for place in places], [maker.labels(place) for place in places],
        [instances[place[1]] for place in places]))
    ids = maker.sample.classes.ids
    if flat:
        maps, strokes, labels, true = maps[:, 0], strokes[0], labels[0], true[0]
    scale = maker.sample.pairs[places[0][0]].image.scale
    spacing = () if flat or not scale else tuple(scale)
    field = ClassField(np.array(ids, np.uint8)[maps.argmax(0)], (OBJECTS,), maps, ids, spacing)
    return Answered(field, Hints(strokes=strokes), true, labels == OBJECTS, places)
