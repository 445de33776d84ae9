"""The shipped samples: images of our own drawing with exact truth, and two photographs that scikit-image carries.

Needs no network and no GUI package; works from a wheel as from a source tree.
"""

from __future__ import annotations

from pathlib import Path

from napari_unet.core.errors import UsageError

from .layout import Sample, load_set
from .photographs import PHOTOGRAPHS, load_photograph

DRAWN = ("nuclei", "membranes", "vessels", "clusters")

__all__ = ["Sample", "load", "load_set", "names"]


def names() -> tuple[str, ...]:
    """Return the names of all samples."""
    return (*DRAWN, *PHOTOGRAPHS)


def load(name: str) -> Sample:
    """Load a sample by name.

    Raises
    ------
    UsageError
        If there is no such sample.
    UserError
        If a photograph is missing from the installed scikit-image.
    """
    if name in PHOTOGRAPHS:
        return load_photograph(name)
    if name not in DRAWN:
        raise UsageError(f"There is no sample called {name!r}. Allowed: {', '.join(names())}.")
    return load_set(Path(__file__).parent / name)
