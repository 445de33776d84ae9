"""Flags and positionals of every command. Runs nothing and imports no heavy package, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from napari_unet import __version__

from .command_parser import CommandParser, add_debug
from .flag_values import (
    assignment,
    name_list,
    pixel_size,
    place_or_url,
    plane_index,
    positive_number,
    seed_number,
    table_path,
)
from .object_flags import add_compared_objects, add_finding_flags, add_object_flags

DEFAULT_METHODS = "unet,threshold,slic,mean_shift,region_growing"
PRESETS = ("quick", "classical", "networks", "everything")
_VALUES = ("auto", "mask", "painted", "objects")
_CODES = ("auto recognises it or asks; mask has background 0, painted has background 1 and 0 = unknown, objects has "
          "background 0 and all else is of one class (default: auto)")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of ``napari-unet``; each command's function is in ``arguments.command``."""
    parser = CommandParser(
        prog="napari-unet",
        description="Segment images from a few painted strokes, and see whether the network beats simpler methods.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"napari-unet {__version__}")
    add_debug(parser, False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_demo, _plan, _train, _predict, _objects, _export_model, _score, _compare, _counts, _methods,
                _methods_text, _info):
        add(commands)
    return parser


def _command(commands: argparse._SubParsersAction[CommandParser], name: str, function: str, text: str
             ) -> CommandParser:
    """Add a command; its function, ``module:name`` in this package, is imported only when it runs."""
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    def run(arguments: argparse.Namespace) -> None:
        module, _, found = function.partition(":")
        getattr(importlib.import_module(f"napari_unet.cli.{module}"), found)(arguments)

    parser.set_defaults(command=run)
    add_debug(parser, argparse.SUPPRESS)
    return parser


def _axes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--axes", help="axes of the images, one letter each: NYX stack, ZYX z-stack, YXC colour, "
                        "TCYX ... (default: from the file, else guessed; the choice is shown)")


def _running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--seed", type=seed_number, help="the same seed gives the same random choices (default: 0)")


def _moved(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--moved", type=assignment, action="append", default=[], metavar="OLD=NEW",
                        help="of a project: images that were in folder OLD are in NEW now")


def _overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")


def _demo(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "demo", "demo_command:run_demo",
                      "Run the whole job on a shipped sample, in napari where there is a display.")
    parser.add_argument("--headless", action="store_true", help="do not open napari")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo-output"), metavar="DIR",
                        help="folder for the headless results, replaced if an earlier demo made it (demo-output)")
    parser.add_argument("--seconds", type=positive_number(float), default=60.0, help="training time (default: 60)")


def _train(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "train", "train_command:run_train",
                      "Train a network (or a forest) on painted strokes.")
    parser.add_argument("images", nargs="?", metavar="IMAGES",
                        help="TIFF or OME-Zarr: one image or a stack; or a project (NAME.unet), which has its strokes")
    parser.add_argument("scribbles", nargs="?", metavar="SCRIBBLES",
                        help="strokes: 0 = not painted, 1 = background, 2, 3, ... = classes")
    parser.add_argument("--pair", nargs=2, action="append", metavar=("IMAGE", "SCRIBBLES"), default=[],
                        help="in place of the positionals, once for each file")
    parser.add_argument("-o", "--output", type=Path, metavar="MODEL.pt", help="(a project takes the model in itself)")
    _axes(parser)
    parser.add_argument("--index", type=plane_index, metavar="0,3,11:21",
                        help="learn only from the strokes of these planes")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=positive_number(float),
                        help="training time from the first step (default: 60)")
    length.add_argument("--steps", type=positive_number(int), help="train this many steps instead")
    parser.add_argument("--network", metavar="NAME",
                        help="a network, forest, or a recipe file (.json); see `napari-unet methods` (default: unet, "
                        "or what the project is set to)")
    parser.add_argument("--continue", dest="go_on", action="store_true",
                        help="of a project: go on from the model that is shown, as Live does, instead of anew")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter of the training or the network, e.g. --set width=32")
    parser.add_argument("--deterministic", action="store_true",
                        help="with --steps: the same strokes and seed give exactly the same model again, in one thread "
                        "(on the same processor)")
    _moved(parser)
    _running(parser)
    _overwrite(parser)


def _plan(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "plan", "plan_command:run_plan",
                      "Show which network would be chosen for images, and why: pieces, halvings, kernels, channels.")
    parser.add_argument("images", nargs="+", metavar="IMAGES", help="images, folders of them, or patterns ('in/*.tif')")
    parser.add_argument("--network", default="planned", metavar="NAME",
                        help="a network that is planned from the data: planned or unet3d (default: planned)")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="NAME=VALUE",
                        help="a parameter of the network, e.g. --set dimensions=planes or --set memory=4")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    _axes(parser)


def _predict(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "predict", "predict_command:run_predict",
                      "Segment images with a trained model.")
    parser.add_argument("images", nargs="+", metavar="IMAGES",
                        help="images, folders of them (without what was made here), patterns ('in/*.tif'), or one "
                             "project (NAME.unet): all of its")
    parser.add_argument("--resume", action="store_true",
                        help="leave out images whose results are there already, as this command would make them")
    parser.add_argument("--counts", type=table_path, metavar="T.csv",
                        help="also write one table of parts, holes and areas of each class in all images")
    parser.add_argument("--model", type=Path, metavar="MODEL.pt", help="(of a project, the one that is shown)")
    parser.add_argument("-o", "--output", type=place_or_url, metavar="OUT",
                        help="a .tif or .zarr file, a folder (then STEM_mask.tif for each image), or "
                             "IMAGE.ome.zarr/labels/NAME to save beside the image; or an address, s3://... .ome.zarr; "
                             "of a project a folder (default: the project's own results)")
    parser.add_argument("--pattern", metavar="NAME", help="of a project: names of the masks in the folder, with {name} "
                        "or {number} of the image (default: {name}_mask.tif)")
    _moved(parser)
    _axes(parser)
    parser.add_argument("--index", type=plane_index, metavar="0,3,11:21", help="only these planes, in this order")
    parser.add_argument("--painted-ids", action="store_true",
                        help="write ids as painted (1 = background) instead of a mask (0 = background)")
    parser.add_argument("--probabilities", type=place_or_url, metavar="P.tif",
                        help="also write class probabilities (.tif or .zarr): float32, the image's axes, C before Y, "
                        "background first (with several images a folder, then STEM_probabilities.tif)")
    parser.add_argument("--tta", action="store_true", help="average over turned and mirrored versions")
    parser.add_argument("--objects", type=place_or_url, metavar="O.tif",
                        help="also find single objects and write their numbers (.tif, .zarr, .zip or .geojson; with "
                        "several images a folder, then STEM_objects.tif; an address if the masks go to one)")
    add_finding_flags(parser, "--object-set")
    parser.set_defaults(table=None)
    parser.add_argument("--zarr-version", choices=("0.4", "0.5"), default="0.4", help="OME-Zarr version (default: 0.4)")
    parser.add_argument("--shard", type=positive_number(int), default=0, metavar="PIXELS",
                        help="with --zarr-version 0.5: rows and columns of a file that holds many blocks, e.g. 4096")
    parser.add_argument("--blocks", action="store_true",
                        help="block by block, and resumable: what large images are anyway; run the same again to go on")
    parser.add_argument("--skip-background", type=positive_number(float), nargs="?", const=0.1, metavar="SHARE",
                        help="leave blocks empty whose values lie within this share of the range of their plane (0.1)")
    parser.add_argument("--workers", type=positive_number(int), metavar="N",
                        help="compute blocks in N processes of this computer (needs the extra `cluster`)")
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="compute blocks on a Dask cluster, e.g. tcp://10.0.0.1:8786 (needs the extra `cluster`)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: auto)")
    _overwrite(parser)


def _objects(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "objects", "objects_command:run_objects",
                      "Find single objects in masks or class probabilities: number, count, measure and save them.")
    add_object_flags(parser)
    _axes(parser)
    _overwrite(parser)


def _export_model(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "export-model", "export_model_command:run_export_model",
                      "Export a trained model for other programs: ONNX, a bioimage.io package, or torch.export.")
    parser.add_argument("model", type=Path, metavar="MODEL.pt")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT",
                        help="X.onnx, X.zip (a package of bioimage.io) or X.pt2 (torch.export)")
    parser.add_argument("--author", action="append", default=[], metavar="NAME", help="of a package; may be repeated")
    parser.add_argument("--licence", metavar="SPDX", help="of a package, e.g. CC-BY-4.0 (default: none is given)")
    _overwrite(parser)


def _score(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "score", "score_command:run_score",
                      "Judge a prediction against a reference, plane by plane.")
    parser.add_argument("prediction", metavar="PREDICTION")
    parser.add_argument("reference", metavar="REFERENCE")
    for flag, what in (("--values", "prediction"), ("--reference-values", "reference")):
        parser.add_argument(flag, choices=_VALUES, default="auto", help=f"code of the {what}: {_CODES}")
    parser.add_argument("--index", type=plane_index, metavar="11:21", help="planes of the reference to score")
    parser.add_argument("--metrics", type=name_list, metavar="A,B,...",
                        help="metrics, or families of them: overlap, boundary, topology, partitions, objects, "
                        "superpixels, all (see `napari-unet methods`); default: a short set of overlap and topology")
    parser.add_argument("--volume", action="store_true", help="judge the planes as one volume too")
    parser.add_argument("--objects", action="store_true",
                        help="both hold object numbers (or one of them ROIs, or GeoJSON): judge these, as they are")
    parser.add_argument("--axes", help="with --objects: axes of both; a Z makes volumes that are judged as such")
    parser.add_argument("--scale", type=pixel_size, metavar="[Z,]Y,X",
                        help="size of a pixel, for distances (default: what the files say, else 1)")
    parser.add_argument("--unit", help="unit of --scale, e.g. micrometer")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="NAME=VALUE",
                        help="how to judge: tolerance=0.5 for surface Dice and boundary recall, in the unit of the "
                        "scale; patch=64 for betti_error_patches, in pixels")
    parser.add_argument("--csv", type=table_path, metavar="T.csv", help="also write the single values as a tidy table")
    _overwrite(parser)


def _compare(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "compare", "compare_command:run_compare",
                      "Run several methods on the same strokes and score them alike.")
    parser.add_argument("images", nargs="?", metavar="IMAGES", help="images, or a project (NAME.unet)")
    parser.add_argument("scribbles", nargs="?", metavar="SCRIBBLES")
    _moved(parser)
    parser.add_argument("--reference", metavar="R.tif", help="truth to score against (default: held-out strokes)")
    parser.add_argument("--triple", nargs=3, action="append", metavar=("IMAGE", "SCRIBBLES", "REFERENCE"), default=[],
                        help="in place of the positionals, once for each file; - for none")
    parser.add_argument("--reference-values", choices=_VALUES, default="auto", help=f"code of the references: {_CODES}")
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
                        "of the strokes, and in a second fit another quarter)")
    parser.add_argument("--metrics", type=name_list, metavar="A,B,...",
                        help="metrics or families of them (see `napari-unet methods`; default: a short set)")
    parser.add_argument("--set", type=assignment, action="append", default=[], metavar="METHOD.NAME=VALUE",
                        help="a parameter of a method, e.g. --set slic.compactness=5, or how metrics judge, e.g. "
                        "--set metrics.tolerance=0.5 (see `napari-unet score --help`)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR",
                        help="folder for report.html, table.csv, methods.txt, figure.png, masks/ and recipes/")
    add_compared_objects(parser)
    parser.add_argument("--save-models", action="store_true",
                        help="also save networks and forests as model files, in models/")
    _axes(parser)
    _running(parser)
    _overwrite(parser)


def _counts(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "counts", "counts_command:run_counts",
                      "Count parts, holes and areas of each class in the predictions of a project, or in a mask, as "
                      "one table.")
    parser.add_argument("project", type=place_or_url, metavar="NAME.unet",
                        help="a project, or a mask (.zarr, .tif, or its address), which is counted block by block")
    parser.add_argument("-o", "--output", type=table_path, required=True, metavar="COUNTS.csv")
    parser.add_argument("--objects", action="store_true",
                        help="one line an object instead: area, shape, brightness, place, neighbours")
    _moved(parser)
    _overwrite(parser)


def _methods(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "methods", "listing:print_methods",
                      "List methods, networks, losses, metrics and formats with their parameters.")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _methods_text(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "methods-text", "methods_text_command:print_methods_text",
                      "Write the methods paragraph of a paper, with citations, from what was really done.")
    parser.add_argument("what", type=Path, metavar="WHAT", help="a project (NAME.unet), a model, a mask with its "
                        "NAME.provenance.json beside it, that file itself, or the folder of a comparison")


def _info(commands: argparse._SubParsersAction[CommandParser]) -> None:
    parser = _command(commands, "info", "listing:print_info",
                      "Show versions, devices and which one is chosen and why; of a project, what is in it.")
    parser.add_argument("project", nargs="?", type=Path, metavar="NAME.unet")
    _moved(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
