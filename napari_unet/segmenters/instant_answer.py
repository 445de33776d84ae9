"""The instant method: features learnt beforehand on synthetic images, and a linear head fitted to the strokes.

Trains no network. The features ship with the program (:mod:`napari_unet.pretrained`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Annotated, ClassVar

from napari_unet.core import parameters
from napari_unet.core.depth import Depth
from napari_unet.core.latest import Latest
from napari_unet.core.method import Progress, newest_training_set
from napari_unet.core.parameters import Parameter
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.sight import Sees
from napari_unet.instant.features import FeatureStore, with_usual_range
from napari_unet.instant.instant_model import InstantModel, fit_instantly
from napari_unet.instant.pixel_heads import Kind
from napari_unet.predicting.devices import choose_device
from napari_unet.pretrained import load_features

from . import register


@register("instant", "Instant (pre-trained features)", family="learning")
@dataclasses.dataclass(frozen=True)
class Instant:
    """Features learnt beforehand on synthetic images, weighed to tell the strokes apart; answers in under a second.

    Every painted pixel has 101 features of each channel: from a U-Net that has seen only drawn images and looks at
    the picture at full and half its size, from classical filters, and from what surrounds the pixel. To these a linear
    classifier is fitted, which decision trees then correct; of a class that is painted more, each pixel counts less.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    sees: ClassVar[Sees] = "both"

    head: Annotated[Kind, Parameter("How features are weighed: ridge is solved at once, logistic is better, trees "
                                    "correct that where strokes say otherwise and take a moment longer",
                                    advanced=True)] = "trees"
    volume: Annotated[Depth | None, Parameter(
        "How far beyond its plane each pixel of a stack along z is looked at: not at all (plane), at the planes before "
        "and behind it (neighbours), or also along z (three cuts); auto: as far as the size of the voxels makes sense "
        "and strokes that are left out speak for it", advanced=True)] = None
    memory: Annotated[int, Parameter("Memory for features that are kept, so that the next answer is instant", min=64,
                                     max=2**20, step=256, unit="MB", advanced=True)] = 2048
    device: Annotated[str, Parameter("Where to compute: auto takes the graphics card if there is one, else "
                                     "the processor; or cpu, cuda, cuda:1, mps")] = "auto"
    seed: Annotated[int, Parameter("Start of all random numbers; another one gives a slightly different result", min=0,
                                   max=2**31 - 1, advanced=True)] = 0

    def __post_init__(self) -> None:
        parameters.check(self)

    def store(self, training: TrainingSet | None = None) -> FeatureStore:
        """Return an empty store of features for images; keep it to fit again without looking at the images again.

        Parameters
        ----------
        training : TrainingSet, optional
            Its painted images say which brightness is usual (all, if none is painted); without it, planes count alone.

        Raises
        ------
        UserError
            If the pre-trained features are missing or damaged, or the device is not there.
        """
        weights = load_features() if training is None else with_usual_range(load_features(), training)
        return FeatureStore(weights, choose_device(self.device), self.memory * 2**20)

    def fit(
        self, painted: TrainingSet | Latest[TrainingSet], store: FeatureStore | None = None
    ) -> Generator[Progress, None, InstantModel]:
        """Fit the head to the newest strokes; see :func:`napari_unet.instant.instant_model.fit_instantly`.

        Raises
        ------
        UserError
            If strokes are missing or do not suit, or as :meth:`store`.
        """
        training = newest_training_set(painted)
        return fit_instantly(store or self.store(training), training, self.seed, self.head, self.volume)
