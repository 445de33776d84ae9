"""Features of part of a plane, of each resolution as it is. Computes none."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..predicting.feature_groups import FeatureGroup, joined, of_all_channels
from ..predicting.oblivious_trees import as_float16
from ..predicting.tiling import Box


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureTile:
    """Features of part of a plane.

    Parameters
    ----------
    box : Box
        Which part.
    groups : tuple of FeatureGroup
        Float16 on the CPU (which keeps more of a number than bfloat16), of all image channels.
    hidden : ndarray of bool, shape (Y, X), optional
        Where the image holds no number.
    """

    box: Box
    groups: tuple[FeatureGroup, ...]
    hidden: NDArray[np.bool_] | None = None

    @property
    def bytes(self) -> int:
        """Memory it takes."""
        features = sum(one.values.numel() * one.values.element_size() for one in self.groups)
        return features + (0 if self.hidden is None else self.hidden.nbytes)

    @property
    def count(self) -> int:
        """How many features there are of a pixel."""
        return sum(len(one.columns) for one in self.groups)

    def beside(self, groups: tuple[FeatureGroup, ...]) -> FeatureTile:
        """Return a tile that has other features of the same part after its own."""
        first = self.count
        more = [dataclasses.replace(one, columns=tuple(first + column for column in one.columns)) for one in groups]
        return dataclasses.replace(self, groups=(*self.groups, *more))

    def at(self, pixels: NDArray[np.integer]) -> NDArray[np.float16]:
        """Return the features (P, F) of pixels, given as flat indices into the box."""
        rows, columns = np.divmod(pixels, self.box.shape[1])
        found = np.empty((len(pixels), self.count), np.float16)
        for one in self.groups:
            found[:, list(one.columns)] = one.at(rows, columns).T
        return found

    def enlarged(self) -> Tensor:
        """Return all features (F, Y, X) at every pixel of the box, float16."""
        return as_float16(joined(self.groups, self.box.shape))


def joined_channels(channels: list[list[FeatureGroup]]) -> tuple[FeatureGroup, ...]:
    """Return groups that hold the features of all channels, channel by channel, float16 on the CPU."""
    count = sum(len(one.columns) for one in channels[0])
    return tuple(
        dataclasses.replace(own[0], columns=of_all_channels(own[0].columns, len(channels), count),
                            values=torch.cat([as_float16(one.values) for one in own]).cpu())
        for own in zip(*channels, strict=True))


def mean_of_groups(several: list[tuple[FeatureGroup, ...]]) -> tuple[FeatureGroup, ...]:
    """Return the mean of features of as many places, group by group, float16."""
    return tuple(
        dataclasses.replace(alike[0], values=as_float16(sum(one.values.float() for one in alike) / len(alike)))
        for alike in zip(*several, strict=True))
