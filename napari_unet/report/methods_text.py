"""All parameters of a comparison as text: what would have to be known to run it again. Draws nothing."""

from __future__ import annotations

import inspect
import platform
import textwrap
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from napari_unet import __version__
from napari_unet.comparison.outcome import Comparison
from napari_unet.core import parameters
from napari_unet.segmenters import REGISTRY as METHODS

from .summary import summarise

_PACKAGES = ("numpy", "scipy", "scikit-image", "scikit-learn", "torch")
_WIDTH = 100


def describe_methods(comparison: Comparison) -> str:
    """Write methods and their parameters as text, one paragraph a method, for ``methods.txt``.

    Values that were left to ``auto`` are given as they were chosen.
    """
    names = (*comparison.masks, *(one for one in comparison.failures if one not in comparison.masks))
    return "\n\n".join([_header(comparison), *(_method(comparison, name) for name in names)]) + "\n"


def method_titles(comparison: Comparison) -> dict[str, str]:
    """Return what people read for each method: its title in the registry, or the name of its recipe."""
    names = (*comparison.masks, *comparison.failures)
    return {name: METHODS.entry(name).title if name in METHODS else name for name in names}


def scored_against(comparison: Comparison) -> str:
    """Say in one sentence what the methods were scored against."""
    if not comparison.held_out:
        return "Scored against a reference."
    if not any(one is not None and np.any(one) for one in comparison.references):
        return ("None of so few strokes could be held out to score on: it takes three separate strokes of each class, "
                "or a reference.")
    if comparison.folds > 1:
        return (f"Scored on held-out strokes: every stroke was kept from the methods once, in {comparison.folds} folds "
                "of whole strokes.")
    return ("Scored on held-out strokes: about a quarter of the strokes was kept from all methods, and in a second fit "
            "another quarter.")


def _header(comparison: Comparison) -> str:
    packages = []
    for package in _PACKAGES:
        try:
            packages.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            packages.append(f"{package} not installed")
    lines = [f"napari-unet {__version__}, Python {platform.python_version()}, {', '.join(packages)}", ""]
    counts = comparison.training.counts()
    painted = ", ".join(f"{comparison.classes.name(number)} {count} px" for number, count in counts.items())
    lines += [scored_against(comparison), f"Painted: {painted or 'nothing'}.", "Images:"]
    for image, planes in zip(comparison.images, comparison.planes, strict=True):
        shape = " x ".join(map(str, image.shape))
        lines.append(f"  {image.name}: {shape} px, {image.n_channels} channels, "
                     + (f"planes {_ranges(planes)} compared" if planes else "only learnt from"))
    return "\n".join(lines)


def _method(comparison: Comparison, name: str) -> str:
    """Write the paragraph of one method."""
    heading = method_titles(comparison)[name]
    lines = [f"{name}: {heading}" if heading != name else name]
    lines.append("-" * len(lines[0]))
    if name in comparison.failures:
        lines += _wrapped(f"Could not: {comparison.failures[name]}")
    method = comparison.methods.get(name)
    if method is not None:
        lines += _wrapped(inspect.getdoc(type(method)) or "")
    lines += _wrapped(comparison.notes.get(name, ""))
    summary = summarise(comparison.rows)
    if summary.tells_sight and summary.sight(name):
        lines.append(f"It looked at {summary.sight(name)}.")
    if comparison.partial(name) and name in comparison.masks:
        for image, planes in zip(comparison.images, comparison.planes_of(name), strict=True):
            lines.append(f"  {image.name}: planes {_ranges(planes) or 'none'} in time")
    if method is None:
        if name in comparison.masks:
            lines.append("A model that was trained before; nothing was fitted here.")
        return "\n".join(lines)
    lines += _parameter_lines(method, comparison.asked.get(name))
    for one in getattr(comparison.models.get(name), "tried", ()):
        values = ", ".join(f"{key} {value}" for key, value in one.parameters.items())
        lines.append(f"    tried {values}: {one.score:.3f}")
    return "\n".join(lines)


def _parameter_lines(method: Any, asked: Any) -> list[str]:
    """Write the parameters of a method, one a line, and which of them were left to ``auto``."""
    lines = []
    for field in parameters.fields(method):
        value = getattr(method, field.name)
        text = "auto" if value is None else f"{value} {field.parameter.unit}".rstrip()
        chosen = " (chosen on the strokes)" if value is not None and getattr(asked, field.name) is None else ""
        lines.append(f"  {field.name} = {text}{chosen}")
    return lines


def _wrapped(text: str) -> list[str]:
    """Wrap the first paragraphs of a text, up to a heading of a docstring."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if any(line and set(line.strip()) == {"-"} for line in paragraph.splitlines()):
            break  # a section of the docstring: for programmers
        lines += textwrap.wrap(" ".join(paragraph.split()), _WIDTH)
    return lines


def _ranges(planes: Any) -> str:
    """Write plane numbers shortly: 0-3, 7."""
    runs: list[list[int]] = []
    for plane in planes:
        if runs and plane == runs[-1][-1] + 1:
            runs[-1].append(plane)
        else:
            runs.append([plane])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
