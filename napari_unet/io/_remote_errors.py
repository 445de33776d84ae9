"""What goes wrong between here and a store far away, as messages about rights and the network. Opens nothing."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from typing import TypeVar

from napari_unet.core.errors import UserError, shortened

Result = TypeVar("Result")

INSTALL = "python -m pip install napari-unet-live[remote]"

_RIGHTS = ("403", "401", "forbidden", "access denied", "accessdenied", "credential", "permission", "unauthorized",
           "invalidaccesskey", "signaturedoesnotmatch")
_MISSING = ("404", "not found", "nosuchbucket", "nosuchkey", "no such file")


def far_read(read: Callable[[], Result], what: str) -> Result:
    """Read something over a network.

    Raises
    ------
    UserError
        Saying whether it is the rights, the address or the network.
    """
    try:
        return read()
    except UserError:
        raise
    except Exception as error:  # every kind of store, and every library below it, raises types of its own
        raise _told(error, what, "read") from error


@contextlib.contextmanager
def far_written(what: str) -> Iterator[None]:
    """Turn what goes wrong in the block, while something is written over a network, into errors as of far_read."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise _told(error, what, "written") from error


def _told(error: Exception, what: str, done: str) -> UserError:
    """Return an error of a store or a library as a message."""
    if isinstance(error, ImportError):
        return UserError(f"{what} needs a package that is not installed ({error}). Install it: {INSTALL}")
    reason = shortened(f"{type(error).__name__}: {error}")
    if isinstance(error, ValueError) and "protocol not known" in reason.lower():
        return UserError(f"{what}: addresses of this kind are not known. Allowed: s3://, gs://, https:// (to read) and "
                         "others that fsspec knows.")
    address = what.partition(" at ")[0].partition("://")[2]  # what it is called says nothing: img_401.tif
    told = reason.replace(address, "") if address else reason
    return UserError(f"{what} could not be {done}: {_cause(error, told.lower())} ({reason})")


def _cause(error: Exception, text: str) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full. Make room and run the same again"
    if isinstance(error, PermissionError) or any(word in text for word in _RIGHTS):
        return ("you have no right to. Log in (for s3 set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "FSSPEC_S3_ANON=true for what is public)")
    if isinstance(error, FileNotFoundError) or any(word in text for word in _MISSING):
        return "nothing is there. Check the address"
    if isinstance(error, (OSError, TimeoutError)) or "connect" in text or "timeout" in text:
        return "the network or the server does not answer. Check both and run the same again"
    return "it is damaged, or no OME-Zarr"
