"""The head that features are trained for: class-balanced ridge regression, solved inside the graph.

Bertinetto, Henriques, Torr and Vedaldi 2019, "Meta-learning with differentiable closed-form solvers".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class RidgeHead(nn.Module):
    """Ridge regression from the features of painted pixels to their classes; strength and temperature are learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.log_strength = nn.Parameter(torch.tensor(-4.0))
        self.log_temperature = nn.Parameter(torch.tensor(1.5))

    def solve(self, features: Tensor, labels: Tensor, classes: int) -> Tensor:
        """Return the coefficients, (F + 1, classes), last row the offset.

        Parameters
        ----------
        features : Tensor, shape (P, F)
            Of the painted pixels.
        labels : Tensor of int64, shape (P,)
        classes : int
        """
        design = functional.pad(features, (0, 1), value=1.0)
        target = functional.one_hot(labels, classes).float()
        count = target.sum(0)
        weight = (target / count.clamp_min(1)).sum(1) / (count > 0).sum()
        weighted = design * weight[:, None]
        strength = self.log_strength.exp() * torch.ones(design.shape[1], device=design.device)
        strength = torch.cat([strength[:-1], strength.new_tensor([1e-4])])
        normal = design.T @ weighted + torch.diag(strength)
        return torch.linalg.solve(normal, weighted.T @ target)

    def forward(self, features: Tensor, coefficients: Tensor) -> Tensor:
        """Return logits (N, classes, Y, X) for features (N, F, Y, X)."""
        scores = torch.einsum("nfyx,fc->ncyx", features, coefficients[:-1]) + coefficients[-1][None, :, None, None]
        return scores * self.log_temperature.exp()


def episode_loss(head: RidgeHead, features: Tensor, labels: Tensor, painted: Tensor, classes: int
                 ) -> tuple[Tensor, Tensor]:
    """Return loss and accuracy (both balanced over classes) of one episode.

    Parameters
    ----------
    features : Tensor, shape (N, F, Y, X)
    labels : Tensor of int64, shape (N, Y, X)
    painted : Tensor of bool, shape (N, Y, X)
        Where strokes are; classes without a stroke are left out of the loss.
    classes : int
    """
    rows = features.permute(0, 2, 3, 1)[painted]
    coefficients = head.solve(rows, labels[painted], classes)
    logits = head(features, coefficients)
    seen = torch.bincount(labels[painted], minlength=classes) > 0
    logits = logits.masked_fill(~seen[None, :, None, None], -1e4)
    judged = torch.where(seen[labels], labels, -1)
    each = functional.cross_entropy(logits, judged, ignore_index=-1, reduction="none")
    right = (logits.argmax(1) == judged).float()
    known = judged >= 0
    index, count = judged[known], torch.bincount(judged[known], minlength=classes).clamp_min(1)
    weight = 0.5 / (known.sum() * torch.ones_like(each[known])) + 0.5 / (count[index] * seen.sum())
    return (each[known] * weight).sum(), (right[known] * weight).sum()
