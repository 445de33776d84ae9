"""Losses as plain formulas over single pixels, to compare ours with."""

from __future__ import annotations

import numpy as np
from loss_examples import painted, softmax
from scipy import ndimage


def plain_pixels(logits, target):
    """Minus log probability of the painted class, (n,), and labels (n,)."""
    values, labels = painted(logits, target)
    return -np.log(softmax(values)[labels, np.arange(len(labels))]), labels


def plain_cross_entropy(logits, target):
    return plain_pixels(logits, target)[0].mean()


def plain_balanced(logits, target):
    each, labels = plain_pixels(logits, target)
    return np.mean([each[labels == k].mean() for k in np.unique(labels)])


def plain_weighted(logits, target):
    each, labels = plain_pixels(logits, target)
    weights = np.array([(labels == label).sum() ** -0.5 for label in labels])
    return (weights * each).sum() / weights.sum()


def plain_focal(logits, target):
    each, labels = plain_pixels(logits, target)
    focal = (1 - np.exp(-each)) ** 2 * each
    return np.mean([focal[labels == k].mean() for k in np.unique(labels)])


def by_class(logits, target, term, first=0):
    """Mean of term(w, p, t) over classes with paint, from the class with index first."""
    values, labels = painted(logits, target)
    probabilities = softmax(values)
    weight = 1 / np.bincount(labels, minlength=len(values))[labels]
    terms = [term(weight, probabilities[k], (labels == k) * 1.0) for k in np.unique(labels) if k >= first]
    return np.mean(terms) if terms else 0.0


def plain_dice(logits, target):
    return by_class(logits, target, lambda w, p, t: 1 - 2 * (w * p * t).sum() / (w * p + w * t).sum())


def plain_dice_squared(logits, target):
    return by_class(logits, target, lambda w, p, t: 1 - 2 * (w * p * t).sum() / (w * (p**2 + t**2)).sum())


def plain_iou(logits, target):
    return by_class(logits, target, lambda w, p, t: 1 - (w * p * t).sum() / (w * (p + t - p * t)).sum())


def tversky_index(w, p, t):
    hit, false, missed = (w * p * t).sum(), (w * p * (1 - t)).sum(), (w * (1 - p) * t).sum()
    return hit / (hit + 0.3 * false + 0.7 * missed)


def plain_tversky(logits, target):
    return by_class(logits, target, lambda w, p, t: 1 - tversky_index(w, p, t), first=1)


def plain_focal_tversky(logits, target):
    small = 1e-6
    return by_class(
        logits, target, lambda w, p, t: (1 - tversky_index(w, p, t) + small) ** 0.75 - small**0.75, first=1
    )


CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


def plain_skeleton(values, iterations=10):
    """Algorithm 1 of the clDice paper with scipy's grey morphology, (Y, X), 0 beyond the border."""

    def erode(x):
        return ndimage.grey_erosion(x, footprint=CROSS, mode="constant", cval=0)

    def opened(x):
        return ndimage.grey_dilation(erode(x), size=(3, 3), mode="constant", cval=0)

    skeleton = np.maximum(values - opened(values), 0)
    for _ in range(iterations):
        values = erode(values)
        ridge = np.maximum(values - opened(values), 0)
        skeleton = skeleton + (1 - skeleton) * ridge
    return skeleton


def plain_cldice(logits, target):
    raw, mask = logits.double().numpy(), target.numpy() >= 0
    raised = np.exp(raw - raw.max(1, keepdims=True))
    probabilities = raised / raised.sum(1, keepdims=True)
    terms = []
    for k in np.unique(target.numpy()[mask]):
        if k == 0:
            continue
        truth, predicted = (target.numpy() == k) * 1.0, probabilities[:, k] * mask
        true_lines, lines = (np.stack([plain_skeleton(one) for one in x]) for x in (truth, predicted))
        precision = ((lines * truth).sum() + 1) / (lines.sum() + 1)
        sensitivity = ((true_lines * predicted).sum() + 1) / (true_lines.sum() + 1)
        terms.append(1 - 2 * precision * sensitivity / (precision + sensitivity))
    return np.mean(terms) if terms else 0.0


def plain_border(logits, target):
    """Equations 1 and 2 of Ronneberger et al. 2015, each distance by comparing all pixels with all pixels."""
    each, labels = plain_pixels(logits, target)
    classes = np.unique(labels)
    balance = np.array([len(labels) / (len(classes) * (labels == label).sum()) for label in labels])
    extra = []
    for plane in target.numpy():
        objects, count = ndimage.label(plane > 0)
        for y, x in np.argwhere(plane >= 0):
            distances = sorted(
                np.hypot(*(np.argwhere(objects == number) - (y, x)).T).min() for number in range(1, count + 1)
            )
            gap = plane[y, x] == 0 and count > 1
            extra.append(10 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * 5**2)) if gap else 0)
    return ((balance + np.array(extra)) * each).mean()


PLAIN = {
    "cross_entropy": plain_cross_entropy,
    "balanced_cross_entropy": plain_balanced,
    "weighted_cross_entropy": plain_weighted,
    "focal": plain_focal,
    "dice": plain_dice,
    "dice_squared": plain_dice_squared,
    "iou": plain_iou,
    "tversky": plain_tversky,
    "focal_tversky": plain_focal_tversky,
    "cldice": plain_cldice,
    "border_cross_entropy": plain_border,
    "dice_cross_entropy": lambda *x: plain_balanced(*x) + plain_dice(*x),
    "dice_focal": lambda *x: plain_focal(*x) + plain_dice(*x),
    "tversky_cross_entropy": lambda *x: plain_balanced(*x) + plain_tversky(*x),
    "cldice_dice": lambda *x: 0.5 * plain_cldice(*x) + 0.5 * plain_dice(*x),
    "dice_border_cross_entropy": lambda *x: plain_border(*x) + plain_dice(*x),
}
