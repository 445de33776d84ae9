"""What a method looks at: planes, each alone, or volumes. Looks at nothing itself."""

from __future__ import annotations

from typing import Any, Literal

from .image import Image

Sees = Literal["planes", "volumes", "both"]
"""What a method can look at. A class of methods or networks says so in ``sees``; without it, planes."""

Seen = Literal["planes", "volumes"]
"""What a model looks at in one image: each plane alone, or at what lies before and behind it too."""

SIGHTS: dict[Sees, str] = {"planes": "planes", "volumes": "volumes", "both": "planes or volumes"}
"""What a method can look at, in words."""


def sees_of(method: Any) -> Sees:
    """Return what a method, or a class of them, can look at."""
    found: Sees = getattr(method, "sees", "planes")
    return found


def seen_by(model: Any, image: Image) -> Seen:
    """Return what a fitted model looks at in an image; it says so itself in ``seen(image)``, where it sees volumes."""
    asked = getattr(model, "seen", None)
    found: Seen = "planes" if asked is None else asked(image)
    return found
