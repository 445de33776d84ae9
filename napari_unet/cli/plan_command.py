"""``napari-unet plan``: images in, the network that would be chosen out, with reasons. Trains nothing."""

from __future__ import annotations

import argparse
import dataclasses
import json

from napari_unet.core import parameters
from napari_unet.networks import REGISTRY
from napari_unet.workflows.plans import plan

from .image_files import images_alone
from .input_files import read_images
from .terminal import show


def run_plan(arguments: argparse.Namespace) -> None:
    """Print what would be chosen and why."""
    options = parameters.parse(REGISTRY[arguments.network], dict(arguments.set))
    images = read_images(images_alone(arguments.images), arguments.axes)
    found = plan(images, network=arguments.network, device=arguments.device, **options)
    show(json.dumps(dataclasses.asdict(found), indent=1) if arguments.json else found.text)
