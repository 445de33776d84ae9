"""Flags that a command would not look at, as what they are for is missing: refused, never passed over."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from napari_unet.core.errors import UsageError


def check_object_flags(arguments: argparse.Namespace) -> None:
    """Make sure that nothing is said of objects where none are looked for.

    Raises
    ------
    UsageError
        If there is.
    """
    if arguments.objects is not None:
        return
    given = (("--way", arguments.way != "auto"), ("--object-set", bool(arguments.way_values)),
             ("--countable", bool(arguments.countable)), ("--halo", arguments.halo is not None),
             ("--by-plane", arguments.by_plane), ("--panoptic", arguments.panoptic))
    if wrong := [flag for flag, is_given in given if is_given]:
        raise UsageError(f"{', '.join(wrong)}: of objects, which are looked for only with --objects OUT. Add that, or "
                         "leave this out.")


def check_store_flags(arguments: argparse.Namespace, results: Iterable[Path | str | None]) -> None:
    """Make sure that what is said of stores is said where one is written.

    Raises
    ------
    UsageError
        If no result is one.
    """
    places = [str(one) for one in results if one is not None]
    if any(".zarr" in one.lower() for one in places):
        return
    given = (("--zarr-version", arguments.zarr_version == "0.5"), ("--shard", bool(getattr(arguments, "shard", 0))))
    if wrong := [flag for flag, is_given in given if is_given]:
        raise UsageError(f"{', '.join(wrong)}: of OME-Zarr, but no result ends in .zarr. Give one such a name, or "
                         "leave this out.")


def check_comparison_flags(arguments: argparse.Namespace) -> None:
    """Make sure that references are spoken of where there is one, and held-out strokes where there is none.

    Raises
    ------
    UsageError
        If it is not.
    """
    scored = arguments.reference is not None or any(row[2] != "-" for row in arguments.triple)
    if not scored and arguments.reference_values != "auto":
        raise UsageError("--reference-values: of a reference, but none is given. Give one with --reference, or leave "
                         "this out.")
    if scored and arguments.folds != 1:
        raise UsageError("--folds: of strokes that are held out, but with a reference none are. Leave one of the two "
                         "out.")
