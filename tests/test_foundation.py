"""Parameters, registries, class codes, mailboxes and work: the small contracts that everything stands on."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Generator
from typing import Annotated, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable, PaintedClass, to_mask, to_painted
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.latest import Latest
from napari_unet.core.parameters import Parameter
from napari_unet.core.registry import Registry
from napari_unet.core.work import relayed, run_to_end, work


@dataclasses.dataclass(frozen=True)
class Method:
    """A method."""

    sigma: Annotated[float | None, Parameter("Blur.", min=0, max=10, unit="px", auto=(0.0, 1.0))] = None
    count: Annotated[int, Parameter("How many.", min=1)] = 3
    kind: Annotated[Literal["plain", "fancy"], Parameter("Which.")] = "plain"
    invert: bool = False

    def __post_init__(self) -> None:
        parameters.check(self)


def test_fields_describe_every_parameter() -> None:
    sigma, count, kind, invert = parameters.fields(Method)
    assert (sigma.type, sigma.optional, sigma.parameter.auto) == (float, True, (0.0, 1.0))
    assert sigma.allowed == "a number from 0 to 10 (px), or auto"
    assert (count.type, count.optional, count.allowed) == (int, False, "a whole number of at least 1")
    assert (kind.type, kind.choices, kind.allowed) == (str, ("plain", "fancy"), "one of plain, fancy")
    assert (invert.type, invert.default, invert.allowed) == (bool, False, "true or false")


def test_text_becomes_parameters() -> None:
    values = parameters.parse(Method, {"sigma": "2.5", "count": "4", "kind": "fancy", "invert": "yes"})
    assert parameters.as_dict(Method(**values)) == {"sigma": 2.5, "count": 4, "kind": "fancy", "invert": True}
    assert parameters.parse(Method, {"sigma": "auto"}) == {"sigma": None}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"sigma": "11"}, "sigma cannot be 11.0. Allowed: a number from 0 to 10"),
        ({"sigma": "wide"}, "sigma cannot be 'wide'"),
        ({"sigma": "nan"}, "sigma cannot be nan"),
        ({"count": "1.5"}, "count cannot be '1.5'. Allowed: a whole number of at least 1"),
        ({"count": "auto"}, "count cannot be 'auto'"),
        ({"kind": "odd"}, "Allowed: one of plain, fancy"),
        ({"invert": "perhaps"}, "Allowed: true or false"),
        ({"colour": "red"}, "Method has no parameter 'colour'. Allowed: sigma, count, kind, invert"),
    ],
)
def test_a_wrong_parameter_says_what_is_allowed(texts: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameters.parse(Method, texts)
    assert message in str(caught.value)


def test_a_method_checks_itself() -> None:
    with pytest.raises(UsageError, match="Method: count cannot be 0"):
        Method(count=0)
    with pytest.raises(UsageError, match="invert cannot be 1"):
        Method(invert=1)  # type: ignore[arg-type]


def test_a_registry_finds_names_and_refuses_doubles() -> None:
    registry: Registry[type] = Registry("toy", "napari_unet.core")
    registry._filled = True  # no package behind it
    registry.register("method", title="A method")(Method)
    registry.register("method")(Method)  # the same thing again is a script run twice
    assert registry.names() == ("method",)
    assert registry["method"] is Method
    assert registry.name_of(Method()) == "method"
    assert "method" in registry
    assert registry.entry("method").summary == "A method."
    with pytest.raises(UsageError, match="already a toy called 'method'"):
        registry.register("method")(Parameter)
    with pytest.raises(UsageError, match=r"no toy called .other.\. Allowed: method"):
        registry["other"]
    with pytest.raises(UsageError, match="not a registered toy"):
        registry.name_of(3)


@given(st.lists(st.integers(1, 255), min_size=1))
def test_codes_convert_back_and_forth(ids: list[int]) -> None:
    painted = np.array(ids, np.uint8)
    assert np.array_equal(to_painted(to_mask(painted)), painted)
    assert np.array_equal(to_mask(painted), painted - 1)


def test_unpainted_pixels_become_background() -> None:
    assert to_mask(np.array([0, 1, 2, 4])).tolist() == [0, 0, 1, 3]


def test_a_mask_of_objects_is_refused() -> None:
    with pytest.raises(UserError, match=r"from 0 .background. to 254.*single objects"):
        to_painted(np.array([0, 300]))
    with pytest.raises(UserError, match="-1 to 0"):
        to_painted(np.array([-1, 0]))


def test_class_tables_grow_and_refuse_nonsense() -> None:
    table = ClassTable.default().including([4, 2])
    assert table.ids == (1, 2, 4)
    assert table.name(1) == "background"
    assert table.name(4) == table.name(4) == "class 4"
    assert table.including([2]) is table
    assert len({table.color(number) for number in table.ids}) == 3
    taken = ClassTable((PaintedClass(1, "class 2", "#000000"),)).including([2])
    assert taken.name(2) == "class 2 (id 2)"
    with pytest.raises(UserError, match="1 to 255"):
        ClassTable((PaintedClass(0, "nothing", "#000000"),))
    with pytest.raises(UserError, match="name of its own"):
        ClassTable((PaintedClass(1, "a", "#000000"), PaintedClass(2, "a", "#000001")))


def test_a_mailbox_keeps_the_newest() -> None:
    box = Latest(1)
    box.put(2)
    box.put(3)
    assert box.get() == 3


@work
def counting(n: int) -> Generator[int, None, str]:
    yield from range(n)
    return "done"


def test_work_can_be_watched_or_just_finished() -> None:
    assert counting(3).result() == "done"
    watched = counting(2)
    assert "not finished" in repr(watched)
    assert list(watched) == [0, 1]
    assert watched.result() == watched.result() == "done"
    assert "finished" in repr(watched)


def test_cancelled_work_has_no_result() -> None:
    stopped = counting(3)
    assert next(stopped) == 0
    stopped.close()
    with pytest.raises(RuntimeError, match="counting was cancelled"):
        stopped.result()


def test_a_relayed_generator_changes_items_and_keeps_the_result() -> None:
    def plain() -> Generator[str, None, int]:
        yield "a"
        yield "b"
        return 7

    changed = relayed(plain(), lambda number, item: f"{number}{item}")
    assert list(iter(changed.__next__, "2b")) == ["1a"]
    assert run_to_end(relayed(plain(), lambda number, _: number)) == 7


def test_a_relayed_generator_is_closed_and_fails_with_its_source() -> None:
    closed = []

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    relay = relayed(endless(), lambda number, _: number)
    assert [next(relay), next(relay)] == [1, 2]
    relay.close()
    assert closed == [True]

    def failing() -> Generator[int, None, None]:
        yield 0
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        run_to_end(relayed(failing(), lambda number, _: number))


@pytest.mark.parametrize("first", [
    "napari_unet.segmenters.watershed", "napari_unet.networks.vit", "napari_unet.networks.unet2015",
    "napari_unet.losses.sums",
])
def test_no_import_changes_the_order_or_the_default_of_a_registry(first: str) -> None:
    code = (
        f"import {first}; from napari_unet import losses, networks, segmenters; "
        "print([one.REGISTRY.names() for one in (losses, networks, segmenters)], networks.REGISTRY.default)"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    from napari_unet import losses, networks, segmenters

    names = [one.REGISTRY.names() for one in (losses, networks, segmenters)]
    assert seen.strip() == f"{names} unet"
