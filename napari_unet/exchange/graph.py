"""The answer of a network as a graph, in ONNX or as torch keeps its own: free in size and number. Writes no file."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from napari_unet.core.errors import UserError, reason_of, shortened
from napari_unet.core.provenance import Provenance
from napari_unet.foreign.onnx_session import needed
from napari_unet.io.provenance_file import provenance_text
from napari_unet.predicting.weights import Weights

from .answer_module import AnswerModule
from .export_check import example_planes

OPSET = 18
"""Version of the operators; onnxruntime knows it since 1.14 of 2023."""

INPUT, PROBABILITIES, LOGITS = "image", "probabilities", "logits"
OUTPUTS = (PROBABILITIES, LOGITS)
FREE = {0: "batch", 2: "y", 3: "x"}
"""Names of the axes whose length is free."""

PROPERTY = "napari_unet"
"""Under this name an ONNX file tells what its outputs are, as JSON."""


def onnx_graph(weights: Weights, provenance: Provenance | None) -> bytes:
    """Return a network as the content of an ``.onnx`` file.

    Raises
    ------
    UserError
        If onnx is missing, or a layer cannot be written in ONNX.
    """
    onnx = needed("onnx", "Export to ONNX")
    module, example = AnswerModule(weights), torch.from_numpy(example_planes(weights, 2, (70, 84)))
    buffer: Any = io.BytesIO()  # which torch's stubs leave out
    with _translating(weights):
        # by tracing: ten times as fast as through torch.export, and nothing in the module depends on sizes
        torch.onnx.export(
            module, (example,), buffer, dynamo=False, opset_version=OPSET, input_names=[INPUT],
            output_names=list(OUTPUTS), dynamic_axes=dict.fromkeys((INPUT, *OUTPUTS), FREE))
    graph = onnx.load_from_string(buffer.getvalue())
    graph.producer_name, graph.doc_string = "napari-unet", _DESCRIPTION
    told = {"format": "napari-unet answer", "version": 1, "channels": weights.channels,
            "classes": [dataclasses.asdict(one) for one in weights.classes.classes]}
    for name, text in ((PROPERTY, json.dumps(told)), (f"{PROPERTY}_provenance",
                                                      provenance_text(provenance) if provenance else "")):
        entry = graph.metadata_props.add()
        entry.key, entry.value = name, text
    onnx.checker.check_model(graph)
    content: bytes = graph.SerializeToString()
    return content


def torch_program(weights: Weights) -> Any:
    """Return a network as a ``torch.export.ExportedProgram``.

    Raises
    ------
    UserError
        If torch cannot trace a layer for every size.
    """
    module, example = AnswerModule(weights), torch.from_numpy(example_planes(weights, 2, (70, 84)))
    with _translating(weights):
        free = dict.fromkeys(FREE, torch.export.Dim.DYNAMIC)
        return torch.export.export(module, (example,), dynamic_shapes=(free,), strict=False)


@contextlib.contextmanager
def _translating(weights: Weights) -> Iterator[None]:
    """Keep the remarks of the translator to itself, and turn its failures into a sentence."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "torch._export")]
    levels = [one.level for one in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one in loggers:
                one.setLevel(logging.CRITICAL)
            yield
    except UserError:
        raise
    except Exception as error:  # torch raises nearly anything here
        raise UserError(
            f"The network {weights.network_name!r} cannot be exported: one of its layers has no counterpart there "
            f"({shortened(reason_of(error))}). Export another network; `unet` and `instant` can be."
        ) from error
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


_DESCRIPTION = (
    "Segmentation of planes. Input: image (batch, channels, y, x), float32, in the grey values of the images that were "
    "learnt from; NaN where there is no number. Any size. The whole plane must be given, as it is normalised by its "
    "percentiles inside. Outputs: probabilities and logits (batch, classes, y, x); the first class is background."
)
