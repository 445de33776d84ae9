"""The methods paragraph of a paper, written from what was really done, with what to cite. Knows provenances alone.

Whatever a provenance does not say is said to be not known, never guessed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from napari_unet.core.parameters import fields
from napari_unet.core.provenance import PROBABILITIES, ImageFacts, Provenance
from napari_unet.core.readable import readable
from napari_unet.segmenters import REGISTRY as METHODS

from .citations import WORKS, works_of

_LIBRARIES = {"torch": "PyTorch", "numpy": "NumPy", "scipy": "SciPy", "scikit-image": "scikit-image",
              "scikit-learn": "scikit-learn"}
_SAID_ELSEWHERE = {"seconds", "steps", "seed", "device", "threads", "deterministic", "start"}
_WIDTH = 100


class _Cited:
    """Works in the order in which they are first cited."""

    def __init__(self) -> None:
        self.works: list[str] = []

    def __call__(self, *works: str) -> str:
        """Return the mark that stands in the text, `` [1, 2]``."""
        for work in works:
            if work not in self.works:
                self.works.append(work)
        numbers = [self.works.index(work) + 1 for work in works]
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""


def methods_paragraph(provenance: Provenance, applied: Sequence[ImageFacts] = ()) -> str:
    """Write the methods paragraph of a paper, with references and with what is not known.

    Parameters
    ----------
    provenance : Provenance
        Of a model, a mask or a comparison.
    applied : sequence of ImageFacts
        Images that a model has segmented.

    Returns
    -------
    str
        Lines of at most 100 characters; ends in a line break.
    """
    cite = _Cited()
    trained = provenance.model if provenance.what in ("mask", PROBABILITIES) else provenance
    sentences = [_opening(provenance, cite)]
    if provenance.what == "comparison":
        sentences += _compared(provenance, cite)
    elif trained is not None:
        sentences += _trained(trained, cite)
    images = provenance.images if provenance.what in ("mask", PROBABILITIES) else tuple(applied)
    if images:
        sentences.append(f"The model then segmented {_images(images)}.")
    sentences.append(_software(trained or provenance, cite))
    blocks = [_wrap(" ".join(one for one in sentences if one))]
    if unknown := _unknown(provenance, trained):
        blocks.append(_wrap(f"Not known, so please add it by hand: {', '.join(unknown)}."))
    works = [_wrap(f"{number}. {work}") for number, work in enumerate(cite.works, 1)]
    blocks.append("\n".join(["References", *works]))
    return readable("\n\n".join(blocks), lines=True) + "\n"


def _opening(provenance: Provenance, cite: _Cited) -> str:
    what = "Methods of segmentation were compared" if provenance.what == "comparison" else "Images were segmented"
    program = provenance.program or "napari-unet"
    return f"{what} with {program}, a plugin for napari{cite(WORKS['napari'])}."


def _trained(one: Provenance, cite: _Cited) -> list[str]:
    if not one.method:
        return [one.note or "How the model was trained was not noted."]
    title = METHODS.entry(one.method).title if one.method in METHODS else one.method
    strokes = _strokes(one)
    sentences = [f"{_article(title)} (method {one.method!r}){cite(*works_of(one.method))} "
                 + (f"learnt from {strokes}." if strokes else "learnt from strokes."), one.note]
    if one.steps:
        took = "" if one.seconds is None else f" in {_duration(one.seconds)}"
        sentences.append(f"It was trained for {one.steps} steps{took} with AdamW{cite(WORKS['adamw'])}.")
    settings = _settings(one)
    if settings and one.steps != 0:
        sentences.append(f"Settings: {settings}.")
    if one.device:
        exact = ", in one thread and deterministically" if one.deterministic else ""
        seed = "" if one.seed is None else f" with seed {one.seed}"
        sentences.append(f"It was computed{seed} on {one.device.partition(' (')[0]}{exact}.")
    if one.score:
        sentences.append(f"Its score: {one.score}.")
    return sentences


def _compared(one: Provenance, cite: _Cited) -> list[str]:
    methods: Mapping[str, Any] = one.settings.get("methods", {})
    named = []
    for name, about in methods.items():
        title = METHODS.entry(name).title if name in METHODS else name
        note = " ".join(str(about.get("note", "")).split()) if isinstance(about, Mapping) else ""
        named.append((f"{title}{cite(*works_of(name))}", note))
    sentences = [f"The same strokes were given to {_listed([words for words, _ in named])}." if named else ""]
    strokes = _strokes(one)
    if strokes:
        sentences.append(f"They learnt from {strokes}.")
    scored = one.settings.get("scored on")
    if scored:
        folds = one.settings.get("folds", 1)
        split = f", in {folds} folds" if scored == "held-out strokes" and isinstance(folds, int) and folds > 1 else ""
        sentences.append(f"Results were scored on {scored}{split}.")
    limits = [f"{one.settings[name]:g} s {what}" for name, what in (("seconds", "of training for each network"),
                                                                     ("budget", "for any other method"))
              if isinstance(one.settings.get(name), (int, float))]
    if limits:
        sentences.append(f"Allowed were {_listed(limits)}.")
    sentences.append("All parameters are in methods.txt, beside the report.")
    return sentences


def _strokes(one: Provenance) -> str:
    """Say what was painted, where and how much."""
    painted = [image for image in one.images if image.painted]
    if not painted:
        return ""
    counts: dict[int, int] = {}
    for image in painted:
        for number, count in image.painted.items():
            counts[number] = counts.get(number, 0) + count
    names = {} if one.classes is None else {entry.id: entry.name for entry in one.classes.classes}
    classes = _listed([f"{names.get(number, f'class {number}')} {counts[number]} px" for number in sorted(counts)])
    total = sum(math.prod(image.shape) for image in painted)
    share = f", {100 * sum(counts.values()) / total:.2g} % of these pixels" if total else ""
    return f"brush strokes ({classes}{share}) on {_images(painted)}"


def _images(images: Sequence[ImageFacts]) -> str:
    """Say how many images of which size."""
    kinds: dict[str, int] = {}
    for one in images:
        kinds[_kind(one)] = kinds.get(_kind(one), 0) + 1
    if len(images) == 1:
        return f"one image of {next(iter(kinds))}"
    if len(kinds) == 1:
        return f"{len(images)} images of {next(iter(kinds))}"
    shown = [f"{count} of {kind}" for kind, count in list(kinds.items())[:3]]
    return f"{len(images)} images ({'; '.join(shown)}{'; and others' if len(kinds) > 3 else ''})"


def _kind(one: ImageFacts) -> str:
    size = " x ".join(str(length) for length in reversed(one.shape[-2:]))
    planes = math.prod(one.shape[:-2])
    words = [f"{size} px" + (f" and {planes} planes" if planes > 1 else "")]
    if one.channels > 1:
        words.append(f"{one.channels} channels")
    if one.dtype:
        words.append(one.dtype)
    if one.unit not in ("", "pixel") and len(one.scale) >= 2:
        words.append(f"{' x '.join(f'{step:.4g}' for step in reversed(one.scale[-2:]))} {one.unit} a pixel")
    return ", ".join(words)


def _settings(one: Provenance) -> str:
    """Write the settings that differ from their defaults, and the loss."""
    if one.method not in METHODS:
        return ", ".join(f"{name} {value}" for name, value in one.settings.items() if name not in _SAID_ELSEWHERE)
    units = {field.name: (field.default, field.parameter.unit) for field in fields(METHODS[one.method])}
    words = []
    for name, value in one.settings.items():
        default, unit = units.get(name, (None, ""))
        if name not in _SAID_ELSEWHERE and (value != default or name == "loss"):
            words.append(f"{name.replace('_', ' ')} {'auto' if value is None else value} {unit}".rstrip())
    return ", ".join(words) + ("; all others as they come" if words and len(words) < len(units) else "")


def _software(one: Provenance, cite: _Cited) -> str:
    used = [f"{title} {one.versions[name]}{cite(WORKS[name])}" for name, title in _LIBRARIES.items()
            if name in one.versions]
    python = f"Python {one.versions['python']}" if "python" in one.versions else ""
    return f"The program used {_listed([one for one in (python, *used) if one])}." if used or python else ""


def _unknown(provenance: Provenance, trained: Provenance | None) -> list[str]:
    """Name what a reader of the paper would want and nobody noted."""
    missing = []
    if not provenance.program:
        missing.append("the version of napari-unet")
    if trained is None:
        missing.append("how the model was trained")
        return missing
    if provenance.what != "comparison":
        missing += [words for words, known in (
            ("the method", trained.method), ("the strokes and images it learnt from", trained.images),
            ("the device", trained.device)) if not known]
        if trained.method and not trained.score:
            missing.append("a score of the model (paint more strokes of each class, or score a mask against a labelled "
                           "reference with `napari-unet score`)")
    if not trained.versions:
        missing.append("the versions of the libraries")
    missing.append("how the images were taken, and who painted")
    return missing


def _article(title: str) -> str:
    return f"{'An' if title[:1] in 'AEIO' else 'A'} {title}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _wrap(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
