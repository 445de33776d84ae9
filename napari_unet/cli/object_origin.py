"""How objects that a command writes were found, as the note beside them tells it, and in what others differ."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from napari_unet.core.provenance import Provenance
from napari_unet.io._named_run import is_ended
from napari_unet.io._told_beside import told_beside
from napari_unet.project.object_basis import SHOWN

from .terminal import tell_standing

_COMPARED = ("by_plane", "panoptic", "countable", "halo", "areas")
_NOT_COMPARED = ("mask", "image", "of", "chosen", "by blocks", SHOWN)
"""Settings that are no parameters of a way."""


def search_settings(mask: str | Path, arguments: argparse.Namespace, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a command looks for objects in a mask, as the note beside them tells it.

    Parameters
    ----------
    mask : str or Path
    arguments : Namespace
    values : mapping
        Parameters of the way that are given.
    """
    return {"mask": Path(mask).name, "way": arguments.way, **values, "by_plane": arguments.by_plane,
            "panoptic": arguments.panoptic, "countable": [*(arguments.countable or ())]}


def object_difference(told: Provenance, wanted: Mapping[str, Any], mask: Provenance | None = None) -> str:
    """Say in what objects differ from what a command would find; empty if in nothing.

    Parameters
    ----------
    told : Provenance
        Beside the objects.
    wanted : mapping
        As the note beside them would have it.
    mask : Provenance, optional
        Beside the mask that is there now: objects that are older were found in another.
    """
    parts = []
    then, now = _of_way(told.settings), _of_way(wanted)
    if then != now:
        parts.append(f"another way ({_words(then)} then, {_words(now)} now)")
    parts += [f"other {key.replace('_', ' ')} ({told.settings[key]} then, {wanted[key]} now)" for key in _COMPARED
              if key in told.settings and key in wanted and told.settings[key] != wanted[key]]
    if told.settings.get(SHOWN, wanted.get(SHOWN)) != wanted.get(SHOWN):
        parts.append("other cuts, joins, corrections or strokes in the project")
    if mask is not None and told.begun and told.begun < mask.begun:  # both UTC, written alike
        parts.append("another mask (it was made anew since)")
    return ", ".join(parts)


class ObjectsOfMask(Protocol):
    """Where objects are, if there are any, and the mask they were found in."""

    @property
    def objects(self) -> Path | str | None:
        """None if none are wanted."""

    @property
    def mask(self) -> Path | str:
        """What they were found in."""


def found_otherwise(
    targets: Sequence[ObjectsOfMask], arguments: argparse.Namespace, values: Mapping[str, Any]
) -> dict[Path | str, str]:
    """Say by place of objects that are there in what they differ from what a command would find; of most, nothing.

    Those of which nothing tells are named, and stay.

    Parameters
    ----------
    targets : sequence
        Where the objects of an image go, and where its mask is.
    arguments : Namespace
    values : mapping
        Parameters of the way that are given.
    """
    found: dict[Path | str, str] = {}
    unknown: list[Path | str] = []
    for place, mask in [(one.objects, one.mask) for one in targets]:
        if place is None or not is_ended(place):
            continue
        wanted = search_settings(mask, arguments, values)
        if (told := told_beside(place)) is None:
            unknown.append(place)
        elif reason := object_difference(told, _with_halo(wanted, told, arguments), told_beside(mask)):
            found[place] = reason
    tell_standing(unknown, 0, len(targets))
    return found


def _with_halo(wanted: Mapping[str, Any], told: Provenance, arguments: argparse.Namespace) -> Mapping[str, Any]:
    """Return the same with how far blocks look around themselves, where that is asked for and was of any matter."""
    of_blocks = told.settings.get("by blocks") and arguments.halo is not None
    return {**wanted, "halo": arguments.halo} if of_blocks else wanted


def _of_way(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name of a way and its parameters."""
    return {key: value for key, value in settings.items() if key not in (*_COMPARED, *_NOT_COMPARED)}


def _words(settings: Mapping[str, Any]) -> str:
    given = [f"{key}={value}" for key, value in settings.items() if key != "way"]
    return " ".join([str(settings.get("way", "?")), *given])
