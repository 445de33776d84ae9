"""Cuts and pins of a large image: drawn at one level, seen at all, and back when the field has moved and come back."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core import parameters
from napari_unet.core.errors import UserError
from napari_unet.core.level_field import LevelField
from napari_unet.objects import REGISTRY
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.corrections import Pin, put_right
from napari_unet.objects.finding import find_objects
from napari_unet.objects.hints import Line
from napari_unet.objects.level_pixels import AREAS, LENGTHS, in_image_pixels, parameters_at
from napari_unet.objects.measures import measure
from napari_unet.objects.object_map import ObjectMap
from napari_unet.session import level_notes
from napari_unet.session.annotation_session import Session
from napari_unet.session.level_notes import line_of_field, notes_in_field, pin_of_field, with_pins_of_field
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes

SHAPE = (203, 301)
FIELDS = [LevelField(0, slice(40, 120), slice(60, 200), (1, 1)), LevelField(0, slice(0, 101), slice(10, 151), (2, 2)),
          LevelField(0, slice(10, 26), slice(0, 38), (8, 8)), LevelField(0, slice(10, 68), slice(0, 101), (3, 3))]


def noted(*pins: Pin, lines: tuple[Line, ...] = (), plane: int = 0) -> ObjectNotes:
    return ObjectNotes(SHAPE, {Place(plane): PlaceNotes(lines, pins)})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_made_in_a_field_is_seen_there_again_as_it_was(field: LevelField, seed: int) -> None:
    chance = np.random.default_rng(seed)
    mask = np.zeros(field.shape, bool)
    corner = [0 if seed == 1 else int(chance.integers(0, size - 6)) for size in mask.shape]
    if seed == 2:  # at the last row and column, where a pixel of the level is not whole
        corner = [size - 6 for size in mask.shape]
    mask[tuple(slice(at, at + 6) for at in corner)] = chance.random((6, 6)) < 0.7
    pin = Pin.of(mask, 3)
    line = Line("cut", ((3.25, 4.5), (9, 12.75)))
    kept = pin_of_field(pin, field, SHAPE)
    assert all(part.stop <= size for part, size in zip(kept.where, SHAPE, strict=True))
    line_kept = line_of_field(line, field)
    found = notes_in_field(noted(kept, lines=(line_kept,)), field)
    (seen,), (drawn,) = found.here.pins, found.here.lines
    assert (seen.start, seen.class_id) == (pin.start, 3)
    assert np.array_equal(seen.mask, pin.mask)
    assert np.allclose(drawn.points, line.points)
    assert (found.pins, found.lines) == ((kept,), (line_kept,))
    assert not notes_in_field(noted(kept, lines=(line_kept,), plane=1), field).here, "of another plane"


def test_other_fields_and_levels_show_the_same_pixels() -> None:
    whole = np.zeros(SHAPE, bool)
    whole[64:96, 80:128] = True
    whole[100, 100] = True
    above = (np.arange(SHAPE[0]) < 99)[:, None]
    pin, dot = Pin.of(whole & above, 2), Pin.of(whole & ~above, 2)
    line = Line("join", ((63.5, 79.5), (95.5, 127.5)))
    for field in FIELDS:
        (first, second), (seen,) = notes_in_field(noted(pin, dot, lines=(line,)), field).here.pins, notes_in_field(
            noted(lines=(line,)), field).here.lines
        here = np.zeros(field.shape, bool)
        here[first.where] = first.mask
        by = field.factor[0]
        rows, columns = (np.arange(part.start, part.stop) * by + (by - 1) // 2 for part in (field.rows, field.columns))
        sure = by in (1, 2, 8)  # the pin is whole pixels of these
        wanted = whole[rows.clip(0, 98)[:, None], columns.clip(0, SHAPE[1] - 1)] & (rows < 99)[:, None]
        assert np.array_equal(here, wanted) if sure else (here != wanted).sum() < 30
        assert second.mask.sum() == 1, "one that is smaller than a pixel is still one"
        assert np.allclose((np.array(seen.points[0]) + (field.rows.start, field.columns.start) + 0.5) * by, (64, 80))
    far = LevelField(0, slice(0, 20), slice(0, 20), (1, 1))
    assert not notes_in_field(noted(pin, lines=(line,)), far).here


@pytest.mark.parametrize("deleted", [True, False])
def test_what_was_pinned_at_a_fine_level_leaves_no_rim_when_it_is_pinned_anew_at_a_coarse_one(deleted: bool) -> None:
    shape, fine, coarse = (256, 256), *(LevelField(0, *(slice(0, 256 // by),) * 2, (by, by)) for by in (1, 8))
    rows, columns = np.mgrid[:256, :256]
    disc, other = (np.hypot(rows - 100, columns - at) < 40 for at in (70, 190))
    notes = PlaceNotes().with_pins([Pin.of(disc, 2), Pin.of(other, 2)])
    seen = notes_in_field(ObjectNotes(shape, {Place(0): notes}), coarse).here.pins[0]
    made = [seen] if not deleted else [Pin(seen.start, seen.mask, 1)]
    after = with_pins_of_field(notes, made, coarse, shape)
    found = put_right(find_objects(ClassField(np.where(disc | other, 2, 1).astype(np.uint8)), way="parts"),
                      notes_in_field(ObjectNotes(shape, {Place(0): after}), fine).here.pins)
    assert found.count == 2 - deleted
    assert np.count_nonzero(found.numbers[:, :120]) == (0 if deleted else 64 * seen.mask.sum())
    assert np.array_equal(found.numbers[:, 130:] > 0, other[:, 130:])


def test_of_a_pin_at_the_edge_of_a_field_nothing_is_seen_that_is_not_seen_in_a_wider_one() -> None:
    pin = Pin.of(np.ones((32, 33), bool), 2)  # one column in the fifth pixels of the level
    wide, right = (LevelField(0, slice(0, 25), slice(at, 30), (8, 8)) for at in (0, 4))
    assert notes_in_field(noted(pin), wide).here.pins[0].mask.shape == (4, 5)
    assert not notes_in_field(noted(pin), wide).here.pins[0].mask[:, 4].any()
    assert not notes_in_field(noted(pin), right).here


def test_a_pin_that_would_end_where_the_field_ends_is_refused() -> None:
    field = LevelField(0, slice(0, 101), slice(10, 150), (2, 2))  # of 203 rows and 301 columns: the last of each level
    for row, column, ends in ((0, 20, False), (100, 20, False), (50, 139, False), (50, 0, True)):
        pin = Pin((row, column), np.ones((1, 1), bool), 1)
        if ends:
            with pytest.raises(UserError, match="goes on beyond the part that is looked at"):
                with_pins_of_field(PlaceNotes(), [pin], field, SHAPE)
        else:
            assert len(with_pins_of_field(PlaceNotes(), [pin], field, SHAPE).pins) == 1


def test_a_pin_that_is_too_much_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_notes, "LARGEST_PIN", 1000)
    with pytest.raises(UserError, match=r"48 x 48 pixels of the image, and 1,000 are kept at most"):
        pin_of_field(Pin.of(np.ones((6, 6), bool), 2), FIELDS[2], SHAPE)


def test_a_table_says_the_same_at_every_level() -> None:
    numbers = np.zeros((24, 40), np.uint32)
    numbers[4:8, 4:12], numbers[12:20, 20:32] = 1, 2
    fine = measure(ObjectMap.of(numbers.repeat(4, 0).repeat(4, 1)))
    coarse = in_image_pixels(
        measure(ObjectMap.of(numbers[2:, 3:])), LevelField(0, slice(2, 24), slice(3, 40), (4, 4)))
    assert coarse.columns["area_px"].tolist() == fine.columns["area_px"].tolist() == [512, 1536]
    for name in ("y_px", "x_px", "diameter", "nearest"):
        assert coarse.columns[name] == pytest.approx(fine.columns[name]), name
    assert coarse.columns["major"] == pytest.approx(fine.columns["major"], rel=0.01)
    wide = in_image_pixels(measure(ObjectMap.of(numbers[:, ::2])), LevelField(0, slice(0, 24), slice(0, 20), (1, 2)))
    assert wide.columns["area_px"].tolist() == [32, 96]
    assert "major" not in wide.columns, "it has no length there"
    micro = measure(ObjectMap.of(numbers, spacing=(2.0, 2.0)), unit="micrometer")
    assert in_image_pixels(micro, FIELDS[2]).columns["diameter"].tolist() == micro.columns["diameter"].tolist()


def test_parameters_in_pixels_are_those_of_the_image() -> None:
    assert parameters_at({"smallest": 64, "smooth": 4.0, "neck": 0.5, "fill": True, "other": None}, (4, 4)) == {
        "smallest": 4, "smooth": 1.0, "neck": 0.5, "fill": True, "other": None}
    assert parameters_at({"smallest": None}, (4, 4)) == {"smallest": None}
    in_pixels = {field.name for entry in REGISTRY for field in parameters.fields(entry.item)
                 if field.parameter.unit == "px"}
    assert in_pixels == {*AREAS, *LENGTHS}, "each is an area or a length"


def test_lines_outside_of_the_part_that_is_asked_still_teach() -> None:
    session, one, other = Session(), Line("cut", ((1, 1), (5, 5))), Line("cut", ((100, 1), (150, 5)))
    session.edit_objects("cut", "a", SHAPE, Place(0), PlaceNotes((one, other)))
    session.learn_lines("a", Place(0), (one, other), ((1.0, 0.0), (0.0, 3.0)))
    assert session.lessons_elsewhere("a", Place(0)) == ()
    assert session.lessons_elsewhere("a", Place(0), (one,)) == (0.0, 3.0)
    assert session.lessons_elsewhere("a", Place(0), ()) == (1.0, 3.0)
    assert session.lessons_elsewhere() == (1.0, 3.0)
