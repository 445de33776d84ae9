"""Runs that were killed in their last moment, when the result had its name already: ended. Computes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url
from napari_unet.core.provenance import Provenance

from ._far_run import FarRun, is_far_store
from ._resumable import origin_text
from ._run_files import LocalRun
from ._saving import provenance_path
from ._unfinished import Unfinished, clear_leftovers
from .provenance_file import provenance_name

_OWN = ("version", "shape", "info", "format")
"""What a journal says beside what was asked for."""


def is_left_named(path: str | Path) -> bool:
    """Say whether a result on this computer is that of a run which was killed in its last moment."""
    return not is_url(path) and LocalRun(_real(path)).is_named()


def is_ended(path: str | Path) -> bool:
    """Say whether a result is there, and the run that made it has ended; text is an address."""
    if is_url(path):
        return is_far_store(str(path)) and FarRun(str(path), True).journal() is None
    return Path(path).exists() and not is_left_named(path)


def finish_named(
    path: str | Path, asked: Mapping[str, Any], provenance: Provenance | None, overwrite: bool = False,
    then: Callable[[], None] = lambda: None,
) -> Path | str | None:
    """End a run that was killed when its result had its name already, if there is one that was asked for the same.

    Parameters
    ----------
    path : path or str
        Of the result; text is an address.
    asked : mapping
        What was asked for, as :class:`._resumable.ResumableMask` has it; shape and format as a journal has them, too.
    provenance : Provenance, optional
        What is told of the result.
    overwrite : bool
    then : callable
        What else is to be removed.

    Returns
    -------
    Path, str or None
        Where the result is; None if there was no such run.

    Raises
    ------
    UserError
        If another run is at it, or it cannot be written.
    """
    run = FarRun(str(path), overwrite) if is_url(path) else LocalRun(_real(path))
    if not _is_asked(run.journal(), asked) or not run.is_named():
        return None
    with run.guard():
        lock = run.lock(str(path))
        try:
            text = origin_text(provenance)
            if isinstance(run, FarRun):
                run.tell(provenance_name(str(path).rstrip("/").rpartition("/")[2]), text)
            elif text is not None:
                _tell(provenance_path(_real(path)), text)
            if not isinstance(run, FarRun):
                clear_leftovers(_real(path))  # what had the name before, say
            then()
            run.remove()
        finally:
            lock.release()
    return str(path) if is_url(path) else _real(path)


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(Path(path).expanduser()))


def _is_asked(journal: str | None, asked: Mapping[str, Any]) -> bool:
    """Say whether a journal is of a run that was asked for this."""
    try:
        then = json.loads((journal or "").partition("\n")[0])
    except ValueError:
        return False
    wanted = json.loads(json.dumps(dict(asked), default=str))
    if not isinstance(then, dict):
        return False
    return {key: value for key, value in then.items() if key in wanted or key not in _OWN} == wanted


def _tell(place: Path, text: str) -> None:
    told = Unfinished(place)
    try:
        told.path.write_text(text, encoding="utf-8")
        told.take_name(True)
    finally:
        told.discard()
