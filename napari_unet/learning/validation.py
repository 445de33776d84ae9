"""An honest score while learning: Dice on strokes that are held out. Decides nothing about which those are."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Protocol

import numpy as np
import torch

from ..predicting.network_model import NetworkModel
from .learner import Learner
from .strokes import Stroke
from .training_data import TrainingData

SETTLE_STEPS = 100
"""A stroke that was trained on before it was held out counts only after so many steps without it."""

MAX_STROKES = 8
"""At most so many strokes of a class are looked at, the newest; each costs a forward pass."""

Score = dict[int, float | None]
"""Dice by painted id; None where there is no score."""


@dataclasses.dataclass(frozen=True, eq=False)
class ModelChoice:
    """Which model is shown.

    Parameters
    ----------
    score : dict of int to float or None
        Its Dice on held-out strokes by class id.
    model : NetworkModel, optional
        A better one than the network as it was trained.
    remark : str
        Which one it is and why, for people; empty if there was no choice.
    settled : bool
        Nothing more has to be found out: strokes held out may be learnt from.
    before : float or None
        Mean Dice of what the training began with on the same strokes, where both are compared.
    """

    score: Score
    model: NetworkModel | None = None
    remark: str = ""
    settled: bool = False
    before: float | None = None


class ModelSelector(Protocol):
    """Judges a network while it learns; yields between pieces of work."""

    def __call__(self, learner: Learner, data: TrainingData, step: int) -> Generator[None, None, ModelChoice]:
        """Judge the averaged network after ``step`` steps of this training."""


def newest_with_score(learner: Learner, data: TrainingData, step: int) -> Generator[None, None, ModelChoice]:
    """Score the averaged network, which is the only one there is."""
    return ModelChoice((yield from held_out_dice(learner, data, step)))


def held_out_dice(learner: Learner, data: TrainingData, step: int) -> Generator[None, None, Score]:
    """Score the averaged network on held-out strokes.

    Dice of a class is taken over the pixels of all held-out strokes together, so there is no score unless two classes
    have some: with one class alone there is nothing to mistake it for.

    Yields
    ------
    None
        After each stroke.

    Returns
    -------
    dict of int to float or None
    """
    by_class: dict[int, list[Stroke]] = {number: [] for number in data.ids}
    for stroke in data.strokes:
        if stroke.counts(step, SETTLE_STEPS):
            by_class[stroke.class_id].append(stroke)
    score: Score = dict.fromkeys(data.ids)
    if sum(map(bool, by_class.values())) < 2:
        return score
    counts = np.zeros((len(data.ids), len(data.ids)), np.int64)  # truth by prediction
    for strokes in by_class.values():
        for stroke in strokes[-MAX_STROKES:]:
            patch = data.sampler.centred(stroke, data.size)
            predicted = learner.forward(torch.from_numpy(patch.images)).argmax(1).cpu().numpy()
            known = patch.targets >= 0
            np.add.at(counts, (patch.targets[known], predicted[known]), 1)
            yield
    for index, number in enumerate(data.ids):
        if counts[index].any():
            score[number] = float(2 * counts[index, index] / (counts[index].sum() + counts[:, index].sum()))
    return score


def mean_score(score: Score) -> float | None:
    """Return the mean over classes that have a score, the background (id 1) apart; None if there is none."""
    values = [value for number, value in score.items() if number != 1 and value is not None]
    return float(np.mean(values)) if values else None
