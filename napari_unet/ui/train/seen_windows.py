"""What is looked through for the least sure place of a large image: the field that is looked at. Looks for nothing."""

from __future__ import annotations

import dataclasses

from napari_unet.core.image import Image
from napari_unet.core.level_field import Factor, LevelField
from napari_unet.core.level_strokes import strokes_in_windows
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.window_stack import windows_of
from napari_unet.predicting.uncertainty import UncertainPlace
from napari_unet.session.annotation_session import Session

from .field_binding import FieldBinding


@dataclasses.dataclass(frozen=True, eq=False)
class SeenWindows:
    """The windows of a large image that are answered because somebody looks at them.

    Parameters
    ----------
    windows : Image
        Of the level that is learnt from.
    factor : (int, int)
        Rows and columns of the finest level that one of this level stands for.
    planes : tuple of int
        Numbers of the windows, those in the middle of the view first.
    scribbles : Scribbles
        What is painted in them.
    """

    windows: Image
    factor: Factor
    planes: tuple[int, ...]
    scribbles: Scribbles

    @classmethod
    def of(cls, binding: FieldBinding, session: Session) -> SeenWindows | None:
        """Return what is looked at, None where nothing of the image is seen."""
        lens, looked = session.lens(binding.key), binding.seen()
        if lens is None or looked is None:
            return None
        painted = strokes_in_windows(lens.windows, lens.factor, looked.planes, session.pair(binding.key).scribbles)
        return cls(lens.windows, lens.factor, looked.planes, painted)

    def brush(self, width: float, field: LevelField) -> float:
        """Return the width in pixels of the windows of a brush that is so many pixels of a field wide."""
        return width * max(field.factor) / max(self.factor)

    def in_field(self, place: UncertainPlace, field: LevelField) -> tuple[float, float] | None:
        """Return row and column of a place in pixels of a field, also beside it; None if it shows another plane."""
        pixels = windows_of(self.windows)
        assert pixels is not None
        if pixels.whole_plane(place.plane) != field.plane:
            return None
        origin = pixels.grid.origin(place.plane % len(pixels.grid))
        row, column = ((start + at + 0.5) * mine / by - 0.5 - shown.start for start, at, mine, by, shown in zip(
            origin, (place.row, place.column), self.factor, field.factor, (field.rows, field.columns), strict=True))
        return row, column
