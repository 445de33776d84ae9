"""An honest score while learning: Dice on strokes that are held out. Decides nothing about which those are."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Protocol

import numpy as np
import torch

from ..predicting.predict import NetworkModel
from .learner import Learner
from .material import Material
from .strokes import Stroke

SETTLE_STEPS = 100
"""A stroke that was trained on before it was held out counts only after so many steps without it."""

MAX_STROKES = 8
"""At most so many strokes of a class are looked at, the newest; each costs a forward pass."""

Score = dict[int, float | None]
"""Dice by painted id; None where there is no score."""


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
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
    """

    score: Score
    model: NetworkModel | None = None
    remark: str = ""
    settled: bool = False


class Referee(Protocol):
    """Judges a network while it learns; yields between pieces of work."""

    def __call__(self, learner: Learner, material: Material, step: int) -> Generator[None, None, Verdict]:
        """Judge the averaged network after ``step`` steps of this training."""


def by_score(learner: Learner, material: Material, step: int) -> Generator[None, None, Verdict]:
    """Score the averaged network, which is the only one there is."""
    return Verdict((yield from judge(learner, material, step)))


def judge(learner: Learner, material: Material, step: int) -> Generator[None, None, Score]:
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
    by_class: dict[int, list[Stroke]] = {number: [] for number in material.ids}
    for stroke in material.strokes:
        if stroke.counts(step, SETTLE_STEPS):
            by_class[stroke.class_id].append(stroke)
    score: Score = dict.fromkeys(material.ids)
    if sum(map(bool, by_class.values())) < 2:
        return score
    counts = np.zeros((len(material.ids), len(material.ids)), np.int64)  # truth by prediction
    for strokes in by_class.values():
        for stroke in strokes[-MAX_STROKES:]:
            patch = material.sampler.centred(stroke, material.size)
            predicted = learner.forward(torch.from_numpy(patch.images)).argmax(1).cpu().numpy()
            known = patch.targets >= 0
            np.add.at(counts, (patch.targets[known], predicted[known]), 1)
            yield
    for index, number in enumerate(material.ids):
        if counts[index].any():
            score[number] = float(2 * counts[index, index] / (counts[index].sum() + counts[:, index].sum()))
    return score


def mean_score(score: Score) -> float | None:
    """Return the mean over classes that have a score, the background (id 1) apart; None if there is none."""
    values = [value for number, value in score.items() if number != 1 and value is not None]
    return float(np.mean(values)) if values else None
