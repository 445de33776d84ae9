"""Where an array of labels lies in the world: steps, offset, units, rotation. Reads no files, knows no viewer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Where labels lie: element ``i`` is at ``linear @ (scale * i) + translate``.

    Lengths are in ``unit``, the steps and the offset of a T axis in ``time_unit``; those of other axes are plain
    numbers. A step that is zero or not finite counts as 1, such an offset as 0. What ``linear`` holds of plain
    stretching goes into ``scale``, and a negative step into ``linear``: steps are positive, and ``linear`` is empty
    wherever steps and offset say it all.

    Parameters
    ----------
    axes : str
        One letter per axis, ``Y`` and ``X`` last.
    scale : tuple of float
        Step along each axis. Default 1.
    unit : str
        Of lengths, as OME-Zarr and napari spell it (``"micrometer"``); ``"pixel"`` where not known.
    translate : tuple of float
        Position of the first element. Default 0.
    time_unit : str
        ``"second"`` and the like; ``"pixel"`` where not known.
    linear : tuple of tuple of float
        Rotation, shear and flips: a square matrix, empty for none.

    Raises
    ------
    UserError
        If the numbers of letters, steps and offsets differ.
    """

    axes: str
    scale: tuple[float, ...] = ()
    unit: str = "pixel"
    translate: tuple[float, ...] = ()
    time_unit: str = "pixel"
    linear: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        axes, count = self.axes.upper(), len(self.axes)
        scale = [_finite(step) or 1.0 for step in self.scale] or [1.0] * count
        translate = [_finite(offset) for offset in self.translate] or [0.0] * count
        good = len(set(axes)) == count >= 2 and axes.endswith("YX") and axes.isalpha()
        if not (good and len(scale) == len(translate) == count):
            raise UserError(
                f"Axes {self.axes!r} do not fit {len(scale)} step sizes and {len(translate)} offsets. Give one letter "
                "and one size for each axis, Y and X last."
            )
        steps, linear = _positive(np.array(scale), _matrix(self.linear, count))
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "scale", tuple(map(float, steps)))
        object.__setattr__(self, "translate", tuple(translate))
        object.__setattr__(self, "linear", linear)

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each axis; ``"pixel"`` for axes that only count."""
        return tuple(
            self.unit if letter in "ZYX" else self.time_unit if letter == "T" else "pixel" for letter in self.axes
        )

    @property
    def untold(self) -> str:
        """What steps and an offset cannot say (``"rotation"``, ``"shear, flip"``, ...); empty if they say it all."""
        if not self.linear:
            return ""
        matrix = np.array(self.linear)
        found = [] if np.allclose(matrix.T @ matrix, np.eye(len(matrix)), atol=1e-6) else ["shear"]
        if np.linalg.det(matrix) < 0:
            found.append("flip")
        signed = np.diag(np.sign(np.diag(matrix)))
        if not np.allclose(matrix, signed, atol=1e-6) and (not found or found == ["flip"]):
            found.insert(0, "rotation")
        return ", ".join(found) or "rotation"

    def known_by(self, other: Geometry) -> Geometry:
        """Return this place; where its unit is not known, with steps and offset of the other, if that one's is."""
        if self.unit != "pixel" or other.unit == "pixel" or len(self.axes) != len(other.axes):
            return self
        return dataclasses.replace(other, axes=self.axes)

    def dropping(self, axes: str) -> Geometry:
        """Return the same without these axes (of size 1); a rotation about them is left out."""
        keep = [at for at, letter in enumerate(self.axes) if letter not in axes]
        matrix = self.matrix[np.ix_(keep, keep)]
        return Geometry(
            "".join(self.axes[at] for at in keep), tuple(self.scale[at] for at in keep), self.unit,
            tuple(self.translate[at] for at in keep), self.time_unit, tuple(map(tuple, matrix)),
        )

    def of_planes(self) -> Geometry:
        """Return where some planes lie that were picked and are counted along N."""
        flat = self.dropping(self.axes[:-2])
        return Geometry("NYX", (1.0, *flat.scale), self.unit, (0.0, *flat.translate))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Rotation, shear and flips as an array of shape (axes, axes); the identity where there are none."""
        return _matrix(self.linear, len(self.axes))

    def record(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "scale": dict(zip(self.axes, self.scale, strict=True)),
            "translate": dict(zip(self.axes, self.translate, strict=True)),
            "unit": self.unit, "time_unit": self.time_unit,
            **({"linear": [list(row) for row in self.linear]} if self.linear else {}),
        }

    @classmethod
    def of_record(cls, record: Any, axes: str) -> Geometry | None:
        """Return the geometry that :meth:`record` wrote for these axes; None for anything else."""
        if not isinstance(record, Mapping) or not isinstance(record.get("scale"), Mapping):
            return None
        offsets = record.get("translate")
        try:
            return cls(
                axes, tuple(float(record["scale"][letter]) for letter in axes), str(record.get("unit", "pixel")),
                tuple(float(offsets[letter]) for letter in axes) if isinstance(offsets, Mapping) else (),
                str(record.get("time_unit", "pixel")), _rows(record.get("linear")),
            )
        except (KeyError, TypeError, ValueError, OverflowError, UserError):
            return None


def _matrix(rows: Sequence[Sequence[float]], count: int) -> NDArray[np.float64]:
    """Return rotation, shear and flips as an array (axes, axes); the identity for none."""
    matrix = np.array(rows, dtype=float) if len(rows) else np.eye(count)
    if matrix.shape != (count, count) or not np.isfinite(matrix).all():
        raise UserError(f"The rotation of {count} axes is {count} x {count} numbers; these are {matrix.shape}.")
    return matrix


def _positive(
    scale: NDArray[np.float64], matrix: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[tuple[float, ...], ...]]:
    """Move plain stretching into the steps and negative steps into the matrix; of an identity nothing is left."""
    steps, matrix = np.abs(scale), matrix * np.sign(scale)
    diagonal = np.diag(matrix)
    if (diagonal > 0).all() and not (matrix - np.diag(diagonal)).any():
        return steps * diagonal, ()
    return steps, tuple(tuple(map(float, row)) for row in matrix)


def _rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
    listed: Sequence[Any] = matrix if isinstance(matrix, Sequence) else ()
    return tuple(tuple(map(float, row)) for row in listed)


def _finite(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) else 0.0
