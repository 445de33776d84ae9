"""Where a result comes from: versions, machine, method, settings, what was painted, how long and how well it learnt.

It travels inside model files and beside what is exported. Opens no file and judges nothing; what is not known is left
empty, and whoever reads it says so.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import os
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .classes import ClassTable
from .fingerprints import hash_if_whole, stroke_hash
from .image import Image
from .scribbles import Scribbles

PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "scikit-learn", "zarr", "tifffile", "connected-components-3d",
            "napari")
"""Whose versions are noted."""

PROBABILITIES = "probabilities"
"""What a provenance tells about that lies beside probabilities of classes; otherwise it is that of a mask."""

_maker: contextvars.ContextVar[str] = contextvars.ContextVar("maker", default="")


@dataclasses.dataclass(frozen=True)
class ImageFacts:
    """What is noted of an image, and of the strokes on it.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Without channels.
    axes : str
    channels : int
    dtype : str
    scale : tuple of float
        Size of a step along each axis of ``shape``, in ``unit``.
    unit : str
    hash : str
        See :func:`napari_unet.core.fingerprints.image_hash`; empty if it is damaged.
    strokes : str
        See :func:`napari_unet.core.fingerprints.stroke_hash`; empty without strokes.
    painted : mapping of int to int
        Painted pixels by class id.
    """

    name: str = ""
    shape: tuple[int, ...] = ()
    axes: str = ""
    channels: int = 1
    dtype: str = ""
    scale: tuple[float, ...] = ()
    unit: str = "pixel"
    hash: str = ""
    strokes: str = ""
    painted: Mapping[int, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, image: Image, scribbles: Scribbles | None = None) -> ImageFacts:
        """Look at an image, and at the strokes on it."""
        painted = scribbles is not None and bool(scribbles.planes)
        return cls(
            image.name, tuple(map(int, image.shape)), image.label_axes, image.n_channels, str(image.data.dtype),
            image.scale, image.unit, hash_if_whole(image),
            stroke_hash(scribbles) if scribbles is not None and painted else "",
            scribbles.counts() if scribbles is not None and painted else {},
        )


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where a result comes from. Every part may be empty: not known.

    Parameters
    ----------
    what : str
        What it tells about: ``"model"``, ``"mask"``, ``"probabilities"``, ``"comparison"``.
    program : str
        Name and version.
    versions : mapping of str to str
        Of Python and of the libraries.
    platform : str
        Operating system and processor.
    made_by : str
        The command line, ``"window"`` (or a script with a session like it), or ``"python"``.
    begun, ended : str
        UTC, ISO 8601.
    device : str
        Where it was computed, and why there.
    deterministic : bool
    method : str
        Name in the registry of methods.
    settings : mapping of str to value
        The parameters of the method; None = auto.
    seed : int or None
    classes : ClassTable or None
    images : tuple of ImageFacts
        Learnt from or, of a mask, segmented.
    steps : int or None
        Of training.
    seconds : float or None
        Of training.
    dice : float or None
        Mean Dice on held-out strokes.
    score : str
        The same for people, with how far it holds.
    note : str
        Whatever else people should know.
    model : Provenance or None
        Of the model that made a mask, or that a training went on from.
    """

    what: str = "model"
    program: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    platform: str = ""
    made_by: str = ""
    begun: str = ""
    ended: str = ""
    device: str = ""
    deterministic: bool = False
    method: str = ""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int | None = None
    classes: ClassTable | None = None
    images: tuple[ImageFacts, ...] = ()
    steps: int | None = None
    seconds: float | None = None
    dice: float | None = None
    score: str = ""
    note: str = ""
    model: Provenance | None = None

    @classmethod
    def here(cls, what: str, **known: Any) -> Provenance:
        """Return one with what this program and this machine know of themselves, and what else is known."""
        made_by = known.pop("made_by", "") or _maker.get() or "python"
        return cls(what, _program(), dict(_versions()), _platform(), made_by, **known)


@contextlib.contextmanager
def made_by(command: str) -> Iterator[None]:
    """Note, for all that begins inside the block and in its thread, which command it was."""
    token = _maker.set(command)
    try:
        yield
    finally:
        _maker.reset(token)


def now() -> str:
    """Return the time as it is noted: UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def of_model(model: Any) -> Provenance | None:
    """Return the provenance that a model carries, if it does."""
    weights = getattr(model, "weights", None)
    found = getattr(model if weights is None else weights, "provenance", None)
    return found if isinstance(found, Provenance) else None


def with_provenance(model: Any, provenance: Provenance) -> Any:
    """Return the same model with a provenance; one that has no place for it as it is."""
    weights: Any = getattr(model, "weights", None)
    if hasattr(weights, "provenance"):
        return dataclasses.replace(model, weights=dataclasses.replace(weights, provenance=provenance))
    return dataclasses.replace(model, provenance=provenance) if hasattr(model, "provenance") else model


@functools.cache
def _program() -> str:
    from napari_unet import __version__

    return f"napari-unet {__version__}"


@functools.cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found.append((package, version(package)))
    return tuple(found)


@functools.cache
def _platform() -> str:
    return f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} processors"
