"""What the tests of training share: a scene to paint on, and a small network."""

from __future__ import annotations

import dataclasses
import itertools
import time
from types import SimpleNamespace

import numpy as np
from torch import nn

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.learning import trainer
from napari_unet.learning.augmentation import Augmentation
from napari_unet.learning.trainer import Step
from napari_unet.learning.training_plan import TrainingPlan
from napari_unet.losses import REGISTRY as LOSSES

LOSS = LOSSES["dice_cross_entropy"]
QUICK = TrainingPlan(seconds=None, steps=6, device="cpu", augmentation=Augmentation.none(), learning_rate=0.02)
LIVE = dataclasses.replace(QUICK, steps=None, publish_seconds=1e-6)


class Layers(nn.Module):
    """Two convolutions with BatchNorm, and a head."""

    def __init__(self, channels, classes, trouble=None):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Conv2d(8, classes, 1)
        self.trouble = trouble

    def forward(self, x):
        if self.trouble is not None:
            x = self.trouble(self, x)
        return self.head(self.body(x))


@dataclasses.dataclass(frozen=True)
class Small:
    """A network that a test can put into trouble: a function of the module and a batch, which returns the batch."""

    trouble: object = None
    stride = 1
    halo = 1

    def build(self, channels, classes):
        return Layers(channels, classes, self.trouble)


class Scene:
    """Two bright squares on a dark ground, and a brush."""

    def __init__(self, channels=1, seed=0, name="cells"):
        generator = np.random.default_rng(seed)
        self.data = generator.normal(0, 0.1, (channels, 32, 32)).astype(np.float32)
        self.data[:, 4:14, 4:14] += 1
        self.data[:, 18:28, 18:28] += 2
        self.image = Image(self.data, "CYX", name)
        self.paint = np.zeros((32, 32), np.uint8)
        self.version = 0

    def start(self):
        self.paint[0, :] = 1
        self.paint[8, 5:12] = 2
        return self

    @property
    def pair(self):
        self.version += 1
        return Pair(self.image, Scribbles.from_array(self.paint, version=self.version))

    @property
    def training(self):
        return TrainingSet((self.pair,))


def finish(work):
    """Return all events and the model."""
    work = Work(work)
    return list(work), work.result()


def until(events, condition, limit=200):
    """Return the first event that fulfils a condition."""
    for event in itertools.islice(events, limit):
        if condition(event):
            return event
    raise AssertionError(f"not within {limit} events")


def tick(monkeypatch, seconds=0.01):
    """Let the trainer's clock advance whenever it is read, by so many seconds, however busy the machine is."""
    ticks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(ticks) * seconds, sleep=time.sleep)
    monkeypatch.setattr(trainer, "time", clock)


def is_step(event):
    return isinstance(event, Step)
