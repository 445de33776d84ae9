"""What a method sees of a large image and its strokes: the windows of one level. Knows no layers."""

from __future__ import annotations

from ..core.image import Image
from ..core.level_field import Factor
from ..core.level_strokes import FIRST_WINDOWS, MOST_WINDOWS, StrokesAtLevel
from ..core.scribbles import Pair, Scribbles
from ..core.window_stack import LevelledPixels, window_stack


def lens_of(image: Image) -> LevelLens | None:
    """Return what an image that knows its level is seen through; None for any other."""
    data = image.data
    return LevelLens(window_stack(data.level), data.factor) if isinstance(data, LevelledPixels) else None


class LevelLens:
    """Turns the pair of a large image, finest level, into one that is learnt from. Belongs to one thread.

    Parameters
    ----------
    windows : Image
        A level of the image, see :func:`napari_unet.core.window_stack.window_stack`.
    factor : (int, int)
        Rows and columns of the finest level that one of this level stands for.
    most : int
        Windows to learn from, to begin with.
    """

    def __init__(self, windows: Image, factor: Factor, most: int = MOST_WINDOWS) -> None:
        self.windows, self.factor = windows, factor
        self._strokes = StrokesAtLevel(windows, factor, most)
        self._last: tuple[Scribbles, Pair] | None = None

    def grow(self, by: int = FIRST_WINDOWS) -> bool:
        """Let more windows of what is painted be learnt from, once there is an answer; say whether there are more."""
        grows = self._strokes.grow(by)
        if grows:
            self._last = None
        return grows

    def pair(self, pair: Pair) -> Pair:
        """Return what is learnt from of a pair; the same object as long as its strokes are the same."""
        if self._last is None or self._last[0] is not pair.scribbles:
            self._last = pair.scribbles, Pair(self.windows, self._strokes(pair.scribbles))
        return self._last[1]
