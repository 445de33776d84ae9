"""Which image is the current one: known by its key, followed when others come and go."""

from __future__ import annotations

from napari_unet.session.open_images import KnownImage, OpenImages


def test_one_steps_through_the_images_and_round() -> None:
    images = OpenImages()
    images.put(["a", "b", "c"])
    assert images.current is None
    images.step(1)
    assert images.current == "a"
    images.step(-1)
    assert images.current == "c", "before the first one comes the last"
    images.step(1)
    assert images.current == "a"


def test_the_current_image_stays_when_others_come_and_go() -> None:
    images, told = OpenImages(), []
    images.current_changed.connect(lambda: told.append(images.current))
    images.put(["a", "b", "c"])
    images.choose("b")
    images.put(["c", "b", "d", "a"])
    assert (images.current, told) == ("b", ["b"])
    images.choose("nobody")
    assert images.current == "b"


def test_the_next_one_takes_the_place_of_one_that_is_gone() -> None:
    images = OpenImages()
    images.put(["a", "b", "c"])
    images.choose("b")
    images.put(["a", "c"])
    assert images.current == "c"
    images.put(["a"])
    assert images.current == "a"
    images.put([])
    assert images.current is None
    images.step(1)
    assert images.current is None


def listed(*keys: str) -> list[KnownImage]:
    return [KnownImage(key, f"name of {key}") for key in keys]


def test_images_of_a_project_stay_when_they_are_not_open() -> None:
    images = OpenImages()
    images.put(["by hand"])
    images.list_images(listed("a", "b"))
    assert images.keys == ("a", "b", "by hand")
    images.put(["a", "by hand"])
    images.choose("a")
    images.put(["by hand"])
    assert (images.keys, images.current) == (("a", "b", "by hand"), "a")
    assert [images.is_open("a"), images.is_listed("a"), images.is_listed("by hand")] == [False, True, False]
    images.list_images([])
    assert (images.keys, images.current) == (("by hand",), "by hand")


def test_one_that_is_not_open_is_waited_for() -> None:
    images, asked, told = OpenImages(), [], []
    images.list_images(listed("a", "b", "c"))
    images.wanted.connect(asked.append)
    images.current_changed.connect(lambda: told.append(images.current))
    images.choose("a")
    assert (asked, images.current, images.awaited) == (["a"], None, "a")
    images.step(1)
    images.step(1)
    assert asked == ["a", "b", "c"], "steps count from what was chosen last, open or not"
    images.opened("c")
    assert (images.current, images.awaited, told) == ("c", None, ["c"])
    images.choose("a")
    images.give_up("a")
    assert (images.current, images.awaited) == ("c", None)
    images.opened("a")
    images.closed("c")
    images.choose("c")
    assert (images.current, images.awaited) == ("a", "c"), "it has to be opened again"


def test_without_a_window_any_image_can_be_the_current_one() -> None:
    images = OpenImages()
    images.list_images(listed("a", "b"))
    images.choose("b")
    assert images.current == "b"
    told: list[object] = []
    images.current_changed.connect(lambda: told.append(images.current))
    images.opened("b")
    assert told == ["b"], "who shows it is told when it can be seen"


def test_what_is_known_is_told_once() -> None:
    images, told = OpenImages(), []
    images.list_images(listed("a"))
    images.put(["by hand"])
    images.changed.connect(lambda: told.append(1))
    images.note("a", looked_at=True)
    images.note("a", looked_at=True)
    images.note("by hand", name="cells", axes="YX")
    assert len(told) == 2
    assert images.known("a") == KnownImage("a", "name of a", looked_at=True)
    assert images.known("by hand").name == "cells"
    images.list_images([images.known("a")])
    assert len(told) == 2, "nothing is new"
    images.put([])
    assert images.known("by hand").name == "", "what is gone is forgotten"


def test_an_image_on_its_way_still_comes_when_the_current_one_leaves_the_project() -> None:
    images = OpenImages()
    images.wanted.connect(lambda _key: None)
    images.list_images(listed("a", "b", "c"))
    images.opened("a")
    images.choose("b")
    images.closed("a")
    images.list_images(listed("b", "c"))
    assert (images.current, images.awaited) == (None, "b")
    images.opened("b")
    assert (images.current, images.awaited) == ("b", None)
