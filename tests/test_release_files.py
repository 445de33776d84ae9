"""The files of a release agree: one version, one address, one list of dependencies and of Pythons."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from napari_unet.pretrained.eye_weights import DISTRIBUTION

TOP = Path(__file__).parent.parent
ON_CONDA = {"napari": "napari-base", "torch": "pytorch", "matplotlib": "matplotlib-base"}


def read(name: str) -> str:
    return (TOP / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("CITATION.cff"))
    return found


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("packaging/conda-forge/recipe.yaml"))
    return found


def test_one_version(settings: dict[str, Any], citation: dict[str, Any], recipe: dict[str, Any]) -> None:
    version = settings["project"]["version"]
    assert citation["version"] == recipe["context"]["version"] == version
    assert f"## {version} ({citation['date-released']})" in read("CHANGELOG.md")


def test_one_address(settings: dict[str, Any], citation: dict[str, Any], recipe: dict[str, Any]) -> None:
    address = settings["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    assert citation.get("repository-code", "") == recipe["about"].get("repository", "") == address
    assert recipe["about"]["homepage"] == (address or "https://pypi.org/project/napari-unet-live")


def test_the_recipe_has_our_name_and_command(settings: dict[str, Any], recipe: dict[str, Any]) -> None:
    assert recipe["package"]["name"] == settings["project"]["name"]
    commands = [f"{name} = {where}" for name, where in settings["project"]["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == commands


def test_the_recipe_has_our_dependencies(settings: dict[str, Any], recipe: dict[str, Any]) -> None:
    def on_conda(words: list[str]) -> set[str]:
        wanted = [one for one in map(Requirement, words) if one.name != DISTRIBUTION.split("==")[0]]
        return {f"{ON_CONDA.get(one.name, one.name)} {one.specifier}".strip() for one in wanted}

    found = {kind: set(recipe["requirements"][kind]) for kind in ("run", "host")}
    assert found["run"] - {"python >=${{ python_min }}"} == on_conda(settings["project"]["dependencies"])
    assert found["host"] - {"python ${{ python_min }}.*", "pip"} == on_conda(settings["build-system"]["requires"])


def test_one_list_of_pythons(settings: dict[str, Any], recipe: dict[str, Any]) -> None:
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(settings["project"]["classifiers"]))
    jobs = yaml.safe_load(read(".github/workflows/tests.yml"))["jobs"]
    assert jobs["unit"]["strategy"]["matrix"]["python"] == jobs["window"]["strategy"]["matrix"]["python"] == pythons
    first, last = pythons[0], pythons[-1]
    assert settings["project"]["requires-python"] == f">={first}"
    assert recipe["context"]["python_min"] == first
    for name in ("Makefile", "README.md"):
        assert f"Python {first} to {last}" in read(name)


def test_the_workflow_runs_what_make_runs() -> None:
    """All of ``make test``, on three systems and both bindings."""
    workflow, makefile = read(".github/workflows/tests.yml"), read("Makefile").replace("$(WINDOW)", "tests/ui")
    assert "lint types unit window SHARE=--share\n" in makefile, "there each binding runs all"
    makefile = makefile.replace(" $(SHARE)\n", "\n")
    for command in ("ruff check .", "mypy"):
        assert f"$(BIN)/{command}\n" in makefile
        assert f"run: {command}\n" in workflow
    for command in ('pytest -n 2 --ignore tests/ui -m "not soak"', 'pytest tests/ui -m "not soak"'):
        assert f"$(BIN)/{command}\n" in makefile
        assert f"python -m {command}\n" in workflow
    window = yaml.safe_load(workflow)["jobs"]["window"]["strategy"]["matrix"]
    assert re.search(r"^BINDINGS := (.*)$", makefile, re.MULTILINE)[1].split() == window["binding"]  # type: ignore[index]
    assert {one.partition("-")[0] for one in window["os"]} == {"ubuntu", "macos", "windows"}
