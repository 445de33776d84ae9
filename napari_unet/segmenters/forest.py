"""Shallow learning on multi-scale filters: every painted pixel is an example, trees are learnt from its filters.

What ilastik (Berg et al. 2019, doi:10.1038/s41592-019-0582-9), Labkit and QuPath do. Stands on scikit-image for the
filters and on scikit-learn for the trees. Knows no files; what it has learnt is plain arrays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import PreparedPlane
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image, say_some_not_finite, warn_not_finite
from napari_unet.core.latest import Latest
from napari_unet.core.method import Patch, Progress, View
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.parameters import Parameter
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.threads import available_cores
from napari_unet.learning.recorded_fit import recorded
from napari_unet.predicting.tiling import Box

from . import register
from ._classical import ClassicalMethod
from ._classical_model import BOX, ClassicalModel, place_in_view
from ._filters import Filters
from ._steps import Paint, Source
from ._tree_arrays import TreeArrays

_MOST_EXAMPLES = 200_000
_FEWEST_EXAMPLES = 2_000  # of a class, if it has as many
_ROUND = 10  # trees between two looks at the cancel button


@register("forest", title="Random forest", family="learning")
@dataclasses.dataclass(frozen=True)
class Forest(ClassicalMethod):
    """Random forest on blurred, edge and curvature filters at several scales, as in ilastik, Labkit and QuPath.

    Every pixel is described by its blurred brightness, its edge strength and its two curvatures (eigenvalues of the
    Hessian) at doubling scales, in every channel. Decision trees learn from the painted pixels which filter values
    mean which class (Breiman 2001, doi:10.1023/A:1010933404324); with ``kind`` boosting, each tree mends what those
    before it got wrong (Friedman 2001, doi:10.1214/aos/1013203451, on histograms).

    Raises
    ------
    UsageError
        If a parameter is out of its bounds, or the largest scale is below the smallest.
    """

    background: Annotated[float, Parameter("Uneven lighting wider than this is taken away first; choose it larger "
                                           "than your objects. 0 = leave it.", min=0, max=10000, step=10, unit="px",
                                           advanced=True)] = 0.0
    kind: Annotated[
        Literal["forest", "boosting"] | None,
        Parameter("How trees work together: forest lets many vote, boosting lets each mend the faults of those before.",
                  auto=("forest", "boosting")),
    ] = "forest"
    smallest: Annotated[float, Parameter("Smallest scale of the filters; about half the width of the finest detail.",
                                         min=0.3, max=64, step=0.5, unit="px")] = 1.0
    largest: Annotated[float, Parameter("Largest scale of the filters: how far around a pixel they look. Scales "
                                        "double from the smallest.", min=0.3, max=64, step=1, unit="px")] = 16.0
    trees: Annotated[int, Parameter("How many trees are learnt; more is steadier but slower.", min=1, max=2000, step=10,
                                    advanced=True)] = 100
    depth: Annotated[int, Parameter("How many questions a tree may ask one after the other.", min=1, max=64,
                                    advanced=True)] = 20
    samples: Annotated[int, Parameter("How many painted pixels a tree learns from at most.", min=10, max=1_000_000,
                                      step=1000, advanced=True)] = 20_000
    seed: Annotated[int, Parameter("Start of the random draws; another one gives a slightly different result.", min=0,
                                   max=2**31 - 1, advanced=True)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.largest < self.smallest:
            raise UsageError(
                f"Forest: largest {self.largest:g} px is below smallest {self.smallest:g} px. Give a largest scale "
                "of at least the smallest."
            )

    @property
    def filters(self) -> Filters:
        """The filters with the scales chosen here."""
        return Filters(self.smallest, self.largest)

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, ClassicalModel]:
        """Learn from the strokes; the model carries where it comes from, as its file does."""
        return (yield from recorded(super().fit(painted), self, "forest", painted, "CPU"))

    def describe(self, plane: PreparedPlane, survey: Any) -> PreparedPlane:
        """Keep the plane: filters are measured where they are needed, tile by tile."""
        del survey
        return plane

    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, TreeArrays]:
        """Measure the painted pixels, 200 000 of them at most, and grow the trees."""
        counts = np.zeros(256, np.int64)
        for _, paint in source():
            counts += np.bincount(paint.ravel(), minlength=256)
        counts[0] = 0
        # a class keeps its share of the paint, but enough of it to be known
        wanted = np.maximum(counts * min(1.0, _MOST_EXAMPLES / counts.sum()), np.minimum(counts, _FEWEST_EXAMPLES))
        probability = wanted / np.maximum(counts, 1)
        generator = np.random.default_rng(self.seed)
        measured: list[NDArray[np.float32]] = []
        labels: list[NDArray[np.uint8]] = []
        for plane, paint in source():
            picked = np.where(generator.random(paint.shape) < probability[paint], paint, np.uint8(0))
            for box in self.filters.tiles(paint.shape, len(plane.pixels)):
                here = picked[box]
                if here.any():
                    measured.append(self.filters.measure(plane.pixels, box)[here > 0])
                    labels.append(here[here > 0])
            yield
        examples = np.concatenate(measured), np.searchsorted(ids, np.concatenate(labels))
        return (yield from self._grow(*examples))

    def _grow(
        self, measured: NDArray[np.float32], labels: NDArray[np.intp]
    ) -> Generator[None, None, TreeArrays]:
        if self.kind == "boosting" and labels.max() > 0:
            return (yield from self._boosted(measured, labels))
        grown: list[Any] = []
        # trees in threads of our own: scikit-learn's forest resets the process's warning filters in its threads
        with ThreadPoolExecutor(available_cores()) as pool:
            for first in range(0, self.trees, _ROUND):
                numbers = range(first, min(first + _ROUND, self.trees))
                grown += pool.map(lambda number: self._tree(measured, labels, number), numbers)
                yield
        return TreeArrays.of_forest(grown)

    def _tree(self, measured: NDArray[np.float32], labels: NDArray[np.intp], number: int) -> Any:
        """Grow a tree on a bootstrap sample; each question tries as many filters as the root of their number."""
        from sklearn.tree import DecisionTreeClassifier

        generator = np.random.default_rng((self.seed, number))
        drawn = generator.integers(0, len(labels), min(self.samples, len(labels)))
        weights = np.bincount(drawn, minlength=len(labels)).astype(np.float64)
        tree = DecisionTreeClassifier(
            max_depth=self.depth, max_features="sqrt", random_state=int(generator.integers(2**31 - 1))
        )
        return tree.fit(measured, labels, weights)

    def _boosted(
        self, measured: NDArray[np.float32], labels: NDArray[np.intp]
    ) -> Generator[None, None, TreeArrays]:
        from sklearn.ensemble import HistGradientBoostingClassifier

        if len(labels) > self.samples:
            chosen = self._drawn(labels)
            measured, labels = measured[chosen], labels[chosen]
        boosted = HistGradientBoostingClassifier(
            max_depth=self.depth, early_stopping=False, random_state=self.seed, warm_start=True
        )
        for count in (*range(_ROUND, self.trees, _ROUND), self.trees):
            boosted.set_params(max_iter=count).fit(measured, labels)
            yield
        return TreeArrays.of_boosting(boosted)

    def _drawn(self, labels: NDArray[np.intp]) -> NDArray[np.intp]:
        """Draw ``samples`` examples, and of every class at least one."""
        order = np.random.default_rng(self.seed).permutation(len(labels))
        first = np.unique(labels[order], return_index=True)[1]
        return order[np.unique(np.concatenate([first, np.arange(self.samples)]))]

    def decide(self, seen: PreparedPlane, learnt: TreeArrays, ids: tuple[int, ...],
               paint: Paint | None) -> NDArray[np.float32]:
        """Let the trees vote on every pixel; strokes on the plane itself change nothing."""
        del paint
        out = np.empty((len(ids), *seen.valid.shape), np.float32)
        for box in self.filters.tiles(seen.valid.shape, len(seen.pixels)):
            out[:, *box] = self.vote(seen, learnt, box)
        return out

    def vote(self, plane: PreparedPlane, learnt: TreeArrays, box: tuple[slice, slice]) -> NDArray[np.float32]:
        """Return the probabilities (K, rows, columns) of a part of a plane."""
        found = self.filters.measure(plane.pixels, box)
        shares = learnt.probabilities(found.reshape(-1, found.shape[-1]))
        return shares.T.reshape(-1, *found.shape[:2])

    def remark(self, learnt: TreeArrays, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say how many trees there are and what they look at."""
        names = ", ".join(classes.name(number) for number in ids)
        what = "Random forest" if learnt.is_forest else "Gradient boosting"
        return (f"{what}: {len(learnt.sizes)} trees on {int(learnt.features)} filter values a pixel, "
                f"{self.smallest:g} to {self.largest:g} px; tells apart {names}.")

    def modelled(self, model: ClassicalModel) -> ForestModel:
        """Return the model as one that answers tile by tile; it needs no strokes."""
        parts = {field.name: getattr(model, field.name) for field in dataclasses.fields(model) if field.init}
        return ForestModel(**{**parts, "strokes": {}})

    def restore(
        self, arrays: Mapping[str, NDArray[Any]], *, classes: ClassTable, ids: tuple[int, ...], channels: int, note: str
    ) -> ForestModel:
        """Make a model again of the :meth:`ForestModel.arrays` of one that was fitted.

        Raises
        ------
        KeyError, ValueError
            If an array is missing or they do not fit together, the channels or the classes.
        """
        trees = TreeArrays.from_arrays(arrays)
        if int(trees.features) != self.filters.count * channels:
            raise ValueError(f"trees for {int(trees.features)} filter values, but there are "
                             f"{self.filters.count} for each of {channels} channels")
        if trees.classes != len(ids) or not set(ids) <= set(classes.ids):
            raise ValueError(f"trees for {trees.classes} classes, but ids {ids} of {classes.ids}")
        return ForestModel(self, classes, note, ids, channels, None, trees)


@dataclasses.dataclass(frozen=True, eq=False)
class ForestModel(ClassicalModel):
    """A fitted forest: as :class:`ClassicalModel`, but it answers tile by tile and can be saved."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learnt as plain arrays; :meth:`Forest.restore` makes the model again."""
        trees: TreeArrays = self.learnt
        return trees.arrays()

    def _patches(
        self, image: Image, numbers: list[int], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[Patch]:
        method: Forest = self.method  # type: ignore[assignment]  # made by Forest only
        missing, done = 0, 0
        boxes = list(method.filters.tiles(image.plane_shape, image.n_channels))
        total = len(numbers) * len(boxes)
        while numbers:
            number = numbers.pop(place_in_view(image, numbers, view))
            plane = method.prepared(image.plane(number))
            missing += int(np.count_nonzero(~plane.valid))
            for box in _in_view_first(boxes, image, number, view):
                labels, maps = self._answer(plane, box, probabilities)
                done += 1
                if done == total:
                    warn_not_finite(image, missing)
                yield Patch(image.where(number, *box), labels, maps, done, total)

    def tile_side(self) -> int | None:
        """Return how many rows and columns are answered at a time; None where lighting is evened over the plane."""
        method: Forest = self.method  # type: ignore[assignment]  # made by Forest only
        return None if method.background else BOX

    def segment_box(self, image: Image, plane: int, box: Box, probabilities: bool = False) -> Iterator[Patch]:
        """Segment a box of a plane, from it and what its filters see around it: the labels of :meth:`segment`."""
        method: Forest = self.method  # type: ignore[assignment]  # made by Forest only
        near = box.grown(method.filters.halo, image.plane_shape)
        values, valid = Normalisation().window(image, plane, image.window(plane, *near.slices))
        values[:, ~valid] = 0
        inner = slice(box.y0 - near.y0, box.y1 - near.y0), slice(box.x0 - near.x0, box.x1 - near.x0)
        prepared = PreparedPlane(values, valid)
        if not valid.all():
            say_some_not_finite(image)
        for rows, columns in method.filters.tiles(box.shape, image.n_channels):
            part = (slice(rows.start + inner[0].start, rows.stop + inner[0].start),
                    slice(columns.start + inner[1].start, columns.stop + inner[1].start))
            labels, maps = self._answer(prepared, part, probabilities)
            down, right = (slice(one.start + start, one.stop + start)
                           for one, start in ((rows, box.y0), (columns, box.x0)))
            yield Patch(image.where(plane, down, right), labels, maps)

    def _answer(
        self, plane: PreparedPlane, box: tuple[slice, slice], probabilities: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """Return the labels of a part of a plane, and the probabilities if they are asked for."""
        method: Forest = self.method  # type: ignore[assignment]  # made by Forest only
        shares = method.vote(plane, self.learnt, box)
        hidden = ~plane.valid[box]
        labels = np.array(self.ids, np.uint8)[shares.argmax(axis=0)]
        labels[hidden] = self.classes.ids[0]
        if not probabilities:
            return labels, None
        maps = np.zeros((len(self.classes.ids), *labels.shape), np.float32)
        for share, one in zip(shares, self.ids, strict=True):
            maps[self.classes.ids.index(one)] = np.where(hidden, 0, share)
        maps[0, hidden] = 1
        return labels, maps


def _in_view_first(
    boxes: list[tuple[slice, slice]], image: Image, number: int, view: Latest[View | None] | None
) -> list[tuple[slice, slice]]:
    looked = view.get() if view is not None else None
    if looked is None or len(looked.where) != len(image.shape) or image.plane_of(looked.where) != number:
        return boxes
    rows, columns = looked.where[-2:]

    def beside(box: tuple[slice, slice]) -> bool:
        return any(not isinstance(seen, slice) or part.stop <= seen.start or part.start >= seen.stop
                   for part, seen in zip(box, (rows, columns), strict=True))

    return sorted(boxes, key=beside)
