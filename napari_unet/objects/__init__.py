"""Registry of ways from classes of pixels to objects one can count. One file per family; the files know no window.

A *way* is a frozen dataclass whose fields are its parameters (``None`` means ``auto``). Its one verb is
``find(field, hints)``: a :class:`~.class_field.ClassField` and what a person has shown about it come in, an
:class:`~.object_map.ObjectMap` comes out. ``metrics`` measures objects, ``io`` writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari_unet.core.registry import Registry

if TYPE_CHECKING:
    from .class_field import ClassField
    from .hints import Hints
    from .object_map import ObjectMap


class Way(Protocol):
    """Finds objects; a frozen dataclass."""

    def find(self, field: ClassField, hints: Hints) -> ObjectMap:
        """Number the objects of a plane or a volume; the input is never changed.

        Raises
        ------
        UserError
            If the way needs what the field does not have (probabilities, say); says what to do.
        """


REGISTRY: Registry[type[Way]] = Registry("way to objects", __name__, first=("auto",))
register = REGISTRY.register
