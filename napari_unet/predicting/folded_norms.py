"""Batch norms of a network that only predicts, folded into the convolutions before them. Knows no images.

A norm whose statistics stand still multiplies and adds, as the convolution before it does: one pass over memory in
place of two, for the same numbers (in float32 to about 1e-6; in 16 bits as far as any two roundings agree).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def without_norms(module: nn.Module) -> nn.Module:
    """Return a module that computes the same with its norms folded, wherever one directly follows a convolution.

    Parameters
    ----------
    module : Module
        Does not learn (``eval()``); it is left as it is.

    Returns
    -------
    Module
        A copy, or the module itself where there is nothing to fold.
    """
    if next(_foldable(module), None) is None:
        return module
    found = copy.deepcopy(module)
    for layers, place in list(_foldable(found)):
        layers[place] = fuse_conv_bn_eval(layers[place], layers[place + 1])  # type: ignore[type-var, arg-type]
        layers[place + 1] = nn.Identity()  # places of other layers stay
    return found


def _foldable(module: nn.Module) -> Iterator[tuple[nn.Sequential, int]]:
    """Yield rows of layers and the place of each convolution in them that a norm of its own follows."""
    for layers in module.modules():
        if type(layers) is not nn.Sequential:  # another might run them in an order of its own
            continue
        for place, (one, following) in enumerate(itertools.pairwise(layers)):
            if (isinstance(one, (nn.Conv2d, nn.Conv3d)) and isinstance(following, (nn.BatchNorm2d, nn.BatchNorm3d))
                    and not following.training and following.running_var is not None):
                yield layers, place
