"""Decision trees that correct a linear answer, as tensor operations alone, so that they can leave with a network.

The numbers are those of :mod:`napari_unet.predicting.oblivious_trees`, which asks them in NumPy: a trace of that takes
the answers of the image that it was made with for constants.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.predicting.enlarging import enlarged
from napari_unet.predicting.feature_groups import FeatureGroup
from napari_unet.predicting.oblivious_trees import DEPTH, LARGEST, ObliviousTrees


class TensorTrees(nn.Module):
    """Trees that look at features by number and lead every pixel to a leaf by gathering.

    Parameters
    ----------
    trees : ObliviousTrees
    """

    def __init__(self, trees: ObliviousTrees) -> None:
        super().__init__()
        self.numbers, compact = trees.compact()
        for name in ("chosen", "thresholds", "leaves"):
            self.register_buffer(name, getattr(compact, name).clone(), persistent=False)
        self.register_buffer("worth", 2 ** torch.arange(DEPTH - 1, -1, -1, dtype=torch.int32), persistent=False)

    def forward(self, logits: Tensor, groups: Sequence[FeatureGroup]) -> Tensor:
        """Return corrected logits (B, K, Y, X) of such logits and features (B, F, y, x) of each resolution."""
        features = self._features(groups)
        chosen, thresholds, leaves = (self.get_buffer(name) for name in ("chosen", "thresholds", "leaves"))
        worth = self.get_buffer("worth")[:, None, None]
        total: Tensor | None = None
        for number in range(len(leaves)):
            above = features.index_select(1, chosen[number]) > thresholds[number][:, None, None]
            leaf = (above.to(torch.int32) * worth).sum(1)
            ends = functional.embedding(leaf, leaves[number])
            total = ends if total is None else total + ends
        assert total is not None
        votes = total.permute(0, 3, 1, 2)
        linear = torch.softmax(logits, 1)
        found = (votes[:, :-1] + votes[:, -1:] * linear) / len(leaves)
        return torch.log(((linear + found) / 2).clamp_min(torch.finfo(torch.float32).tiny))

    def _features(self, groups: Sequence[FeatureGroup]) -> Tensor:
        """Return the features that trees look at, (B, F, Y, X), rounded to 16 bits as they are where trees grow."""
        seen = [one for group in groups for one in group.only(self.numbers)]
        columns = [column for one in seen for column in one.columns]
        order = torch.tensor(sorted(range(len(columns)), key=columns.__getitem__), device=seen[0].values.device)
        features = torch.cat([enlarged(one.values, one.stride, one.kernel) for one in seen], 1).index_select(1, order)
        return features.clamp(-LARGEST, LARGEST).half().float()
