"""Formats, units of length and records."""

from __future__ import annotations

from typing import Any

import pytest

from napari_unet import io
from napari_unet.core import parameters
from napari_unet.io import _contents, _units


def test_formats_are_listed_with_their_parameters() -> None:
    listed = {entry.name: entry for entry in io.REGISTRY}
    assert {"tiff", "ome_zarr"} <= set(listed)
    for name in ("tiff", "ome_zarr"):
        entry = listed[name]
        assert isinstance(entry.item(), io.Format)
        assert entry.summary
        for field in parameters.fields(entry.item):
            assert field.parameter.help
            field.check(field.default)
    assert [field.name for field in parameters.fields(listed["ome_zarr"].item)] == ["version", "chunk", "shard"]
    assert listed["ome_zarr"].item().version == "0.4"


@pytest.mark.parametrize(
    ("text", "name"),
    [("um", "micrometer"), ("µm", "micrometer"), ("μm", "micrometer"), (" Micron ", "micrometer"), ("nm", "nanometer"),
     ("Å", "angstrom"), ("mm", "millimeter"), ("parsec", "pixel"), (None, "pixel"), ("", "pixel"), ("pixels", "pixel")],
)
def test_spellings_of_units(text: Any, name: str) -> None:
    assert _units.unit_name(text) == name
    assert _units.unit_name(_units.unit_short(name)) == name


def test_steps_are_converted_or_unknown() -> None:
    assert _units.in_unit(0.3, "micrometer", "nanometer") == pytest.approx(300)
    assert _units.in_unit("0.5", "pixel", "pixel") == 0.5
    for nonsense in (None, "wide", 0, -1, float("nan"), float("inf"), [2]):
        assert _units.in_unit(nonsense, "meter", "meter") == 1
    assert _units.in_unit(3, "pixel", "meter") == 1


@pytest.mark.parametrize(
    "record",
    [None, 3, [], {}, {"classes": 3}, {"classes": [{"id": 1}]}, {"classes": [{"id": "x", "name": "a", "color": "b"}]},
     {"classes": [{"id": 999, "name": "a", "color": "#000000"}]}, {"code": "other", "axes": 3, "classes": [3]}],
)
def test_a_strange_record_is_left_out(record: Any) -> None:
    assert _contents.read_record(record) == (None, None, "")
