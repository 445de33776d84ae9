"""A model as a file for other programs: ONNX, a package of bioimage.io, or a program of torch.export.

What is written has been run and compared with the model, on pictures it was not made with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.provenance import of_model
from napari_unet.core.work import work
from napari_unet.foreign.onnx_session import OnnxSession
from napari_unet.io._output import appearing, check_place, replace_file
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.slabs import depth_reach

from .export_check import check_answers
from .graph import INPUT, OUTPUTS, onnx_graph, torch_program
from .packaged import write_package

SUFFIXES = {".onnx": "ONNX", ".zip": "package of bioimage.io", ".pt2": "program of torch.export"}
"""What a model can be exported as, by the ending of the file."""

CHECKED = ((1, 61, 97), (3, 40, 35))
"""Pictures at a time, rows and columns of what an export is compared on."""


def can_be_exported(model: Any) -> bool:
    """Say whether a model can leave: it is a network, or an instant answer."""
    return isinstance(model, NetworkModel) or hasattr(model, "as_network")


@work
def export_model(
    path: str | os.PathLike[str], model: Any, *, authors: tuple[str, ...] = (), licence: str | None = None,
    overwrite: bool = False,
) -> Generator[str, None, float]:
    """Export a model; what file it becomes says the ending of its name (:data:`SUFFIXES`).

    Parameters
    ----------
    path : path
    model : NetworkModel or InstantModel
    authors : tuple of str
        Of a package; names of people.
    licence : str, optional
        Of a package: an SPDX identifier such as ``CC-BY-4.0``.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    str
        What is being done.

    Returns
    -------
    float
        Largest difference of a logit from the model's, at pixels where no decision tree flips.

    Raises
    ------
    UsageError
        If the ending is unknown.
    UserError
        If the model cannot be exported, gives another answer as a file, a package is missing, or the file cannot be
        written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(f"{end} ({what})" for end, what in SUFFIXES.items())
        raise UsageError(f"A model cannot be exported as {path.name!r}. Allowed endings: {known}.")
    network = exported_network(model)
    path = check_place(path, overwrite, replace_file)
    if suffix == ".pt2":
        return (yield from _export_program(path, network, overwrite))
    yield "Translating the network into ONNX"
    content = onnx_graph(network.weights, of_model(model))
    yield "Comparing the export with the model"
    session = OnnxSession(content, path.name)
    worst = check_answers(lambda planes: _both(session.run({INPUT: planes})), network, CHECKED)
    yield f"Writing {path.name}"
    with appearing(path, overwrite) as partial:
        if suffix == ".onnx":
            partial.write_bytes(content)
        else:
            write_package(partial, content, session, network, of_model(model), path.stem, authors, licence)
    return worst


def exported_network(model: Any) -> NetworkModel:
    """Return the network that leaves, in full precision.

    Raises
    ------
    UserError
        If the model is none.
    """
    if not can_be_exported(model):
        raise UserError(
            f"This model ({getattr(model, 'note', type(model).__name__)}) cannot be exported: only networks and "
            "instant answers have a form that other programs run. Use `unet` or `instant`, or share the method as a "
            "recipe."
        )
    network = model if isinstance(model, NetworkModel) else model.as_network("cpu")
    if depth_reach(network.weights.network) is not None:
        raise UserError(
            f"This model ({network.note}) cannot be exported: it looks at volumes, and what is exported takes planes. "
            "Export a network of planes (`unet`), or share the model file, which napari-unet reads."
        )
    return NetworkModel(network.weights, "cpu", full_precision=True)


def _export_program(path: Path, network: NetworkModel, overwrite: bool) -> Generator[str, None, float]:
    yield "Tracing the network for every size; this takes a minute"
    program = torch_program(network.weights)
    yield "Comparing the export with the model"
    module: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]] = program.module()

    def answer(planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.inference_mode():
            probabilities, logits = module(torch.from_numpy(planes))
        return probabilities.numpy(), logits.numpy()

    worst = check_answers(answer, network, CHECKED)
    yield f"Writing {path.name}"
    with appearing(path, overwrite) as partial, partial.open("wb") as file:
        torch.export.save(program, file)
    return worst


def _both(found: dict[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    first, second = (found[name] for name in OUTPUTS)
    return first, second
