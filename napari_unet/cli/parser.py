"""Flags and positionals of every command. Runs nothing and imports no heavy package, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

from napari_unet import __version__

DEFAULT_METHODS = "unet,threshold,slic,mean_shift,region_growing"
PRESETS = ("quick", "classical", "networks", "everything")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of ``napari-unet``; each command's function is in ``arguments.command``."""
    parser = argparse.ArgumentParser(
        prog="napari-unet",
        description="Segment images from a few painted strokes, and see whether the network beats simpler methods.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"napari-unet {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_demo, _train, _predict, _score, _compare, _methods, _info):
        add(commands)
    return parser


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, function: str, text: str
             ) -> argparse.ArgumentParser:
    """Add a command; its function, ``module:name`` in this package, is imported only when it runs."""
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    def run(arguments: argparse.Namespace) -> None:
        module, _, found = function.partition(":")
        getattr(importlib.import_module(f"napari_unet.cli.{module}"), found)(arguments)

    parser.set_defaults(command=run)
    return parser


def plane_index(text: str) -> list[int]:
    """Read ``0,3,11:21``: numbers and half-open ranges, in the order given.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is anything else.
    """
    numbers: list[int] = []
    try:
        for part in text.split(","):
            first, colon, last = part.partition(":")
            numbers += range(int(first), int(last)) if colon else [int(first)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(
            f"{text!r} names no planes. Give different numbers from 0 and half-open ranges, such as 0,3,11:21."
        )
    return numbers


def positive_number(kind: type) -> Callable[[str], float]:
    """Return a reader of numbers above 0."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0.")
        return float(value) if kind is float else value

    return read


def pixel_size(text: str) -> tuple[float, ...]:
    """Read the size of a pixel or voxel, ``0.5`` or ``2,0.5,0.5``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is not one to three numbers above 0.
    """
    try:
        sizes = tuple(positive_number(float)(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        sizes = ()
    if not 1 <= len(sizes) <= 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not the size of a pixel: give Y,X or Z,Y,X, all above 0.")
    return sizes * 2 if len(sizes) == 1 else sizes


def name_list(text: str) -> list[str]:
    """Read names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def assignment(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``.

    Raises
    ------
    argparse.ArgumentTypeError
        Without an equals sign.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE (see `napari-unet methods` for the names).")
    return name.strip(), value


def _axes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--axes", help="axes of the images, one letter each: NYX stack, ZYX z-stack, YXC colour, "
                        "TCYX ... (default: from the file, else guessed; the choice is shown)")


def _running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--seed", type=int, help="the same seed gives the same random choices (default: 0)")


def _overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")


def _demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "demo", "demo_command:run_demo",
                      "Run the whole job on a shipped sample, in napari where there is a display.")
    parser.add_argument("--headless", action="store_true", help="do not open napari")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo-output"), metavar="DIR",
                        help="folder for the headless results, replaced if an earlier demo made it (demo-output)")
    parser.add_argument("--seconds", type=positive_number(float), default=60.0, help="training time (default: 60)")


def _train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "train", "train_command:run_train",
                      "Train a network (or a forest) on painted strokes.")
    parser.add_argument("images", nargs="?", metavar="IMAGES", help="TIFF or OME-Zarr: one image or a stack")
    parser.add_argument("scribbles", nargs="?", metavar="SCRIBBLES",
                        help="strokes: 0 = not painted, 1 = background, 2, 3, ... = classes")
    parser.add_argument("--pair", nargs=2, action="append", metavar=("IMAGE", "SCRIBBLES"), default=[],
                        help="in place of the positionals, once for each file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.pt")
    _axes(parser)
    parser.add_argument("--index", type=plane_index, metavar="0,3,11:21",
                        help="learn only from the strokes of these planes")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=positive_number(float),
                        help="training time from the first step (default: 60)")
    length.add_argument("--steps", type=positive_number(int), help="train this many steps instead")
    parser.add_argument("--network", default="unet", metavar="NAME",
                        help="a network, forest, or a recipe file (.json); see `napari-unet methods` (default: unet)")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter of the training or the network, e.g. --set width=32")
    _running(parser)
    _overwrite(parser)


def _predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "predict", "predict_command:run_predict",
                      "Segment images with a trained model.")
    parser.add_argument("images", nargs="+", metavar="IMAGES")
    parser.add_argument("--model", type=Path, required=True, metavar="MODEL.pt")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT",
                        help="a .tif or .zarr file, a folder (then STEM_mask.tif for each image), or "
                             "IMAGE.ome.zarr/labels/NAME to save beside the image")
    _axes(parser)
    parser.add_argument("--index", type=plane_index, metavar="0,3,11:21", help="only these planes, in this order")
    parser.add_argument("--painted-ids", action="store_true",
                        help="write ids as painted (1 = background) instead of a mask (0 = background)")
    parser.add_argument("--probabilities", type=Path, metavar="P.tif",
                        help="also write class probabilities (.tif or .zarr): float32, the image's axes, C before Y, "
                        "background first (with several images a folder, then STEM_probabilities.tif)")
    parser.add_argument("--tta", action="store_true", help="average over turned and mirrored versions")
    parser.add_argument("--zarr-version", choices=("0.4", "0.5"), default="0.4", help="OME-Zarr version (default: 0.4)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    _overwrite(parser)


def _score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "score", "score_command:run_score",
                      "Judge a prediction against a reference, plane by plane.")
    parser.add_argument("prediction", metavar="PREDICTION")
    parser.add_argument("reference", metavar="REFERENCE")
    for flag, what in (("--values", "prediction"), ("--reference-values", "reference")):
        parser.add_argument(flag, choices=("mask", "painted"), default="mask",
                            help=f"code of the {what}: mask has background 0, painted has background 1 and "
                            "0 = unknown (default: mask)")
    parser.add_argument("--index", type=plane_index, metavar="11:21", help="planes of the reference to score")
    parser.add_argument("--metrics", type=name_list, metavar="A,B,...",
                        help="metrics, or families of them: overlap, boundary, topology, partitions, objects, "
                        "superpixels, all (see `napari-unet methods`); default: a short set of overlap and topology")
    parser.add_argument("--volume", action="store_true", help="judge the planes as one volume too")
    parser.add_argument("--scale", type=pixel_size, metavar="[Z,]Y,X",
                        help="size of a pixel, for distances (default: what the files say, else 1)")
    parser.add_argument("--unit", help="unit of --scale, e.g. micrometer")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="NAME=VALUE",
                        help="how to judge: tolerance=0.5 for surface Dice and boundary recall, in the unit of the "
                        "scale; patch=64 for betti_error_patches, in pixels")
    parser.add_argument("--csv", type=Path, metavar="T.csv", help="also write the single values as a tidy table")
    _overwrite(parser)


def _compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "compare", "compare_command:run_compare",
                      "Run several methods on the same strokes and score them alike.")
    parser.add_argument("images", nargs="?", metavar="IMAGES")
    parser.add_argument("scribbles", nargs="?", metavar="SCRIBBLES")
    parser.add_argument("--reference", metavar="R.tif", help="truth to score against (default: held-out strokes)")
    parser.add_argument("--triple", nargs=3, action="append", metavar=("IMAGE", "SCRIBBLES", "REFERENCE"), default=[],
                        help="in place of the positionals, once for each file; - for none")
    parser.add_argument("--reference-values", choices=("mask", "painted"), default="mask",
                        help="code of the references: mask has background 0, painted has background 1 and "
                        "0 = unknown (default: mask)")
    parser.add_argument("--index", type=plane_index, metavar="11:21", help="planes to segment and score")
    parser.add_argument("--methods", metavar="A,B,...",
                        help=f"methods, presets and recipe files (.json); default: {DEFAULT_METHODS}")
    parser.add_argument("--preset", choices=PRESETS, help="a group of methods, with those of --methods if any")
    parser.add_argument("--model", type=Path, metavar="MODEL.pt", help="use this trained network instead of training")
    parser.add_argument("--seconds", type=positive_number(float), default=60.0,
                        help="training of each network, and as much for segmenting (default: 60)")
    parser.add_argument("--budget", type=positive_number(float), default=20.0, metavar="SECONDS",
                        help="what any other method may take; planes not done in time are left out (default: 20)")
    parser.add_argument("--folds", type=positive_number(int), default=1, metavar="K",
                        help="without a reference: hold out every stroke once, in K parts (default: 1, about a quarter "
                        "of the strokes once)")
    parser.add_argument("--metrics", type=name_list, metavar="A,B,...",
                        help="metrics or families of them (see `napari-unet methods`; default: a short set)")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="METHOD.NAME=VALUE",
                        help="a parameter of a method, e.g. --set slic.compactness=5, or how metrics judge, e.g. "
                        "--set metrics.tolerance=0.5 (see `napari-unet score --help`)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR",
                        help="folder for report.html, table.csv, methods.txt, figure.png, masks/ and recipes/")
    parser.add_argument("--save-models", action="store_true",
                        help="also save networks and forests as model files, in models/")
    _axes(parser)
    _running(parser)
    _overwrite(parser)


def _methods(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "methods", "listing:print_methods",
                      "List methods, networks, losses, metrics and formats with their parameters.")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "info", "listing:print_info",
                      "Show versions, devices and which one is chosen and why.")
    parser.add_argument("--json", action="store_true", help="as JSON")
