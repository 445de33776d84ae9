"""Batch norms of a network that only predicts, folded into the convolutions before them. Knows no images.

A norm whose statistics stand still multiplies and adds, as the convolution before it does: one pass over memory in
place of two, for the same numbers (in float32 to about 1e-6; in 16 bits as far as any two roundings agree).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn
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
        A copy, or the module itself where there is nothing to fold, or it cannot be copied.
    """
    if next(_foldable(module), None) is None or any(layer._forward_hooks for layer in module.modules()):
        return module  # whoever hears what layers give is to hear the same
    try:
        found = copy.deepcopy(module)
    except Exception:  # networks of others hold what they like
        return module
    for layers in list(_foldable(found)):
        short = _short(layers)
        layers.__class__ = _Folded
        object.__setattr__(layers, "short", short)  # no part of its state
    return found


class _Folded(nn.Sequential):
    """A row of layers: run as a whole, norms are folded; whoever takes single layers out of it finds all of them."""

    short: tuple[nn.Module, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        """Run what is left of the layers; all of them, if this is a part that was cut out."""
        for layer in self.short or self._modules.values():
            x = layer(x)
        return x

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> _Folded:
        for layer in self.short:
            layer._apply(fn, recurse)
        super()._apply(fn, recurse)
        return self


def _short(layers: nn.Sequential) -> tuple[nn.Module, ...]:
    """Return the layers of a row, folded where that is possible."""
    found: list[nn.Module] = []
    for one in layers:
        if found and _go_together(found[-1], one):
            found[-1] = fuse_conv_bn_eval(found[-1], one)  # type: ignore[type-var, arg-type]
        else:
            found.append(one)
    return tuple(found)


def _foldable(module: nn.Module) -> Iterator[nn.Sequential]:
    """Yield the rows of layers in which something can be folded."""
    for layers in module.modules():  # another kind of row might run them in an order of its own
        if type(layers) is nn.Sequential and any(itertools.starmap(_go_together, itertools.pairwise(layers))):
            yield layers


def _go_together(one: nn.Module, following: nn.Module) -> bool:
    """Say whether a convolution, and no variety of one, is followed by a norm of its own whose statistics are kept.

    A variety of a norm that gives what a plain one gives when it does not learn says so: ``predicts_plainly``.
    """
    return (type(one) in (nn.Conv2d, nn.Conv3d) and "weight" in one._parameters  # else it is computed at each call
            and isinstance(following, (nn.BatchNorm2d, nn.BatchNorm3d))
            and (type(following) in (nn.BatchNorm2d, nn.BatchNorm3d) or "predicts_plainly" in vars(type(following)))
            and not following.training and following.running_var is not None)
