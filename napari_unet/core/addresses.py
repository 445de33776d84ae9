"""Tells addresses (``s3://bucket/name``) from paths. Opens nothing."""

from __future__ import annotations


def is_url(path: object) -> bool:
    """Say whether a path is the address of something far away: ``s3://``, ``https://``, ..."""
    text = str(path)
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme.isalnum() and len(scheme) > 1


def scheme_of(url: str) -> str:
    """Return what an address begins with: ``s3``."""
    return url.partition("://")[0].lower()
