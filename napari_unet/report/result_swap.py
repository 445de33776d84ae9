"""The results of a comparison change places with earlier ones in one go. Knows no file of them.

New results are built in a folder inside the one they are for, so that they are on the same disk; other files there are
never touched. Only when all are there do the earlier ones go aside and the new ones take their places. If that fails in
the middle, everything goes back; if the run is killed in the middle, the next one completes the change.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io import Unfinished, dead_tokens, leftover_path, remove, taking_turns

_NAME = "comparison"
_GOING = ".going.json"
_TURNS = ".comparison.lock"


class ResultSwap:
    """New results on their way into a folder.

    Parameters
    ----------
    folder : Path
        Is there and can be written.

    Raises
    ------
    UserError
        If it cannot.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            with taking_turns(folder / _TURNS):
                _complete_killed(folder)
            self._unfinished = Unfinished(folder / _NAME)
            self.path = self._unfinished.path
            self.path.mkdir()
        except OSError as error:
            raise UserError(
                f"The folder {folder} cannot be written ({error.strerror or error}). Choose another."
            ) from error

    def commit(self, going: Iterable[Path]) -> None:
        """Put everything that was built into its place.

        Parameters
        ----------
        going : iterable of Path
            Earlier results, relative to the folder, that have no successor and go.

        Raises
        ------
        UserError
            If that fails; the earlier results are as they were then.
        """
        with taking_turns(self._folder / _TURNS):
            aside = self.path.with_suffix(".swap")
            moved: list[tuple[Path, Path]] = []
            try:
                aside.mkdir()
                (aside / _GOING).write_text(json.dumps([one.as_posix() for one in going]), encoding="utf-8")
                _change_places(self._folder, self.path, aside, moved)
            except BaseException as error:  # Ctrl-C as well
                _back(moved)
                remove(aside)
                if not isinstance(error, OSError):
                    raise
                raise UserError(
                    f"The results in {self._folder} could not be written ({error.strerror or error}). What was there "
                    "before is untouched."
                ) from error
            remove(aside)

    def discard(self) -> None:
        """Remove what is left of the way there."""
        self._unfinished.discard()


def _change_places(folder: Path, built: Path, aside: Path, moved: list[tuple[Path, Path]]) -> None:
    """Move earlier results aside and new ones in; ``moved`` collects (from, to) as it goes."""
    new = list(_results(built))
    going = [Path(one) for one in json.loads((aside / _GOING).read_text(encoding="utf-8"))]
    for one in dict.fromkeys([*going, *new]):
        if os.path.lexists(folder / one) and not os.path.lexists(aside / one):
            _move(folder / one, aside / one, moved)
    for one in new:
        _move(built / one, folder / one, moved)


def _move(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    moved.append((source, target))  # before: an interruption may come between any two steps
    os.replace(source, target)


def _back(moved: list[tuple[Path, Path]]) -> None:
    for source, target in reversed(moved):
        if os.path.lexists(target) and not os.path.lexists(source):
            os.replace(target, source)


def _results(built: Path) -> Iterable[Path]:
    """Yield what was built, relative: files at the top, and what lies in the folders there (a file or a zarr)."""
    for entry in sorted(built.iterdir()):
        if entry.is_dir():
            yield from (one.relative_to(built) for one in sorted(entry.iterdir()))
        else:
            yield entry.relative_to(built)


def _complete_killed(folder: Path) -> None:
    """Complete the change of places of a run that was killed in it."""
    for token in dead_tokens(folder / _NAME, (".swap",)):
        built, aside = (leftover_path(folder / _NAME, token, ending) for ending in (".partial", ".swap"))
        if built.is_dir() and (aside / _GOING).is_file():
            _change_places(folder, built, aside, [])
        remove(aside)
