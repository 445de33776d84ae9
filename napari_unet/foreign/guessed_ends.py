"""What goes in and comes out of a graph that says nothing of itself but shapes. Runs nothing.

Channels may come before rows and columns, or after them, as TensorFlow has them. What could be two things is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.readable import readable

from .foreign_model import ForeignInput, ForeignOutput, ScoreKind
from .input_steps import InputStep
from .onnx_session import OnnxSession

_MOST_CHANNELS = 32
"""A last axis of at most so many, where the second is larger or free, holds channels."""

_KINDS: Mapping[str, ScoreKind] = {"Softmax": "softmax", "Sigmoid": "sigmoid", "HardSigmoid": "sigmoid"}
_PASSED = ("Identity", "Cast", "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Slice", "Resize", "Clip")
"""Nodes that leave probabilities what they are."""


def guessed_ends(session: OnnxSession, graph: bytes) -> tuple[ForeignInput, ForeignOutput, int, str]:
    """Return what a graph takes and gives, how many channels come out, and what was guessed, in words.

    Raises
    ------
    UserError
        If it is not for planes, or it cannot be told which of its outputs are the classes.
    """
    name = only_input(session)
    shape = session.inputs[name]
    if len(shape) != 4:
        raise _no_planes(session, shape)
    axes = _axes(shape)
    sizes = [_number(shape[axes.index(one)]) for one in "yx"]
    if len({size is None for size in sizes}) > 1:
        raise UserError(f"{session.name} takes {_sized(shape)}: rows and columns must both be free, or both fixed.")
    output, out_axes, count, more = _chosen(session, shape, axes, sizes, graph)
    kind = _kind(graph, output)
    size = tuple((32, 32) if one is None else (one, 0) for one in sizes)
    halo = 0 if None in sizes else min(64, min(one for one in sizes if one) // 8)
    steps, scaling = _scaling(session.kind(name))
    notes = [f"it says nothing of normalisation, so that {scaling}", more,
             "channels come last" if axes == "byxc" else "",
             "each channel is a probability by itself (sigmoid), of which the first is taken for background"
             if kind == "sigmoid" and count > 1 else ""]
    return (ForeignInput(name, axes, _number(shape[axes.index("c")]), (size[0], size[1]), halo, steps),
            ForeignOutput(output, out_axes, kind=kind), count, "; ".join(one for one in notes if one))


def only_input(session: OnnxSession) -> str:
    """Return the name of the one input of a graph; UserError if there are more."""
    if len(session.inputs) != 1:
        raise UserError(f"{session.name} takes {len(session.inputs)} inputs "
                        f"({', '.join(map(readable, session.inputs))}). Only models of one image can be used.")
    return next(iter(session.inputs))


def _scaling(kind: str) -> tuple[tuple[InputStep, ...], str]:
    """Return what is done to pixels for an input of a type, and how to say it: whole numbers get all of their range."""
    top = {"uint8": 255, "uint16": 65535}.get(kind, 1)
    if kind == "int32":
        return (), "pixels go in as they are"
    steps = [InputStep("scale_range", {"axes": ("y", "x"), "min_percentile": 1.0, "max_percentile": 99.0})]
    if top > 1:
        steps += [InputStep("scale_linear", {"gain": top, "offset": 0.5}), InputStep("clip", {"min": 0, "max": top})]
    return tuple(steps), f"percentiles 1 and 99 of each plane go to 0 and {top}"


def _axes(shape: tuple[Any, ...]) -> str:
    """Return the order of the axes of an input."""
    second, last = _number(shape[1]), _number(shape[3])
    is_last = last is not None and last <= _MOST_CHANNELS and (second is None or second > last)
    return "byxc" if is_last else "bcyx"


def _chosen(
    session: OnnxSession, shape: tuple[Any, ...], axes: str, sizes: list[int | None], graph: bytes
) -> tuple[str, str, int, str]:
    """Return which output holds the classes, its axes, its channels, and what to say of the others."""
    placed = {name: found for name, out in session.outputs.items() if (found := _places(out, axes, sizes))}
    fitting: dict[str, tuple[str, int]] = {}
    for name, found in placed.items():
        for order, channels in found:
            if channels and name not in fitting:
                fitting[name] = order, channels
    if not fitting:
        raise _unfit(session, shape, bool(placed))
    _drop_numbers(session, fitting)
    words = ", ".join(f"{readable(name)}: {count} channels" for name, (_, count) in fitting.items())
    if len({count for _, count in fitting.values()}) > 1:
        raise UserError(f"{session.name} gives {len(fitting)} outputs that could be its classes ({words}). Save it "
                        "with that one alone.")
    name = next((one for one in fitting if _kind(graph, one)), next(iter(fitting)))
    order, count = fitting[name]
    return name, order, count, f"of its outputs ({words}), {readable(name)} is used" if len(fitting) > 1 else ""


def _places(out: tuple[Any, ...], axes: str, sizes: list[int | None]) -> list[tuple[str, int | None]]:
    """Return the orders that the axes of an output may have, with its channels; that of the input first."""
    if len(out) != 4:
        return []
    return [(order, _number(out[order.index("c")])) for order in dict.fromkeys((axes, "bcyx", "byxc"))
            if _lies_alike(out, order, sizes)]


def _drop_numbers(session: OnnxSession, fitting: dict[str, tuple[str, int]]) -> None:
    """Take out outputs that hold numbers of classes; UserError if there are no others."""
    numbered = [name for name in fitting if not session.gives_scores(name)]
    if len(numbered) == len(fitting):
        raise UserError(f"{session.name} gives {session.output_type(numbered[0])}, numbers of classes and no scores. "
                        "Save it without its last step (ArgMax), so that each class has a channel.")
    for name in numbered:
        del fitting[name]


def _lies_alike(out: tuple[Any, ...], order: str, sizes: list[int | None]) -> bool:
    """Say whether an output may have the rows and columns of the input, if its axes are in some order."""
    return all(size is None or _number(out[order.index(one)]) in (None, size)
               for one, size in zip("yx", sizes, strict=True))


def _unfit(session: OnnxSession, shape: tuple[Any, ...], has_no_count: bool) -> UserError:
    """Return why no output of a graph holds classes."""
    outputs = list(session.outputs.values())
    if not any(len(out) == 4 for out in outputs):
        return _no_planes(session, shape)
    if has_no_count:
        return UserError(f"{session.name} does not say how many classes it gives. Save it with a fixed number of "
                         "output channels.")
    given = " and ".join(map(_sized, outputs))
    return UserError(f"{session.name} takes {_sized(shape)} and gives {given}. Only models that give a value for every "
                     "pixel can be used.")


def _no_planes(session: OnnxSession, shape: tuple[Any, ...]) -> UserError:
    given = " and ".join(map(_sized, session.outputs.values()))
    return UserError(f"{session.name} takes {_sized(shape)} and gives {given}. Only models that take (batch, "
                     "channels, rows, columns) and give classes in the same way can be used; those of volumes, or with "
                     "one answer for an image, cannot.")


def _kind(graph: bytes, output: str) -> ScoreKind:
    """Say by its last steps whether an output holds probabilities; ``""`` where they do not tell."""
    try:
        import onnx
    except ImportError:  # it is not needed to run a graph
        return ""
    nodes: Iterable[Any] = onnx.load_model_from_string(graph).graph.node
    maker = {made: node for node in nodes for made in node.output}
    node = maker.get(output)
    while node is not None and node.op_type in _PASSED and node.input:
        node = maker.get(node.input[0])
    return _KINDS.get(node.op_type, "") if node is not None else ""


def _number(size: Any) -> int | None:
    return size if isinstance(size, int) and size > 0 else None


def _sized(shape: tuple[Any, ...]) -> str:
    return f"({', '.join(str(one) if isinstance(one, int) else '?' for one in shape)})"
