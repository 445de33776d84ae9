"""Flags about single objects, of every command that has some. Runs nothing and imports no heavy package."""

from __future__ import annotations

import argparse
from pathlib import Path

from .flag_values import assignment, name_list, pixel_size, place_or_url, table_path, unit_of_length


def add_finding_flags(parser: argparse.ArgumentParser, flag: str = "--set") -> None:
    """Add how objects are found."""
    parser.add_argument("--way", default="auto", metavar="WAY",
                        help="how objects are found; see `napari-unet methods` (default: auto)")
    parser.add_argument(flag, dest="way_values", type=assignment, action="append", default=[], metavar="NAME=VALUE",
                        help=f"a parameter of the way, e.g. {flag} smallest=20")
    parser.add_argument("--countable", type=name_list, metavar="A,B,...",
                        help="classes whose objects are counted: names, or numbers in a mask (default: all but "
                        "background)")
    parser.add_argument("--halo", type=int, metavar="N",
                        help="find objects block by block, each block looking N pixels beyond its own (default, for "
                        "masks larger than memory: two typical diameters)")
    parser.add_argument("--by-plane", action="store_true", help="each plane of a z-stack by itself, not as a volume")
    parser.add_argument("--panoptic", action="store_true",
                        help="add the areas of the classes that are not counted, each as one more number")


def add_object_flags(parser: argparse.ArgumentParser) -> None:
    """Add what ``objects`` takes."""
    parser.add_argument("masks", nargs="+", metavar="MASK_OR_PROBABILITIES",
                        help="masks of classes, or probabilities as `predict --probabilities` writes them; also "
                        "folders, and patterns such as 'out/*.tif'. Single objects are taken as they are")
    parser.add_argument("-o", "--output", type=place_or_url, required=True, metavar="OUT",
                        help="object numbers (uint16, or uint32 beyond 65535): a .tif or .zarr, "
                        "IMAGE.ome.zarr/labels/NAME, a folder (then STEM_objects.tif), or the address of a .zarr "
                        "(s3://...); also .zip (ImageJ ROIs) or .geojson (QuPath)")
    add_finding_flags(parser)
    parser.add_argument("--values", choices=("auto", "mask", "painted", "objects"), default="auto",
                        help="what the numbers are in files that do not say: mask has background 0, painted has "
                        "background 1, objects are numbered one by one already (default: recognised, or asked)")
    parser.add_argument("--blocks", action="store_true",
                        help="find objects block by block, as in masks larger than memory; a run that ended early is "
                        "gone on with")
    parser.add_argument("--table", type=table_path, metavar="T.csv",
                        help="also measure: one line an object, of all masks")
    parser.add_argument("--image", metavar="IMAGE", help="with --table and one mask: measure its channels too")
    parser.add_argument("--rois", type=Path, metavar="R.zip",
                        help="also outlines for ImageJ's ROI Manager (a folder for several masks)")
    parser.add_argument("--geojson", type=Path, metavar="G.geojson",
                        help="also polygons for QuPath (a folder for several masks)")
    parser.add_argument("--voxel-size", type=pixel_size, metavar="[Z,]Y,X",
                        help="size of a pixel or voxel (default: what the file says, or that of --image)")
    parser.add_argument("--unit", type=unit_of_length, help="unit of --voxel-size, e.g. micrometer")
    parser.add_argument("--zarr-version", choices=("0.4", "0.5"), default="0.4", help="OME-Zarr version (default: 0.4)")


def add_compared_objects(parser: argparse.ArgumentParser) -> None:
    """Add what ``compare`` judges of objects."""
    parser.add_argument("--objects", action="store_true",
                        help="judge single objects too, found in every result, against those of the reference")
    parser.add_argument("--ways", type=name_list, metavar="A,B,...",
                        help="with --objects: how they are found, or all (default: auto)")
    parser.add_argument("--countable", type=name_list, metavar="A,B,...",
                        help="with --objects: classes whose objects are counted, by their names (default: all but "
                        "background); the others have a panoptic quality by their area")
