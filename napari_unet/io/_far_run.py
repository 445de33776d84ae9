"""What lies at an address while a mask is written there block by block.

Nothing can be renamed there, so the store is made at its place. It is no image before the end: what describes the group
comes last. Beside it lie, until then, its journal and a lock.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping

from napari_unet.core.addresses import scheme_of
from napari_unet.core.errors import UserError

from . import _ngff
from ._contents import RECORD
from ._far_lock import FarLock
from ._far_store import open_files, store_at
from ._remote_errors import far_read, far_written
from ._run_files import ARRAY_MARKS

_EVERY = 1.0
"""Seconds between two writings of the journal: objects cannot be appended to."""

_NAMED = "named"
"""The line of the journal that says that the store is whole."""


class FarRun:
    """The same as :class:`._run_files.LocalRun`, at an address.

    Parameters
    ----------
    url : str
        Of the result, ``.zarr``.
    overwrite : bool

    Raises
    ------
    UserError
        If nothing can be written there, or something is there that is not to be replaced.
    """

    def __init__(self, url: str, overwrite: bool) -> None:
        self.store = url.rstrip("/")
        check_far_place(self.store)
        self._files, self._root = open_files(self.store)
        folder, _, name = self._root.rpartition("/")
        self._journal, self.lock_path = (f"{folder}/.{name}.unfinished.{ending}" for ending in ("blocks", "lock"))
        self._written: list[str] = []
        self._at = 0.0
        if self.journal() is None:
            with self.guard():
                self._check_free(overwrite)

    def _check_free(self, overwrite: bool) -> None:
        self._files.invalidate_cache()
        if not self._files.exists(self._root):
            return
        if not overwrite:
            raise UserError(f"{self.store} exists already and is not overwritten. Choose another name, or allow it "
                            "(--overwrite).")
        if not _is_mask(self.store):
            raise UserError(f"{self.store} is not overwritten: it is not a mask. Choose another name, or remove it "
                            "yourself.")

    def lock(self, what: str) -> FarLock:
        """Take the lock."""
        return FarLock(self._files, self.lock_path, what)

    def journal(self) -> str | None:
        """Return the journal."""
        def read() -> str | None:
            try:
                return str(self._files.cat_file(self._journal).decode())
            except FileNotFoundError:
                return None

        return far_read(read, self.store)

    def is_begun(self) -> bool:
        """Say whether the store is there, and its array."""
        self._files.invalidate_cache()
        return far_read(lambda: any(self._files.exists(f"{self._root}/{name}") for name in ARRAY_MARKS), self.store)

    def begin(self, header: str) -> None:
        """Begin anew: what was there goes now."""
        self._written = [header]
        self._flush()
        self._files.invalidate_cache()
        if self._files.exists(self._root):
            self._files.rm(self._root, recursive=True)

    def cut(self, torn: str) -> None:
        """Keep a journal without its end."""
        text = self.journal() or ""
        self._written = (text[: len(text) - len(torn)] if torn else text).splitlines()

    def renew(self, header: str) -> None:
        """Put another first line in place of the one that is there."""
        self._written[0] = header
        self._flush()

    def note(self, line: str) -> None:
        """Add a line; what was added in the last second is done again if the run is killed."""
        self._written.append(line)
        if time.monotonic() - self._at > _EVERY:
            self._flush()

    def note_named(self) -> None:
        """Note that the store is whole."""
        self._written.append(_NAMED)
        self._flush()

    def is_named(self) -> bool:
        """Say whether the run had ended but for its last notes."""
        return _NAMED in (self.journal() or "").splitlines()[1:] and _is_mask(self.store)

    def _flush(self) -> None:
        self._files.pipe_file(self._journal, "".join(f"{line}\n" for line in self._written).encode())
        self._at = time.monotonic()

    def close(self, lost: bool = False) -> None:
        """Write the journal, unless another run has taken over."""
        if self._written and not lost:
            self._flush()

    def remove(self) -> None:
        """Remove the journal."""
        self._written = []
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._journal)

    def tell(self, name: str, text: str | None) -> None:
        """Write a small object beside the result, or remove it."""
        path = f"{self._root.rpartition('/')[0]}/{name}"
        if text is not None:
            self._files.pipe_file(path, text.encode())
        else:
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(path)

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Turn what goes wrong over a network into a message."""
        with far_written(self.store):
            yield


def check_far_place(url: str) -> None:
    """Check that a mask can be written at an address of this kind.

    Raises
    ------
    UserError
        If not.
    """
    if scheme_of(url) in ("http", "https", "ftp", "github", "git"):
        raise UserError(f"{url} can only be read: nothing can be written to {scheme_of(url)}://. Give a folder of this "
                        "computer, or an address like s3://BUCKET/NAME.ome.zarr.")
    if scheme_of(url) in ("file", "local"):
        raise UserError(f"{url} lies on this computer. Give its path, without {scheme_of(url)}://.")
    if not url.lower().endswith(".zarr"):
        raise UserError(f"{url} cannot be written: at an address only OME-Zarr is. Let the name end in .ome.zarr.")


def is_far_store(url: str) -> bool:
    """Say whether a whole mask, or other result of ours, lies at an address."""
    return far_read(lambda: _is_mask(url), url)


def _is_mask(url: str) -> bool:
    """Say whether a group at an address is a mask, or probabilities of ours, which may be replaced."""
    import zarr

    with contextlib.suppress(Exception):  # whatever it is, it is no mask
        told = zarr.open_group(store=store_at(url), mode="r").attrs.asdict()
        record = told.get(RECORD)
        ours = isinstance(record, Mapping) and record.get("code") == "probabilities"
        return ours or _ngff.class_values(told) is not None
    return False
