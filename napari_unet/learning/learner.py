"""A network and everything that changes while it learns. Knows tensors and class ids; no images, strokes or threads."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.random_numbers import own_random_numbers
from ..predicting.devices import Device, is_out_of_memory, put_module, release_memory
from ..predicting.forward import leave_between_layers
from ..predicting.weights import Network, Weights, load_into
from . import batchnorm
from .output_channels import match_channels, replace_head

Loss = Callable[[Tensor, Tensor], Tensor]

MAX_BAD_STEPS = 20
"""So many steps in a row without a finite loss mean that training has diverged."""


class Learner:
    """A module, its optimizer and the moving average of its weights.

    Parameters
    ----------
    network : Network
    channels : int
        Image channels.
    ids : sequence of int
        Painted ids, one per output channel.
    device : Device
    loss : callable
        See :mod:`napari_unet.losses`.
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov and Hutter 2019).
    clip : float
        Largest norm of the gradient.
    average : int
        The moving average of the weights spans about this many steps, and early on a tenth of the steps so far, so
        that the random start is soon forgotten.
    seed : int
    initial : Weights, optional
        Start from these instead of from nothing: output channels are matched by class id, and BatchNorm keeps the
        statistics these weights came with.
    """

    def __init__(
        self,
        network: Network,
        channels: int,
        ids: Sequence[int],
        device: Device,
        loss: Loss,
        *,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        clip: float = 1.0,
        average: int = 50,
        seed: int = 0,
        initial: Weights | None = None,
    ) -> None:
        self.device = device
        self.channels = channels
        self.ids = tuple(ids)
        self.step = 0
        self.parts = 1
        self._loss = loss
        self._rate = learning_rate
        self._clip = clip
        self._average = average
        self._seed = seed
        self._bad = 0
        self._frozen = initial is not None
        with self._chance():
            module = network.build(channels, len(initial.classes.ids) if initial else len(self.ids))
        if initial is not None:
            load_into(module, initial)
            replace_head(module, match_channels(initial.classes.ids, self.ids))
            self.step = initial.step
        elif hasattr(network, "begin"):
            network.begin(module)
        self.module = put_module(module, device)
        leave_between_layers(self.module, learns=True)
        self.averaged: nn.Module = copy.deepcopy(self.module).requires_grad_(False).eval()
        self._optimizer = torch.optim.AdamW(
            self.module.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=device.kind != "mps"
        )
        self._scaler = torch.amp.GradScaler(device.kind, enabled=device.dtype is torch.float16)
        self._start = self.step

    @contextlib.contextmanager
    def _chance(self) -> Iterator[None]:
        """Seed torch's global generator (initial weights, dropout) and leave it as it was."""
        devices = [torch.device(self.device.name)] if self.device.kind == "cuda" else []
        with own_random_numbers((self._seed * 1_000_003 + self.step) % 2**63, devices):
            yield

    @property
    def where(self) -> str:
        """Device and why this one; and how far its memory reaches, where it was too small for a batch."""
        full = "" if self.parts == 1 else f"; its memory is full, so batches go in {self.parts} parts"
        return f"{self.device.chip} ({self.device.reason}{full})"

    def set_classes(self, ids: Sequence[int]) -> None:
        """Let output channels come and go; the rest of the network, optimizer and average stay as they are."""
        if tuple(ids) == self.ids:
            return
        rows = match_channels(self.ids, ids)
        replace_head(self.module, rows, self._optimizer)
        replace_head(self.averaged, rows)
        self.averaged.requires_grad_(False)
        self.ids = tuple(ids)

    def learn(self, images: Tensor, targets: Tensor, rate: float = 1.0) -> float:
        """Do one step of the optimizer.

        If the device runs out of memory, the batch goes through in twice as many parts, now and from then on. If 16
        bits do not hold the numbers, the rest of the training is done in 32.

        Parameters
        ----------
        images : Tensor, shape (B, C, [Z,] Y, X), float32
        targets : Tensor, shape (B, [Z,] Y, X), int64
        rate : float
            Factor on the learning rate.

        Returns
        -------
        float
            The loss.

        Raises
        ------
        UserError
            If a single patch does not fit into memory, or training has diverged.
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * rate
        while True:
            value = self._attempt(images, targets)
            if value is None:
                release_memory(self.device)
                if self.parts >= len(images):
                    raise UserError(
                        f"The memory of {self.device.title} does not hold a single patch of {tuple(images.shape[2:])} "
                        "pixels. Choose a smaller patch or a narrower network, or the device 'cpu'."
                    )
                self.parts = min(2 * self.parts, len(images))
                continue
            if np.isfinite(value):
                self._bad = 0
                break
            if self.device.dtype is not None:
                self.device = self.device.full_precision()
                self._scaler = torch.amp.GradScaler(self.device.kind, enabled=False)
                if not self._frozen:
                    batchnorm.reset_batchnorm(self.module)  # what is not a number would stay in a running mean
                continue
            self._bad += 1
            if self._bad >= MAX_BAD_STEPS:
                raise UserError(
                    f"Training has diverged: the loss was not a number for {MAX_BAD_STEPS} steps. "
                    "Choose a lower learning rate."
                )
            break
        self.step += 1
        self._follow()
        return value

    def _attempt(self, images: Tensor, targets: Tensor) -> float | None:
        """Try one step; None: out of memory; not finite: nothing was changed."""
        self.module.train()
        if self._frozen:
            batchnorm.freeze_batchnorm(self.module)
        self._optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device.name)
        try:
            with self._chance():
                for part, labels in zip(images.chunk(self.parts), targets.chunk(self.parts), strict=True):
                    with self.device.autocast():
                        logits = self.module(self._put(part))
                    loss = self._loss(*as_planes(logits, labels.to(self.device.name))) * (len(part) / len(images))
                    self._scaler.scale(loss).backward()
                    total += loss.detach()
        except Exception as error:
            self._optimizer.zero_grad(set_to_none=True)
            if not is_out_of_memory(error):
                raise
            return None
        self._scaler.unscale_(self._optimizer)
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), self._clip)
        if self._scaler.is_enabled():  # it leaves out steps that overflow, and lowers its scale
            self._scaler.step(self._optimizer)
            self._scaler.update()
            return float(total)
        value = float(torch.where(torch.isfinite(norm), total, torch.nan))
        if np.isfinite(value):
            self._optimizer.step()
        return value

    def _follow(self) -> None:
        """Move the average towards the weights."""
        count = self.step - self._start
        weight = max(1 / self._average, 10 / (count + 10))
        with torch.no_grad():
            pairs = zip(self.averaged.parameters(), self.module.parameters(), strict=True)
            kept, new = map(list, zip(*pairs, strict=True))
            torch._foreach_lerp_(kept, new, weight)
            if self._frozen:
                return
            # until they are measured anew, statistics of the last batches are the best there are
            for old, current in zip(self.averaged.buffers(), self.module.buffers(), strict=True):
                old.copy_(current)

    def forward(self, images: Tensor) -> Tensor:
        """Run the averaged network on a batch (B, C, [Z,] Y, X); logits (B, classes, [Z,] Y, X) float32."""
        while True:
            try:
                with torch.no_grad(), self.device.autocast():
                    parts: list[Tensor] = [self.averaged(self._put(part)).float() for part in images.chunk(self.parts)]
                return torch.cat(parts)
            except Exception as error:
                if not is_out_of_memory(error) or self.parts >= len(images):
                    raise
                release_memory(self.device)
                self.parts = min(2 * self.parts, len(images))

    @property
    def has_statistics(self) -> bool:
        """Whether the averaged network has BatchNorm statistics that must be measured anew before it predicts."""
        return not self._frozen and bool(batchnorm.batchnorm_layers(self.averaged))

    def _put(self, images: Tensor) -> Tensor:
        return images.to(self.device.name).contiguous(memory_format=self.device.layout(images.ndim))


def as_planes(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits and targets of volumes as those of their planes, as far as there is paint on them.

    Losses look at planes: what they say of one does not depend on how many bare ones lie beside it.

    Parameters
    ----------
    logits : Tensor, shape (B, classes, Z, Y, X)
        Those of planes (B, classes, Y, X) are returned as they are.
    targets : Tensor, shape (B, Z, Y, X)
        -1 where not painted.
    """
    if logits.ndim == 4:
        return logits, targets
    labels = targets.flatten(0, 1)
    painted = (labels >= 0).flatten(1).any(1)
    painted[0] |= ~painted.any()  # a batch whose paint was turned out of sight is one bare plane
    return logits.transpose(1, 2).flatten(0, 1)[painted], labels[painted]
