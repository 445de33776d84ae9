"""A network as a package of bioimage.io: the graph, a description that validates, test pictures, how it was made.

Normalisation is in the graph, not among the preprocessing steps of the description: half of it is what the images that
were learnt from usually look like, and no such step can say that.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError, reason_of, shortened
from napari_unet.core.provenance import Provenance
from napari_unet.foreign.onnx_session import OnnxSession, needed
from napari_unet.io.provenance_file import provenance_text
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.report.citations import works_of
from napari_unet.report.methods_paragraph import methods_paragraph

from .export_check import example_planes
from .graph import INPUT, OPSET, PROBABILITIES

TEST_SHAPE = (72, 88)
"""Rows and columns of the test picture."""

_DOI = re.compile(r"\s*doi:(10\.\S+[^\s.])\.?$")


def write_package(
    path: Path, graph: bytes, session: OnnxSession, network: NetworkModel, provenance: Provenance | None, name: str,
    authors: tuple[str, ...], licence: str | None,
) -> None:
    """Write a package.

    Parameters
    ----------
    path : Path
        Where to; is replaced.
    graph : bytes
        Content of the ``.onnx`` file.
    session : OnnxSession
        The same, running: it makes the test outputs.
    network : NetworkModel
    provenance : Provenance or None
    name : str
    authors : tuple of str
    licence : str or None
        An SPDX identifier.

    Raises
    ------
    UserError
        If bioimageio.spec is missing, or does not take the description.
    """
    needed("bioimageio.spec", "A package of bioimage.io")
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        (made / "model.onnx").write_bytes(_of_one_output(graph))
        (made / "README.md").write_text(_documentation(network, provenance, name), encoding="utf-8")
        (made / "provenance.json").write_text(provenance_text(provenance) if provenance else "{}\n", encoding="utf-8")
        picture = example_planes(network.weights, 1, TEST_SHAPE, seed=7)
        np.save(made / "test_image.npy", picture)
        np.save(made / "test_probabilities.npy", session.run({INPUT: picture})[PROBABILITIES])
        try:
            description = _description(made, network, provenance, name, authors, licence)
            from bioimageio.spec import save_bioimageio_package

            save_bioimageio_package(description, output_path=made / "package.zip", local_files_only=True)
        except Exception as error:  # pydantic's and those of bioimageio.spec
            raise UserError(
                f"bioimageio.spec does not take the description of the model ({shortened(reason_of(error), 400)}). "
                "Check the name, the authors and the licence (an SPDX identifier, CC-BY-4.0 say)."
            ) from error
        shutil.copyfile(made / "package.zip", path)


def _of_one_output(graph: bytes) -> bytes:
    """Return a graph that gives probabilities alone: programs take outputs in the order of the description."""
    model = needed("onnx", "A package of bioimage.io").load_from_string(graph)
    del model.graph.output[1:]
    content: bytes = model.SerializeToString()
    return content


def _description(
    made: Path, network: NetworkModel, provenance: Provenance | None, name: str, authors: tuple[str, ...],
    licence: str | None,
) -> Any:
    from bioimageio.spec import ValidationContext
    from bioimageio.spec.model import v0_5

    spec: Any = v0_5  # plain text becomes its kinds of text by validation, which its types do not say
    weights = network.weights
    free = spec.ParameterizedSize(min=1, step=1)
    image = spec.InputTensorDescr(
        id=spec.TensorId(INPUT), test_tensor=spec.FileDescr(source=made / "test_image.npy"),
        description="A whole plane in the grey values of the images that were learnt from; NaN where there is none.",
        axes=[spec.BatchAxis(), _channels(spec, [f"channel{number}" for number in range(weights.channels)]),
              *(spec.SpaceInputAxis(id=spec.AxisId(axis), size=free) for axis in "yx")])
    output = spec.OutputTensorDescr(
        id=spec.TensorId(PROBABILITIES), test_tensor=spec.FileDescr(source=made / "test_probabilities.npy"),
        description="Probabilities of the classes; the first is background.",
        axes=[spec.BatchAxis(), _channels(spec, _identifiers(weights.classes)), *(
            spec.SpaceOutputAxis(id=spec.AxisId(axis), size=spec.SizeReference(
                tensor_id=spec.TensorId(INPUT), axis_id=spec.AxisId(axis))) for axis in "yx")])
    # decision trees are steps: another processor may round a feature to the other side of one
    tolerance = spec.ReproducibilityTolerance(
        relative_tolerance=1e-3, absolute_tolerance=1e-3, mismatched_elements_per_million=1000)
    told: dict[str, Any] = {"classes": [{"id": one.id, "name": one.name, "color": one.color}
                                        for one in weights.classes.classes]}
    with ValidationContext(perform_io_checks=False):  # no question to the network
        return spec.ModelDescr(
            name=_plain(name),
            description=f"Segmentation into {', '.join(one.name for one in weights.classes.classes)}",
            authors=[spec.Author(name=one) for one in authors or ("made with napari-unet",)],
            cite=[spec.CiteEntry(text=text, doi=doi) for text, doi in _works(provenance)],
            license=licence, documentation=spec.FileDescr(source=made / "README.md"),
            attachments=[spec.FileDescr(source=made / "provenance.json")],
            tags=["segmentation", "semantic-segmentation", "unet", "2d", "napari-unet"],
            inputs=[image], outputs=[output],
            weights=spec.WeightsDescr(onnx=spec.OnnxWeightsDescr(source=made / "model.onnx", opset_version=OPSET)),
            config=spec.Config(bioimageio=spec.BioimageioConfig(reproducibility_tolerance=[tolerance]),
                               napari_unet=told))


def _channels(spec: Any, names: list[str]) -> Any:
    return spec.ChannelAxis(channel_names=[spec.Identifier(name) for name in names])


def _identifiers(classes: ClassTable) -> list[str]:
    """Return names of classes that are Python identifiers, as the format wants them, each another."""
    found: list[str] = []
    for one in classes.classes:
        name = re.sub(r"\W", "_", one.name, flags=re.ASCII).strip("_").lower() or "class"
        name = name if name.isidentifier() and not name[0].isdigit() else f"class_{name}"
        found.append(f"{name}_{one.id}" if name in found else name)
    return found


def _plain(name: str) -> str:
    """Return a name of letters that the format takes."""
    plain = re.sub(r"[^A-Za-z0-9_+\- ()]", "-", name).strip() or "model"
    return plain if len(plain) >= 5 else f"{plain} model"


def _works(provenance: Provenance | None) -> list[tuple[str, str]]:
    """Return what to cite that has a DOI, text and DOI."""
    found = []
    for work in dict.fromkeys([*works_of(provenance.method if provenance and provenance.method else "unet"),
                               *works_of("unet")]):
        doi = _DOI.search(work)
        if doi:
            found.append((work[: doi.start()].strip(), doi.group(1)))
    return found


def _documentation(network: NetworkModel, provenance: Provenance | None, name: str) -> str:
    """Return the README of the package."""
    classes = "\n".join(f"* output channel {number}: {one.name}"
                        for number, one in enumerate(network.weights.classes.classes))
    told = methods_paragraph(provenance) if provenance else "How it was trained was not noted.\n"
    return f"""# {name}

A segmentation of pixels into classes, learnt from painted strokes with napari-unet ({network.note}).

## Input and output

A plane of {network.weights.channels} channel(s), of any size, in the grey values of the images that were learnt from.
Give whole planes: a plane is normalised by its own percentiles, inside the graph. Nothing is to be done before or
after. Pixels that are NaN are left out, and are background.

{classes}

## How it was made

{told}
## Validation

The graph was compared with the model in napari-unet on pictures of other sizes: logits within 0.001 (where decision
trees answer, all but 1 % of the pixels), the same label wherever the best class leads by more than 0.01. How good the
segmentation is on images of yours, compare with a few labels of yours.
"""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep remarks of the packages about their own ways from people."""
    logging.getLogger("bioimageio").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ImportError):
            from loguru import logger

            logger.disable("bioimageio")
        yield
