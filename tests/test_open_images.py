"""Which image is the current one: known by its key, followed when others come and go."""

from __future__ import annotations

from napari_unet.session.open_images import OpenImages


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
