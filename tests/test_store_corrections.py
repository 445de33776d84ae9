"""What a person has cut, joined and put right holds in a store of objects, at whatever level the mask is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_corrected_numbers import any_line, any_pin, same_partition

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.level_field import LevelField
from napari_unet.core.provenance import ImageFacts, Provenance
from napari_unet.io import load_objects, save_mask
from napari_unet.io.ome_zarr import OmeZarr
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.corrections import Pin, put_right
from napari_unet.objects.finding import find_objects
from napari_unet.objects.hints import Hints, Line
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.objects.neck_choice import NECKS, chosen_neck
from napari_unet.session.level_notes import line_of_field, pin_of_field
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes
from napari_unet.workflows import block_search
from napari_unet.workflows.block_search import BlockSearch
from napari_unet.workflows.class_store import ClassStore, open_class_store
from napari_unet.workflows.object_store import objects_to_store
from napari_unet.workflows.store_corrections import StoreCorrections, corrections_for, made_of_another

FORMAT = OmeZarr(chunk=16)
TABLE = ClassTable.named({1: "background", 2: "nucleus", 3: "cell"})


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_search, "SIDE", 32)
    monkeypatch.setattr(block_search, "VOLUME_SIDES", (4, 16, 16))


def scene(chance: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Painted ids: blobs that touch now and then."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    labels = np.ones(shape, np.uint8)
    for _ in range(50):
        center = chance.uniform(0, shape)
        labels[((places - center) ** 2).sum(-1) <= chance.uniform(3, 9) ** 2] = chance.integers(2, 4)
    return labels


def store(path: Path, labels: np.ndarray, axes: str) -> ClassStore:
    return open_class_store(save_mask(path, labels, classes=TABLE, geometry=Geometry(axes)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", ["parts", "auto"])
def test_they_hold_as_in_memory_across_blocks(seed: int, way: str, tmp_path: Path) -> None:
    chance = np.random.default_rng(seed)
    labels = scene(chance, (90, 110))
    plain = find_objects(ClassField(labels), way="parts")
    lines = tuple(any_line(chance, labels.shape) for _ in range(5))
    pins = tuple(any_pin(chance, plain) for _ in range(4))
    notes = ObjectNotes(labels.shape, {Place(0): PlaceNotes(lines, pins)})
    given, search = store(tmp_path / "m.zarr", labels, "YX"), ObjectSearch(way)
    corrections, lost = corrections_for(given, notes, by_plane=False)
    assert not lost
    made = objects_to_store(given, tmp_path / "o.zarr", search, corrections=corrections, format=FORMAT).result()
    found = load_objects(tmp_path / "o.zarr").found
    assert found.count == np.count_nonzero(made.of_number) == found.numbers.max()
    assert (made.corrections, made.left_out) == (corrections.count, 0)
    if way == "parts":  # of others, what is not touched depends on how far a block sees
        wanted = put_right(find_objects(ClassField(labels), Hints(lines), "parts"), pins)
        assert same_partition(found.numbers, wanted.numbers)
        assert np.array_equal(made.of_number[found.numbers], wanted.classes[wanted.numbers])
    else:
        numbers = found.numbers
        for pin in pins[-1:]:
            inside = numbers[pin.where][pin.mask]
            assert len(np.unique(inside)) == 1
            assert made.of_number[inside[0]] == (pin.class_id if pin.class_id > 1 else 0)


def test_of_a_level_they_are_seen_as_there_and_what_cannot_hold_is_counted(tmp_path: Path) -> None:
    labels = np.ones((40, 60), np.uint8)
    labels[10:30, 5:55] = 2
    given = store(tmp_path / "m.zarr", labels, "YX")
    field = LevelField(0, slice(0, 40), slice(0, 60), (4, 4))
    whole = (158, 240)  # the last row of the level stands for two rows
    cut = line_of_field(Line("cut", ((5, 30), (35, 30))), field)
    pin = pin_of_field(Pin.of(labels[:, :15] == 2, 1), field, whole)
    notes = ObjectNotes(whole, {Place(0): PlaceNotes((cut,), (pin,)), Place(0, True): PlaceNotes((cut,))})
    corrections, lost = corrections_for(given, notes, by_plane=False)
    assert (corrections.count, lost) == (2, 1)
    objects_to_store(given, tmp_path / "o.zarr", ObjectSearch("parts"), corrections=corrections, format=FORMAT).result()
    numbers = load_objects(tmp_path / "o.zarr").found.numbers
    assert len(np.unique(numbers)) == 3
    assert numbers[20, 20] != numbers[20, 40]
    assert not numbers[:, :15].any()
    for other in ((41, 61), (158, 250), (3, 158, 240)):
        assert corrections_for(given, ObjectNotes(other, notes.places), by_plane=False)[1] == 3


def test_planes_and_volumes_have_their_own(tmp_path: Path) -> None:
    stack = np.ones((2, 3, 30, 40), np.uint8)
    stack[..., 5:25, 5:35] = 2
    given = store(tmp_path / "m.zarr", stack, "TZYX")
    cut = Line("cut", ((0, 20), (29, 20)))
    deep = Line("cut", ((1, 0, 20), (1, 29, 20)))
    notes = ObjectNotes(stack.shape, {Place(4): PlaceNotes((cut,)), Place(3, True): PlaceNotes((deep,))})
    said = {False: (1.0,) * len(NECKS), True: (2.0,) * len(NECKS)}
    for by_plane, wanted in ((True, [1, 1, 1, 1, 2, 1]), (False, [1] * 3 + [2] * 3)):
        corrections, lost = corrections_for(given, notes, by_plane, said)
        assert corrections.lessons == said[not by_plane], "planes teach planes, and volumes volumes"
        assert (corrections.count, lost) == (1, 1)
        path = tmp_path / f"{by_plane}.zarr"
        objects_to_store(given, path, ObjectSearch("parts", by_plane=by_plane), corrections=corrections,
                         format=FORMAT).result()
        numbers = load_objects(path).found.numbers.reshape(-1, 30, 40)
        assert [len(np.unique(one)) - 1 for one in numbers] == wanted


def test_what_was_begun_goes_on_only_with_the_same(tmp_path: Path) -> None:
    given = store(tmp_path / "m.zarr", scene(np.random.default_rng(1), (90, 110)), "YX")
    cut = StoreCorrections({0: PlaceNotes((Line("cut", ((0, 50), (89, 50))),))})
    other = StoreCorrections({0: PlaceNotes((Line("cut", ((0, 51), (89, 51))),))})
    assert cut.mark() != other.mark()
    assert StoreCorrections().mark() == {}
    whole = objects_to_store(given, tmp_path / "whole.zarr", ObjectSearch(), corrections=cut, format=FORMAT).result()
    blocks = 12
    for stop in (3, blocks + 4):  # while objects are found, and while they are written
        path = tmp_path / f"{stop}.zarr"
        run = objects_to_store(given, path, ObjectSearch(), corrections=cut, format=FORMAT)
        for _ in range(stop):
            next(run)
        run.close()
        if stop > blocks:
            with pytest.raises(UserError):
                list(objects_to_store(given, path, ObjectSearch(), corrections=other, format=FORMAT))
        objects_to_store(given, path, ObjectSearch(), corrections=cut, format=FORMAT).result()
        assert np.array_equal(load_objects(path).found.numbers, load_objects(whole.path).found.numbers)


def test_what_lines_say_holds_a_run_up_only_where_another_neck_is_chosen_by_it(tmp_path: Path) -> None:
    given = store(tmp_path / "m.zarr", scene(np.random.default_rng(1), (90, 110)), "YX")
    wide, more, narrow = (np.where(np.array(NECKS) > neck, lines, 0.0) for neck, lines in (
        (0.9, 3.0), (0.9, 4.0), (0.6, 9.0)))
    assert chosen_neck([wide]) == chosen_neck([more]) != chosen_neck([narrow])
    asked = [BlockSearch(given, ObjectSearch(), lessons=tuple(one)).asked() for one in (wide, more, narrow)]
    assert asked[0] == asked[1] != asked[2]
    assert "neck" not in BlockSearch(given, ObjectSearch()).asked()


def test_a_mask_of_another_image_is_told(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 40, 60), np.uint8)
    one, other = (Image(plane, "YX", name=name) for plane, name in zip(pixels, ("first", "second"), strict=True))
    level = Image(pixels[0][::2, ::2], "YX", name="first")
    for made, name in ((one, "one"), (level, "level"), (other, "other")):
        save_mask(tmp_path / f"{name}.zarr", np.ones(made.shape, np.uint8), classes=TABLE, geometry=made.geometry,
                  provenance=Provenance("mask", images=(ImageFacts.of(made),)))
    store(tmp_path / "untold.zarr", np.ones((40, 60), np.uint8), "YX")
    told = {name: made_of_another(tmp_path / f"{name}.zarr", (one, level))
            for name in ("one", "level", "other", "untold")}
    assert told == {"one": "", "level": "", "other": "second", "untold": ""}
    assert made_of_another("https://somewhere.org/m.zarr", (one,)) == ""
