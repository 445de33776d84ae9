"""Recipes: a method with its parameters as a small JSON file, to be fitted again to other strokes. Fits nothing.

A recipe holds no strokes, no image and nothing that was learnt; for that there are model files.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from napari_unet import __version__
from napari_unet.core import parameters
from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.readable import readable
from napari_unet.segmenters import REGISTRY as METHODS

from ._output import appearing, check_place, replace_file

FORMAT = "napari-unet recipe"
VERSION = 1
SUFFIX = ".json"
_LARGEST = 2**20  # bytes; a recipe has less than a thousandth of it


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A method by name, with its parameters.

    Parameters
    ----------
    method : str
        Name in the registry of methods.
    parameters : mapping of str to value
        Every parameter; None = auto. Those that are missing take their defaults.
    made_by : str
        Version of napari-unet that wrote it.

    Raises
    ------
    UserError
        If there is no such method or parameter, or a value is not allowed.
    """

    method: str
    parameters: Mapping[str, Any]
    made_by: str = __version__

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        if self.method not in METHODS:
            raise UserError(
                f"there is no method called {parameters.brief(self.method)} here (there are: "
                f"{', '.join(METHODS.names())}). If it is one of your own, run the script that registers it first; if "
                "it needs a package, install that."
            )
        known = {field.name: field for field in parameters.fields(METHODS[self.method])}
        for name, value in self.parameters.items():
            if name not in known:
                raise UserError(
                    f"{parameters.no_parameter(self.method, name, known)} It was made by napari-unet {self.made_by}, "
                    f"this is {__version__}; take the parameter out, or make the recipe again."
                )
            known[name].check(value)
        self.make()

    @classmethod
    def of(cls, method: Any) -> Recipe:
        """Return the recipe of a method.

        Raises
        ------
        UserError
            If it is not in the registry.
        """
        return cls(METHODS.name_of(method), parameters.as_dict(method))

    def make(self, **changes: Any) -> Any:
        """Return the method, with some parameters changed."""
        return METHODS[self.method](**{**self.parameters, **changes})


def is_recipe(name: object) -> bool:
    """Say whether what was given in place of a method's name is a recipe file: a path, or a text ending in .json."""
    return isinstance(name, os.PathLike) or (isinstance(name, str) and name.lower().endswith(SUFFIX))


def save_recipe(path: str | os.PathLike[str], method: Any, overwrite: bool = False) -> None:
    """Save a method with its parameters, whole or not at all.

    Parameters
    ----------
    path : path
        Usually ends in ``.json``.
    method : Segmenter or Recipe
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    UserError
        If the file exists and may not be replaced, or cannot be written, or the method is not in the registry.
    """
    recipe = method if isinstance(method, Recipe) else Recipe.of(method)
    path = check_place(Path(path), overwrite, replace_file)
    contents = {"format": FORMAT, "version": VERSION, "made by": f"napari-unet {recipe.made_by}",
                "method": recipe.method, "parameters": dict(recipe.parameters)}
    with appearing(path, overwrite) as partial:
        partial.write_text(json.dumps(contents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_recipe(path: str | os.PathLike[str]) -> Recipe:
    """Load a recipe that :func:`save_recipe` saved, or that was written by hand.

    Raises
    ------
    UserError
        If the file is missing, damaged, of another program or version, or names an unknown method or parameter.
    """
    contents = _read(Path(path))
    method, values = contents.get("method"), contents.get("parameters", {})
    if not isinstance(method, str) or not isinstance(values, dict):
        raise UserError(
            f"{path} is a recipe, but a part of it is missing or wrong: it needs \"method\" (a name) and "
            "\"parameters\" (names with values). Save the recipe again."
        )
    try:
        return Recipe(method, values, _maker(contents.get("made by")))
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error}") from error
    except Exception as error:  # values that are allowed each, but not together
        raise UserError(f"{path} cannot be used: no {method} can be made of it ({reason_of(error)}).") from error


def _maker(text: object) -> str:
    """Return the version that wrote a recipe, as messages show it."""
    return readable(text).removeprefix("napari-unet ")[:40] if isinstance(text, str) else "?"


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"
        raise UserError(f"{path} {what}. Choose a recipe ({SUFFIX}) that was saved by napari-unet.")
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large for a recipe")
        contents = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # not UTF-8 and not JSON are both ValueErrors
        raise UserError(f"{path} is no recipe, or is damaged ({error}). Save the recipe again, or mend it.") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise UserError(
            f"{path} is no recipe of napari-unet. Choose a file ({SUFFIX}) that was saved as a recipe; one written by "
            f"hand needs \"format\": \"{FORMAT}\" and \"version\": {VERSION}."
        )
    version = contents.get("version")
    if type(version) is not int or version != VERSION:
        raise UserError(
            f"{path} has version {parameters.brief(version)} of the recipe format, this napari-unet reads version "
            f"{VERSION}. Update napari-unet-live, or make the recipe again."
        )
    return contents
