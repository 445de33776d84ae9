"""A graph in ONNX, loaded and run by onnxruntime. Knows no images."""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.threads import available_cores

INSTALL = 'pip install "napari-unet-live[exchange]"'
"""What brings the packages that models are exchanged with."""

_WORDS = 250
"""Characters of an error of onnxruntime, about."""


def needed(package: str, what: str) -> Any:
    """Import a package of the extra ``exchange``.

    Raises
    ------
    UserError
        If it is missing; says what to install.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(f"{what} needs the package {package}, which is not installed. Install it: {INSTALL}") from error


class OnnxSession:
    """A graph that is ready to run; several threads may ask at once.

    Parameters
    ----------
    graph : bytes
        Content of an ``.onnx`` file.
    name : str
        For messages.

    Raises
    ------
    UserError
        If onnxruntime is missing, or cannot run the graph.
    """

    def __init__(self, graph: bytes, name: str) -> None:
        runtime = needed("onnxruntime", "A model in ONNX")
        self.name, self.digest = name, hashlib.sha256(graph).hexdigest()
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is said by the error
        options.intra_op_num_threads = max(1, available_cores() - 1)
        try:
            self._session = runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no class in common
            raise UserError(
                f"{name} cannot be run: onnxruntime does not take it ({_short(error)}). It is damaged, not in ONNX, "
                "has its weights in another file, or was made for a newer onnxruntime; save it again as one file."
            ) from error
        self._turn = threading.Lock()

    @property
    def inputs(self) -> dict[str, tuple[Any, ...]]:
        """Shapes of the inputs by name; sizes that are free are text or None."""
        return {one.name: tuple(one.shape) for one in self._session.get_inputs()}

    @property
    def outputs(self) -> dict[str, tuple[Any, ...]]:
        """Shapes of the outputs by name."""
        return {one.name: tuple(one.shape) for one in self._session.get_outputs()}

    def output_type(self, name: str) -> str:
        """Return the type of an output's numbers as onnxruntime calls it."""
        return str(next(one.type for one in self._session.get_outputs() if one.name == name))

    def gives_scores(self, name: str) -> bool:
        """Say whether an output holds real numbers, and so scores."""
        return self.output_type(name) in ("tensor(float)", "tensor(float16)", "tensor(double)")

    @property
    def properties(self) -> dict[str, str]:
        """What the file says about itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def kind(self, name: str) -> str:
        """Return the type of an input's numbers as NumPy calls it.

        Raises
        ------
        UserError
            If it is no type of numbers.
        """
        told = next(one.type for one in self._session.get_inputs() if one.name == name)
        kinds = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64",
                 "tensor(uint8)": "uint8", "tensor(uint16)": "uint16", "tensor(int32)": "int32"}
        if told not in kinds:
            raise UserError(f"{self.name} takes {told}, which is no image. Choose a model that takes numbers.")
        return kinds[told]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return all outputs by name.

        Raises
        ------
        UserError
            If the graph cannot do these inputs.
        """
        try:
            with self._turn:
                found = self._session.run(None, dict(inputs))
        except Exception as error:
            shapes = ", ".join(str(np.shape(one)) for one in inputs.values())
            raise UserError(f"{self.name} cannot do an input of shape {shapes}: {_short(error)}. Choose an image of "
                            "a size and with channels that it was made for.") from error
        return dict(zip(self.outputs, found, strict=True))


def _short(error: Exception) -> str:
    """Return what went wrong, of a long text its end: the beginning names files of the program that made it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _WORDS else f"...{text[-_WORDS:].partition(' ')[2]}"
