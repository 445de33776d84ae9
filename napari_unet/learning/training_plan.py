"""How to train: budget, patches, learning rate. Trains nothing."""

from __future__ import annotations

import dataclasses
import math

from .augmentation import Augmentation

WARM_UP_STEPS = 10


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Parameters
    ----------
    seconds, steps : float, int or None
        Whatever is over first ends the training; None for no limit. Seconds count from the first step, without pauses.
    seed : int
        With ``steps`` on a CPU the same seed gives the same weights.
    patch : int or None
        Side of the patches in pixels; None: ``largest_patch``, or as large as the largest plane where that is less.
    patch_planes : int
        Planes of the patches of a network that looks along z and answers several planes at once; rounded up to a
        multiple of its stride.
    largest_patch : int
        In pixels; rounded up to a multiple of the network's stride.
    batch : int
        Patches per step (more where planes are smaller than ``largest_patch``, so that a step sees as much).
    learning_rate : float
    augmentation : Augmentation
    device : str
        See :func:`napari_unet.predicting.devices.choose_device`.
    threads : int or None
        CPU threads for torch while training; None leaves them alone.
    publish_seconds : float or None
        Training time between models; None: 2 s when strokes come from a mailbox, otherwise 10 s, and where only steps
        limit the training so many steps that it comes out the same on a slow machine.
    hold_out : bool or None
        Whether strokes are held out for a score; None: only when strokes come from a mailbox.
    """

    seconds: float | None = 60.0
    steps: int | None = None
    seed: int = 0
    patch: int | None = None
    patch_planes: int = 16
    largest_patch: int = 192
    batch: int = 4
    learning_rate: float = 2e-3
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)
    device: str = "auto"
    threads: int | None = None
    publish_seconds: float | None = None
    hold_out: bool | None = None

    @property
    def endless(self) -> bool:
        """Whether there is no limit."""
        return self.seconds is None and self.steps is None

    def fraction(self, steps: int, seconds: float) -> float | None:
        """Return how much of the budget is used up, 0 to 1; None without a limit."""
        parts = []
        if self.seconds is not None:
            parts.append(seconds / max(self.seconds, 1e-9))
        if self.steps is not None:
            parts.append(steps / max(self.steps, 1))
        return min(1.0, max(parts)) if parts else None

    def rate(self, steps: int, fraction: float | None) -> float:
        """Return the factor on the learning rate: rises at first, then flat, then falls over the second half."""
        rise = min(1.0, (steps + 1) / WARM_UP_STEPS)
        if fraction is None or fraction <= 0.5:
            return rise
        return rise * max(0.01, 0.5 * (1 + math.cos(math.pi * (2 * fraction - 1))))

    def shape(self, largest: int, stride: int) -> tuple[int, int]:
        """Return side and number of patches.

        Parameters
        ----------
        largest : int
            Longest side of a painted plane, in pixels.
        stride : int
            The side is a multiple of it.
        """
        if self.patch is not None:
            return math.ceil(self.patch / stride) * stride, self.batch
        size = min(math.ceil(self.largest_patch / stride), math.ceil(largest / stride)) * stride
        return size, self.batch * min(4, max(1, round((self.largest_patch / size) ** 2)))
