"""Cells of a CSV file that are what they look like, in a spreadsheet too. Opens no file.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, whoever named an image or a class
so (OWASP, "CSV injection"). Numbers are left alone: they are written by us.
"""

from __future__ import annotations

from napari_unet.core.readable import readable

ENCODING = "utf-8-sig"
"""With the mark by which Excel knows UTF-8; other programs skip it, Python reads it as ``utf-8-sig``."""

_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_HELD = "'"


def harmless_cell(value: object) -> object:
    """Return a value as it goes into a cell.

    Parameters
    ----------
    value : object
        None becomes an empty cell, a float that is whole an int; of text, what steers a terminal is spelled, and what a
        spreadsheet would run begins with an apostrophe.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if not isinstance(value, str):
        return value
    text = readable(value, lines=True)
    return f"{_HELD}{text}" if value.lstrip(" ").startswith(_RUN) else text


def word_of_cell(text: str) -> str:
    """Return the text that :func:`harmless_cell` made a cell of, as far as it was readable."""
    rest = text.removeprefix(_HELD)
    return rest if rest != text and (rest.lstrip(" ").startswith((*_RUN, "\\"))) else text
