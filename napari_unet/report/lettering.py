"""Names in figures: letters that the usual font lacks come from another installed one, or are spelled. Draws nothing.

Matplotlib brings fonts for Latin, Greek and Cyrillic; without help, Chinese, Japanese or Korean names are rows of
boxes.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from napari_unet.core.readable import readable

_FIRST = ("Noto Sans CJK", "Noto Sans JP", "Noto Sans SC", "Source Han Sans", "PingFang", "Hiragino Sans", "Yu Gothic",
          "Microsoft YaHei", "Meiryo", "Malgun Gothic", "Apple SD Gothic", "WenQuanYi", "IPAexGothic", "Droid Sans",
          "Arial Unicode", "Noto Sans")
"""How names of fonts begin that are tried before all others: plain ones with very many letters."""

_NEVER = ("Last Resort", "LastResort", "Emoji")
"""These have boxes or coloured pictures for everything."""


@functools.lru_cache(maxsize=256)
def lettering(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text that can be drawn without a missing letter, and the families of fonts to draw it with.

    Parameters
    ----------
    text : str
        One line; what steers a terminal is spelled in it.

    Returns
    -------
    text : str
        Letters that no installed font has are spelled, ``<U+7D30>``.
    families : tuple of str
        For matplotlib's ``fontfamily``, the usual ones first; empty if those have all letters.
    """
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties, findfont

    text = readable(text)
    missing = _lacking(findfont(FontProperties()), frozenset(text))
    families: list[str] = []
    for family, path in _others() if missing else ():
        left = _lacking(path, missing)
        if left < missing:
            families.append(family)
            missing = left
        if not missing:
            break
    spelled = "".join(_spelled(letter) if letter in missing else letter for letter in text)
    return spelled, (*rcParams["font.family"], *families) if families else ()


def _spelled(letter: str) -> str:
    """Write a letter as its code point; joiners and other things without a shape go."""
    return "" if unicodedata.category(letter) in ("Cf", "Mn") else f"<U+{ord(letter):04X}>"


def _lacking(path: str, letters: frozenset[str]) -> frozenset[str]:
    """Return the letters that a font file lacks; all of them if it cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        known: Any = get_font(path).get_charmap()
    except (OSError, RuntimeError, ValueError):
        return letters
    return frozenset(letter for letter in letters if ord(letter) not in known)


@functools.lru_cache(maxsize=1)
def _others() -> tuple[tuple[str, str], ...]:
    """Return (family, file) of the installed fonts, upright ones of usual weight, the likely ones first."""
    from matplotlib.font_manager import fontManager

    found = {entry.name: entry.fname for entry in reversed(fontManager.ttflist)
             if entry.style == "normal" and not any(word in entry.name for word in _NEVER)}

    def rank(name: str) -> tuple[int, str]:
        return next((place for place, word in enumerate(_FIRST) if name.startswith(word)), len(_FIRST)), name

    return tuple((name, found[name]) for name in sorted(found, key=rank))
