"""What the tests of the second eye share: a classifier with numbers drawn at random, and the network beside it."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from napari_unet import pretrained
from napari_unet.instant.eye_features import PREFIX, without_eye
from napari_unet.networks._second_eye import BLOCKS, STEM, folded
from napari_unet.predicting.weights import Weights


def classifier() -> dict[str, Tensor]:
    """Numbers as the classifier has them, drawn at random, about as large."""
    generator, found = torch.Generator().manual_seed(0), {}

    def layer(convolution: str, norm: str, *shape: int) -> None:
        scale = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        found[f"{convolution}.weight"] = torch.randn(shape, generator=generator) * scale
        for what, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            found[f"{norm}.{what}"] = torch.rand(shape[0], generator=generator) + low

    layer("_conv_stem", "_bn0", STEM, 3, 3, 3)
    incoming = STEM
    for number, (wider, kernel, _, width) in enumerate(BLOCKS):
        name, inner = f"_blocks.{number}.", wider * incoming
        if number:
            layer(f"{name}_expand_conv", f"{name}_bn0", inner, incoming, 1, 1)
        layer(f"{name}_depthwise_conv", f"{name}_bn1", inner, 1, kernel, kernel)
        layer(f"{name}_project_conv", f"{name}_bn2", width, inner, 1, 1)
        incoming = width
    return found


def two_eyed_features() -> Weights:
    """The network that ships beside an eye with random numbers."""
    own = without_eye(pretrained.load_features())
    tensors = {f"{PREFIX}{name}": tensor for name, tensor in folded(classifier()).items()}
    network = dataclasses.replace(own.network, eye=True, eye_kernel="even")
    return dataclasses.replace(own, network=network, tensors={**own.tensors, **tensors})
