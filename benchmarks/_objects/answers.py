"""Answers of the instant method to the fixed strokes of a set, kept in a folder. Finds no object."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.comparison.contenders import make_method
from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.core.work import Work
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.hints import Hints
from napari_unet.sample_data import Sample, load_set

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
    """

    field: ClassField
    hints: Hints
    true: NDArray[np.integer]
    mask: NDArray[np.bool_]

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

    name: str
    test: tuple[Answered, ...]
    painted: tuple[Answered, ...]


def answers(folder: Path, seed: int, most: int, cache: Path | None) -> Answers:
    """Return the answers to the strokes of a set; of a volume both parts whole, else planes, at most so many."""
    sample = load_set(folder)
    instances = tifffile.imread(folder / "instances.tif")
    volume = len(sample.pairs) == 1 and "Z" in sample.pairs[0].image.axes
    places = [(number, plane) for number, pair in enumerate(sample.pairs) for plane in pair.scribbles.planes]
    maker = _Answering(sample, seed, cache)
    if volume:
        # painted are only some planes: the part of a volume that is not tested, around them
        parts = [_volume(maker, part, instances) for part in (sample.test, sample.train)]
        return Answers(sample.name, (parts[0],), (parts[1],))
    test = sample.test if len(sample.test) <= most else tuple(
        sample.test[int(one)] for one in np.linspace(0, len(sample.test) - 1, most).round())
    return Answers(sample.name, *(tuple(_plane(maker, one, instances) for one in part) for part in (test, places)))


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
            method = make_method("instant", seed=self._seed, device="cpu")
            self._model = Work(method.fit(self.sample.training)).result()
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


def _plane(maker: _Answering, place: Place, instances: NDArray[np.integer]) -> Answered:
    return _answered(maker, maker.probabilities(place), maker.strokes(place), instances[place[1]],
                     maker.labels(place), ())


def _volume(maker: _Answering, places: tuple[Place, ...], instances: NDArray[np.integer]) -> Answered:
    stacks = [np.stack([one(place) for place in places]) for one in (maker.strokes, maker.labels)]
    maps = np.stack([maker.probabilities(place) for place in places], axis=1)
    first, last = places[0][1], places[-1][1]
    spacing = maker.sample.pairs[0].image.scale
    return _answered(maker, maps, stacks[0], instances[first : last + 1], stacks[1], tuple(spacing or ()))


def _answered(
    maker: _Answering, maps: NDArray[np.float32], strokes: NDArray[np.uint8], true: NDArray[np.integer],
    labels: NDArray[np.uint8], spacing: tuple[float, ...],
) -> Answered:
    ids = maker.sample.classes.ids
    field = ClassField(np.array(ids, np.uint8)[maps.argmax(0)], (OBJECTS,), maps, ids, spacing)
    return Answered(field, Hints(strokes=strokes), true, labels == OBJECTS)
