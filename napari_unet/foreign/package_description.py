"""The description of a package of bioimage.io (rdf.yaml, versions 0.4 and 0.5): what its model takes and gives.

Read as plain data. Whatever cannot be done here is said, before anything is run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from napari_unet.core.classes import ClassTable, PaintedClass, default_color
from napari_unet.core.errors import UserError, reason_of, shortened
from napari_unet.core.parameters import brief
from napari_unet.core.readable import readable

from .foreign_model import ForeignInput, ForeignModel, ForeignOutput
from .input_steps import read_steps
from .onnx_session import OnnxSession, needed

_LETTERS = {"batch": "b", "channel": "c", "time": "t", "index": "i", "space": ""}


def yaml_description(content: bytes, name: str) -> Mapping[str, Any]:
    """Read a description.

    Raises
    ------
    UserError
        If it is no YAML, or not of a model.
    """
    yaml = needed("yaml", "A package of bioimage.io")
    try:
        told = yaml.safe_load(content)
    except Exception as error:  # yaml's errors, and those of strange text
        raise UserError(f"{name}: its rdf.yaml cannot be read ({shortened(reason_of(error))}).") from error
    if not isinstance(told, Mapping) or told.get("type") != "model":
        raise UserError(f"{name} is a package of bioimage.io, but of no model. Choose another.")
    return told


def package_model(told: Mapping[str, Any], session: OnnxSession) -> ForeignModel:
    """Return the model of a package.

    Raises
    ------
    UserError
        If it is not for segmentation of planes, or asks for what is not known here.
    """
    try:
        inputs = [one for one in told["inputs"] if not one.get("optional")]
        if len(inputs) != 1 or len(session.inputs) != 1:
            raise UserError(f"{session.name} takes {len(inputs)} inputs. Only models of one image can be used.")
        name = next(iter(session.inputs))
        taken = _taken(inputs[0], name, told["outputs"][0], session.name)
        output = told["outputs"][0]
        axes = _axes(output["axes"], session.name)
        given = ForeignOutput(next(iter(session.outputs)), axes, read_steps(output.get("postprocessing"), session.name))
        names = _channel_names(output, session, axes)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{session.name}: its description is not what it should be ({shortened(reason_of(error))}). "
                        "Validate it with `bioimageio validate-format`.") from error
    classes = _own_classes(told)
    if classes is None:
        classes = _classes(names)
    else:
        taken = dataclasses.replace(taken, empty=True)
    return ForeignModel(session, taken, given, classes, f"{readable(str(told.get('name', session.name)))} (bioimage.io "
                        f"package {session.name}), {len(classes.ids)} classes")


def _taken(told: Mapping[str, Any], name: str, output: Mapping[str, Any], model: str) -> ForeignInput:
    axes = _axes(told["axes"], model)
    sizes = _sizes(told, axes)
    channels, _ = sizes.get("c", (1, 0))
    size = (sizes["y"], sizes["x"])
    if len({bool(step) for _, step in size}) > 1:
        raise UserError(f"{model}: rows and columns must both be free, or both fixed.")
    own = output["axes"]
    halos = [int(one.get("halo", 0)) for one in own if isinstance(one, Mapping)] if not isinstance(own, str) else \
        [int(one) for one in output.get("halo") or [0]]
    halo = min(max(halos, default=0), (min(least for least, _ in size) - 1) // 2)
    return ForeignInput(name, axes, channels, size, halo, read_steps(told.get("preprocessing"), model))


def _axes(told: Any, model: str) -> str:
    """Return axes as letters.

    Raises
    ------
    UserError
        If there are others than batch, channel, y and x.
    """
    if isinstance(told, str):
        letters = told
    else:
        letters = "".join(_LETTERS.get(str(one["type"]), "?") or str(one.get("id", "x")) for one in told)
    if not {"y", "x"} <= set(letters) <= set("bcyx") or len(set(letters)) < len(letters):
        raise UserError(f"{model} has the axes {brief(letters)}. Only models of planes can be used: batch, channel, y "
                        "and x.")
    return letters


def _sizes(told: Mapping[str, Any], axes: str) -> dict[str, tuple[int, int]]:
    """Return the least length of each axis, and the step to more (0: only that)."""
    if isinstance(told["axes"], str):  # version 0.4
        shape = told["shape"]
        least, steps = (shape["min"], shape["step"]) if isinstance(shape, Mapping) else (shape, [0] * len(axes))
        return {axis: (int(one), int(step)) for axis, one, step in zip(axes, least, steps, strict=True)}
    found = {}
    for axis, one in zip(axes, told["axes"], strict=True):
        size = one.get("size")
        if axis == "c":
            found[axis] = (len(one["channel_names"]), 0)
        elif isinstance(size, Mapping) and "min" in size:
            found[axis] = (int(size["min"]), int(size["step"]))
        elif isinstance(size, int):
            found[axis] = (size, 0)
    return found


def _channel_names(output: Mapping[str, Any], session: OnnxSession, axes: str) -> list[str]:
    """Return names of the output channels, or numbers where there are no names."""
    for one in output["axes"] if not isinstance(output["axes"], str) else ():
        if one["type"] == "channel":
            return [str(name) for name in one["channel_names"]]
    shape = next(iter(session.outputs.values()))
    count = shape[axes.index("c")] if "c" in axes and len(shape) == len(axes) else 1
    if not isinstance(count, int):
        raise UserError(f"{session.name} does not say how many classes it gives.")
    return [f"class {number + 1}" for number in range(count)]


def _own_classes(told: Mapping[str, Any]) -> ClassTable | None:
    """Return the classes that a package of ours tells; None of another's."""
    try:
        return ClassTable(tuple(PaintedClass(int(one["id"]), str(one["name"]), str(one["color"]))
                                for one in told["config"]["napari_unet"]["classes"]))
    except (KeyError, TypeError, ValueError):
        return None


def _classes(names: Sequence[str]) -> ClassTable:
    """Return background and the class of the one channel, or a class for each of several."""
    names = ["background", *names] if len(names) == 1 else list(names)
    if len(set(names)) < len(names):
        names = [f"{name} {number}" for number, name in enumerate(names, 1)]
    return ClassTable(tuple(PaintedClass(number, readable(name), default_color(number))
                            for number, name in enumerate(names, 1)))
