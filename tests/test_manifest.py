"""The plugin manifest says what is there: commands that exist, the docks' names, every sample."""

from __future__ import annotations

import ast
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from napari_unet import sample_data

PACKAGE = Path(sample_data.__file__).parent.parent


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PACKAGE / "napari.yaml").read_text(encoding="utf-8"))
    return found


def names_in(module: str) -> set[str]:
    """Names that a module defines or imports, read without importing it (it may need Qt)."""
    path = PACKAGE.parent / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_the_manifest_has_the_name_that_is_installed(manifest: dict[str, Any]) -> None:
    """npe2 finds a plugin by the name of its distribution, and its commands by their prefix."""
    assert manifest["name"] == distribution("napari-unet-live").metadata["Name"]
    (entry,) = (one for one in entry_points(group="napari.manifest") if one.dist and one.dist.name == manifest["name"])
    assert (entry.name, entry.value) == (manifest["name"], "napari_unet:napari.yaml")
    assert all(one["id"].startswith(f"{manifest['name']}.") for one in manifest["contributions"]["commands"])


def test_every_use_of_a_command_is_a_command(manifest: dict[str, Any]) -> None:
    contributions = manifest["contributions"]
    known = {one["id"] for one in contributions["commands"]}
    used = [one["command"] for kind in ("widgets", "sample_data", "readers", "writers") for one in contributions[kind]]
    assert set(used) == known


def test_every_command_exists(manifest: dict[str, Any]) -> None:
    commands = manifest["contributions"]["commands"]
    assert len(commands) == len({one["id"] for one in commands})
    for command in commands:
        module, _, name = command["python_name"].partition(":")
        assert name in names_in(module), command["id"]


def test_all_docks_also_in_the_layers_menu(manifest: dict[str, Any]) -> None:
    contributions = manifest["contributions"]
    assert [one["display_name"] for one in contributions["widgets"]] == ["Train U-Net", "Compare methods", "Objects",
                                                                         "Object table", "Export masks", "Images"]
    assert [one["command"] for one in contributions["menus"]["napari/layers/segment"]] == [
        one["command"] for one in contributions["widgets"]]


def test_every_sample_is_offered_under_its_title(manifest: dict[str, Any]) -> None:
    offered = {one["key"]: one["display_name"] for one in manifest["contributions"]["sample_data"]}
    assert offered == {name: sample_data.load(name).title for name in sample_data.names()}
