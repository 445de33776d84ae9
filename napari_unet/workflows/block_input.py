"""What finished blocks were computed from, noted with each, and held against the image as it is now.

So a run goes on with an image that was written since: one that was damaged and put right again, or copied back. Where
all that finished blocks saw is the same as then, they are what an unbroken run would write.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from napari_unet.core.image import Image
from napari_unet.core.leaving import while_wanted
from napari_unet.core.plane_facts import PlaneFacts
from napari_unet.core.seen_parts import ReadPart, pixel_sum
from napari_unet.predicting.block_plan import Block, BlockPlan

_NO_FACTS = "-"


def input_note(parts: Sequence[ReadPart], facts: PlaneFacts | None) -> str:
    """Return what a block was computed from as words without a line's end.

    Parameters
    ----------
    parts : sequence of ReadPart
        What was read of the image.
    facts : PlaneFacts, optional
        What was known of the plane as a whole, if that was asked for.
    """
    return " ".join([_text_of(facts), *map(str, dict.fromkeys(parts))])


def is_same_input(
    image: Image, plan: BlockPlan, facts_of: Callable[[int], PlaneFacts | None], notes: Mapping[int, str]
) -> bool:
    """Say whether blocks that are done would come out the same of the image as it is now.

    Parameters
    ----------
    image : Image
    plan : BlockPlan
    facts_of : callable
        Finds out what is known of a plane.
    notes : mapping of int to str
        Of each block that is done, by its number, :func:`input_note`.

    Raises
    ------
    UserError
        If the image cannot be read there.
    """
    facts: dict[int, set[str]] = {}
    seen: dict[int, set[ReadPart]] = {}
    elsewhere: list[Block] = []  # of which another block has read what they are
    for number, note in notes.items():
        block = plan.block(number)
        told, *texts = note.split() or [_NO_FACTS]
        if told != _NO_FACTS:
            facts.setdefault(block.plane, set()).add(told)
        if (parts := _parts_in(texts, image)) is None:
            return False
        for part in parts:
            seen.setdefault(part.plane, set()).add(part)
        if not _is_noted(block, parts):
            elsewhere.append(block)
    if not all(_is_noted(block, seen.get(block.plane, ())) for block in while_wanted(elsewhere)):
        return False  # an older version noted nothing, say
    same = all(_is_as_it_was(image, part) for parts in seen.values() for part in while_wanted(_in_order(parts)))
    return same and all(told == {_text_of(facts_of(plane))} for plane, told in while_wanted(facts.items()))


def _parts_in(texts: Sequence[str], image: Image) -> list[ReadPart] | None:
    """Read parts; None if one is none of the image."""
    found = [part for part in map(ReadPart.read, texts) if part is not None and part.plane < image.n_planes]
    return found if len(found) == len(texts) else None


def _in_order(parts: Iterable[ReadPart]) -> list[ReadPart]:
    """Return parts of a plane from top to bottom."""
    return sorted(parts, key=lambda part: (part.rows, part.columns))


def _is_noted(block: Block, parts: Iterable[ReadPart]) -> bool:
    """Say whether it is known what a block itself was like."""
    box = block.box
    return any(part.plane == block.plane and part.holds((box.y0, box.y1), (box.x0, box.x1)) for part in parts)


def _is_as_it_was(image: Image, part: ReadPart) -> bool:
    return pixel_sum(image.window(part.plane, *part.slices)) == part.total


def _text_of(facts: PlaneFacts | None) -> str:
    return _NO_FACTS if facts is None else f"{zlib.crc32(repr(facts).encode()):08x}"
