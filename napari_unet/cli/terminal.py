"""What people see on stderr while a command works: lines and progress bars. Knows no command."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.method import Progress
from napari_unet.core.readable import readable
from napari_unet.io import clear_of_inputs, folder_written, is_output, no_regular_file

T = TypeVar("T")

NAMED = 5
"""Results that are named in a line, at most."""


def say(text: str) -> None:
    """Write a line to stderr, clear of any progress bar and without what steers a terminal."""
    tqdm.write(readable(text, lines=True), file=sys.stderr)


def show(text: object) -> None:
    """Print a result on stdout: without what steers a terminal, and what its encoding lacks spelled."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(readable(text, lines=True).encode(encoding, "backslashreplace").decode(encoding))


@contextlib.contextmanager
def quiet_warnings() -> Iterator[None]:
    """Show our own warnings as plain lines, each once, and keep other packages' to themselves."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if issubclass(category, InputWarning) and str(message) not in shown:
            shown.add(str(message))
            say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show  # the documented way to redirect them
        yield


def progress_bar(text: str, total: float | None = 1.0) -> tqdm[Any]:
    """Return a progress bar on stderr; with a total of 1 it counts fractions."""
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}" if total == 1.0 else None
    return tqdm(total=total, desc=readable(text), file=sys.stderr, leave=False, dynamic_ncols=True, bar_format=form,
                delay=0.5)


def with_progress_bar(progress: Iterable[Progress], text: str) -> Iterator[Progress]:
    """Show events with a fraction in a bar while passing them on."""
    with progress_bar(text) as shown:
        for event in progress:
            if event.fraction is not None:
                shown.n = min(1.0, max(shown.n, event.fraction))
            shown.set_description_str(readable(f"{text}: {event.text}"), refresh=False)
            shown.update(0)
            yield event


def check_writable(path: Path, overwrite: bool, inputs: Iterable[str | Path] = ()) -> bool:
    """Make sure, before any work is done, that an output may be written; returns whether it may be replaced.

    Raises
    ------
    UserError
        If it exists and may not be replaced, is a device or a pipe, is an input, holds one or lies inside one, or its
        folder does not exist or cannot be written.
    """
    clear_of_inputs(path, inputs)
    folder = folder_written(path)
    if reason := no_regular_file(path):
        raise UserError(f"{path} is not written: {reason}. Choose the name of a file.")
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder} to write {path.name} into. Make it, or choose another.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be written ({error.strerror}). Choose another for {path.name}."
        ) from None
    if path.is_dir() and not is_output(path):
        raise UserError(f"{path} is a folder. Give the name of a file.")
    if not path.exists() or overwrite:
        return overwrite
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        say(f"{path} exists already. Replace it? [y/N]")
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return True
    raise UserError(f"{path} exists already. Add --overwrite to replace it, or choose another name.")


def tell_standing(unknown: Sequence[object], kept: int, total: int) -> None:
    """Say how many results are there already, and of which of them nothing says how they were made."""
    if unknown:
        say(f"Nothing beside {some_named(unknown)} says how it was made: kept unchecked.")
    if kept:
        say(f"{kept} of {total} are there already and stay as they are.")


def some_named(results: Sequence[object]) -> str:
    """Name the first of some results, and say whether there are others."""
    return ", ".join(map(str, results[:NAMED])) + (" and others" if len(results) > NAMED else "")


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises
    ------
    UserError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made ({error.strerror}). Choose another.") from None
