"""What may become of strokes: which may be held out, which must train. Finds no strokes and reads no paint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass
class StrokeRecord:
    """What is remembered of a stroke, or of its piece in one plane."""

    class_id: int
    seen: int
    held_since: int | None = None
    fresh: bool = True
    released: bool = False
    derived: bool = False

    def release(self) -> None:
        """Send it back to training, for good."""
        self.held_since, self.released = None, True


@dataclasses.dataclass(frozen=True)
class WholeStroke:
    """A stroke as all of its pieces, one in each plane that it passes through; they have one role.

    Parameters
    ----------
    pieces : dict of int to StrokeRecord
        By their numbers.
    """

    pieces: dict[int, StrokeRecord]

    @property
    def class_id(self) -> int:
        """Painted id."""
        return next(iter(self.pieces.values())).class_id

    @property
    def seen(self) -> int:
        """When it was last painted."""
        return max(one.seen for one in self.pieces.values())

    @property
    def held(self) -> bool:
        """Whether all of it is held out."""
        return all(one.held_since is not None for one in self.pieces.values())

    @property
    def divided(self) -> bool:
        """Whether only part of it is held out: something has joined it."""
        return not self.held and any(one.held_since is not None for one in self.pieces.values())

    @property
    def derived(self) -> bool:
        """Whether any of it was taken from a prediction."""
        return any(one.derived for one in self.pieces.values())

    @property
    def released(self) -> bool:
        """Whether any of it was sent back to training."""
        return any(one.released for one in self.pieces.values())

    def release(self) -> None:
        """Send it back to training, for good."""
        for one in self.pieces.values():
            one.release()

    def hold(self, step: int) -> None:
        """Hold it out from a training step on."""
        for one in self.pieces.values():
            one.held_since = step


@dataclasses.dataclass(frozen=True)
class ClassRoles:
    """The strokes of a class by what may become of them.

    Parameters
    ----------
    must : list of int
        Held out, and have to go back to training.
    held : list of int
        Held out, and may stay so.
    free : list of int
        In training, and may be held out.
    """

    must: list[int]
    held: list[int]
    free: list[int]

    @classmethod
    def of(cls, strokes: Mapping[int, WholeStroke], alone: set[int]) -> ClassRoles:
        """Sort the strokes of a class: its newest, and those with pieces that touch others of it, always train."""
        newest = max(strokes, key=lambda number: (strokes[number].seen, number))
        held = [number for number, stroke in strokes.items() if stroke.held]
        may = [number for number, stroke in strokes.items() if number != newest and stroke.pieces.keys() <= alone]
        return cls(
            must=[number for number in held if number not in may],
            held=[number for number in held if number in may],
            free=[number for number in may if number not in held and not strokes[number].released],
        )
