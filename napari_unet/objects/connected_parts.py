"""Connected parts: what touches is one object. Divides nothing."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from napari_unet.core import parameters
from napari_unet.core.components import label_components
from napari_unet.core.parameters import Parameter

from . import register
from .class_field import ClassField
from .class_objects import Foreground, joined_classes
from .hints import Hints
from .object_map import ObjectMap


@register("parts", "Connected parts")
@dataclasses.dataclass(frozen=True)
class ConnectedParts:
    """Connected parts: pixels of a class that touch, also by a corner, are one object."""

    smallest: Annotated[float, Parameter("Objects of fewer pixels are left out", min=0, max=1e9, step=1, unit="px"),
                        ] = 0
    fill: Annotated[bool, Parameter("Fill holes inside objects")] = False

    def __post_init__(self) -> None:
        parameters.check(self)

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the parts of each class."""
        parts = [Foreground.of(field, one).filled(self.fill) for one in field.countable]
        return joined_classes(field, [(one.number, label_components(one.mask), self.smallest) for one in parts],
                              hints.strokes, "Connected parts of each class.")
