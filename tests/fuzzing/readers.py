"""The five readers that take input from others, and how their input is made. Judges nothing.

A reader makes good examples once, and of them any number of hostile inputs, each from its own generator.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tifffile
import torch

from napari_unet.cli import UNEXPECTED, main
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.io import read_image, read_labels, save_mask
from napari_unet.io.model_file import load_model, save_model
from napari_unet.io.recipe import load_recipe, save_recipe
from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot
from napari_unet.segmenters import REGISTRY as METHODS

from .mutations import NUMBERS, TEXTS, VALUES, as_json, spoiled_bytes, spoiled_tree

CLASSES = ClassTable.named({1: "background", 2: "nucleus", 3: "細胞"})


class Reader(Protocol):
    """What reads input of one kind."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Make good examples in an empty folder."""

    def make(self, rng: random.Random, place: Path) -> Any:
        """Make a hostile input in an empty folder; returns what :meth:`read` takes."""

    def read(self, given: Any) -> None:
        """Read it. A :class:`UserError` is an answer, every other exception a fault."""


class TiffReader:
    """Plain, ImageJ, OME, tiled, packed, big and palette files, and masks of our own."""

    name = "TIFF"

    def prepare(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        grey = rng.integers(0, 255, (3, 24, 20), np.uint8)
        write = tifffile.imwrite
        write(folder / "plain.tif", grey, photometric="minisblack")
        write(folder / "imagej.tif", grey.astype(np.uint16), imagej=True, resolution=(4, 4),
              metadata={"axes": "ZYX", "unit": "um", "spacing": 0.5, "Info": "made"})
        write(folder / "ome.ome.tif", grey, metadata={"axes": "ZYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"})
        write(folder / "tiled.tif", np.tile(grey, (1, 3, 3)), tile=(16, 16), compression="zlib",
              photometric="minisblack")
        write(folder / "rgb.tif", rng.integers(0, 255, (24, 20, 3), np.uint8), photometric="rgb")
        write(folder / "big.tif", grey.astype(np.float32), bigtiff=True, photometric="minisblack", compression="lzw")
        write(folder / "palette.tif", grey[0], photometric="palette",
              colormap=rng.integers(0, 65535, (3, 256), np.uint16))
        save_mask(folder / "mask.tif", grey % 4, classes=CLASSES, axes="ZYX", scale=(2, 0.5, 0.5), unit="micrometer")
        self._good = [one.read_bytes() for one in sorted(folder.glob("*.tif"))]

    def make(self, rng: random.Random, place: Path) -> Path:
        path = place / rng.choice(("a.tif", "a.ome.tif"))
        path.write_bytes(spoiled_bytes(rng.choice(self._good), rng))
        return path

    def read(self, given: Path) -> None:
        _read_both(given)


class ZarrReader:
    """OME-Zarr 0.4 and 0.5 with their metadata, labels inside an image, bare arrays, chunks."""

    name = "OME-Zarr"

    def prepare(self, folder: Path) -> None:
        import zarr

        ids = np.random.default_rng(0).integers(0, 4, (2, 24, 20), np.uint8)
        for version in ("0.4", "0.5"):
            save_mask(folder / f"mask{version}.zarr", ids, classes=CLASSES, axes="ZYX", unit="micrometer",
                      version=version, chunk=16)
        group = zarr.open_group(str(folder / "image.zarr"), mode="w", zarr_format=2)
        group.create_array("0", data=ids.astype(np.uint16), chunks=(1, 16, 16))
        group.attrs["multiscales"] = [{
            "version": "0.4", "axes": [{"name": one, "type": "space"} for one in "zyx"],
            "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.5]}]}],
        }]
        shutil.copytree(folder / "mask0.4.zarr", folder / "image.zarr" / "labels" / "cells")
        (folder / "image.zarr" / "labels" / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / "image.zarr" / "labels" / ".zattrs").write_text('{"labels": ["cells"]}')
        zarr.create_array(str(folder / "bare.zarr"), data=ids, chunks=(1, 12, 10))
        self._good = [{str(one.relative_to(store)): one.read_bytes() for one in store.rglob("*") if one.is_file()}
                      for store in sorted(folder.iterdir())]

    def make(self, rng: random.Random, place: Path) -> Path:
        files = dict(rng.choice(self._good))
        about = sorted(name for name in files if Path(name).name.startswith((".z", "zarr.json")))
        chosen = rng.choice(sorted(files)) if rng.random() < 0.1 else rng.choice(about)
        if rng.random() < 0.05:
            del files[chosen]
        elif chosen in about and rng.random() < 0.9:
            files[chosen] = as_json(spoiled_tree(json.loads(files[chosen]), rng), rng)
        else:
            files[chosen] = spoiled_bytes(files[chosen], rng)
        for name, data in files.items():
            (place / "a.zarr" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "a.zarr" / name).write_bytes(data)
        return place / "a.zarr"

    def read(self, given: Path) -> None:
        _read_both(given)


class ModelReader:
    """Networks and forests: their parts changed, and their files spoiled."""

    name = "model"

    def prepare(self, folder: Path) -> None:
        network = NETWORKS["unet"](depth=1, width=2)
        weights = snapshot(network.build(2, 3), network, "unet", 2, CLASSES, step=7)
        save_model(folder / "network.pt", NetworkModel(weights, "cpu"))
        save_model(folder / "forest.pt", _forest())
        self._files = [one.read_bytes() for one in sorted(folder.glob("*.pt"))]
        self._parts = [torch.load(one, weights_only=True) for one in sorted(folder.glob("*.pt"))]
        self._values = (*VALUES, *_strange_tensors())

    def make(self, rng: random.Random, place: Path) -> Path:
        path = place / "a.pt"
        if rng.random() < 0.25:
            path.write_bytes(spoiled_bytes(rng.choice(self._files), rng))
            return path
        with contextlib.suppress(Exception):  # torch cannot save all that it can load
            torch.save(spoiled_tree(rng.choice(self._parts), rng, self._values), path)
        return path

    def read(self, given: Path) -> None:
        load_model(given, device="cpu")


class RecipeReader:
    """A recipe of every method."""

    name = "recipe"

    def prepare(self, folder: Path) -> None:
        for name in METHODS.names():
            save_recipe(folder / f"{name}.json", METHODS[name]())
        self._good = [json.loads(one.read_text(encoding="utf-8")) for one in sorted(folder.glob("*.json"))]

    def make(self, rng: random.Random, place: Path) -> Path:
        path = place / "a.json"
        path.write_bytes(as_json(spoiled_tree(rng.choice(self._good), rng), rng))
        return path

    def read(self, given: Path) -> None:
        load_recipe(given).make()


class CommandReader:
    """Words of a command line: every command with hostile values for every flag, and flags in any mixture.

    What runs to its end is small: a mask of a few pixels is scored, or a small image predicted. Training and comparing
    get strokes in which nothing is painted, so that they end after all flags were understood.
    """

    name = "command line"
    _FLAGS = ("--index", "--axes", "--seconds", "--steps", "--seed", "--set", "--network", "--methods", "--metrics",
              "--scale", "--unit", "--device", "--folds", "--budget", "--preset", "--model", "--reference", "--values",
              "--reference-values", "--zarr-version", "--probabilities", "--csv", "--tta", "--volume", "--overwrite",
              "--painted-ids", "--debug", "--pair", "--triple", "-o", "--output", "--help", "--json", "--save-models")
    _TEXTS = tuple(one for one in TEXTS if one != "/")  # whoever may write there would have results there
    _NAMES = ("width", "depth", "trees", "slic.compactness", "threshold.value", "unet.width", "metrics.tolerance",
              "tolerance", "patch", "seed", "steps", "")

    def prepare(self, folder: Path) -> None:
        image = np.random.default_rng(0).integers(0, 255, (2, 16, 16), np.uint8)
        for name, array in (("image", image), ("mask", image % 3), ("empty", image * 0)):
            tifffile.imwrite(folder / f"{name}.tif", array, photometric="minisblack")
        network = NETWORKS["unet"](depth=1, width=2)
        save_model(folder / "model.pt", NetworkModel(
            snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default()), "cpu"))
        save_recipe(folder / "recipe.json", METHODS["threshold"]())
        self._at, self._here = folder, folder / "a" / "b" / "c" / "d"
        self._here.mkdir(parents=True)

    def make(self, rng: random.Random, place: Path) -> list[str]:
        image, mask, empty, model = (str(self._at / name) for name in ("image.tif", "mask.tif", "empty.tif",
                                                                       "model.pt"))
        words = list(rng.choice((
            ["train", image, empty, "-o", str(place / "m.pt"), "--device", "cpu"],
            ["compare", image, empty, "-o", str(place / "c"), "--methods", "threshold,slic"],
            ["predict", image, "--model", model, "-o", str(place / rng.choice(("m.tif", "m.zarr", "masks"))),
             "--device", "cpu"],
            ["score", mask, mask, "--metrics", "dice"],
            ["methods"], [rng.choice(self._TEXTS)], [],
        )))
        for _ in range(rng.choice((1, 1, 2, 3))):
            words[len(words) if rng.random() < 0.7 else rng.randrange(len(words) + 1):] += self._flag(rng)
        if rng.random() < 0.2 and words:
            words[rng.randrange(len(words))] = self._text(rng)
        return words

    def _flag(self, rng: random.Random) -> list[str]:
        flag = rng.choice(self._FLAGS)
        if flag == "--set":
            return [flag, f"{rng.choice(self._NAMES)}={self._text(rng)}"]
        if flag in ("--tta", "--volume", "--overwrite", "--painted-ids", "--help", "--json", "--debug"):
            return [flag]
        if flag in ("--pair", "--triple"):
            return [flag, *(self._text(rng) for _ in range(rng.randrange(4)))]
        joined = rng.random() < 0.3 and flag.startswith("--")
        return [f"{flag}={self._text(rng)}"] if joined else [flag, self._text(rng)]

    def _text(self, rng: random.Random) -> str:
        kind = rng.randrange(4)
        if kind == 0:
            return str(self._at / rng.choice(("image.tif", "mask.tif", "model.pt", "recipe.json", "nothing", "")))
        words = str(rng.choice(NUMBERS)) if kind == 1 else rng.choice(self._TEXTS)
        return f"{words},{rng.choice(self._TEXTS)}" if kind == 3 else words

    def read(self, given: list[str]) -> None:
        said, shown = io.StringIO(), io.StringIO()
        here = Path.cwd()
        os.chdir(self._here)  # what is written under a relative name stays inside
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(shown):
                code = main(given)
        finally:
            os.chdir(here)
        if code not in (0, 1, 2):
            raise AssertionError(f"exit status {code}")
        if UNEXPECTED in said.getvalue():
            raise AssertionError(said.getvalue()[-2000:])
        if "\x1b" in said.getvalue().replace("\x1b[A", "") + shown.getvalue():
            raise AssertionError("what steers a terminal was printed")
        if code:
            raise UserError(said.getvalue()[-500:])


READERS: tuple[type[Any], ...] = (TiffReader, ZarrReader, ModelReader, RecipeReader, CommandReader)


def _read_both(path: Path) -> None:
    """Read an image with its first plane, and labels; one of them may be refused, and the other still fail."""
    with contextlib.suppress(UserError):
        image = read_image(path)
        image.plane(image.n_planes - 1)
    read_labels(path)


def _forest() -> Any:
    from napari_unet.core.image import Image
    from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
    from napari_unet.core.work import run_to_end

    image = np.random.default_rng(0).integers(0, 255, (20, 20), np.uint8)
    strokes = np.zeros_like(image)
    strokes[2:5, 2:18], strokes[12:15, 2:18] = 1, 2
    pair = Pair(Image(image), Scribbles.from_array(strokes))
    return run_to_end(METHODS["forest"](trees=3, largest=2.0).fit(TrainingSet((pair,), ClassTable.default())))


def _strange_tensors() -> Iterable[Any]:
    whole = torch.ones(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quantised ones are on their way out
        quantised = torch.quantize_per_tensor(whole, 1.0, 0, torch.quint8)
    return (
        whole, whole.to_sparse(), whole.bool(), whole.to(torch.complex64), torch.full((2, 3), float("nan")),
        whole[:1].expand(2**40, 3), torch.zeros(0), torch.tensor(1.0), whole.to(torch.int64) * 2**62, quantised,
        whole.bfloat16(), torch.empty(3, device="meta"),
    )
