"""Pre-train the feature network: ``python -m pretraining.train OUT --hours 2``. Resumes where OUT left off.

Everything comes from the seed: batch k of a run is the same on every machine. OUT holds ``checkpoint.pt`` (to resume),
``features.pt`` (the averaged weights, for :mod:`pretraining.pack`) and ``curve.csv`` (step, seconds, loss, accuracy).
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from napari_unet.networks._unet import UNetModule
from napari_unet.pretrained import WIDTH, trained_network

from .episodes import Episode, episode
from .head import RidgeHead, episode_loss

GENERATOR_VERSION = 2
"""To be raised whenever the same seed would give other images."""

REPORT_STEPS = 50
SAVE_STEPS = 200
WARM_UP_STEPS = 200
AVERAGE = 0.998


class Batches(Dataset[list[Episode]]):
    """Batches of a run from number ``first`` on: four grey episodes, or every fourth time two colour ones."""

    def __init__(self, seed: int, size: int, first: int, last: int) -> None:
        self.seed, self.size, self.first, self.last = seed, size, first, last

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, k: int) -> list[Episode]:
        """Draw batch ``first + k``."""
        number = self.first + k
        channels, count = (3, 2) if number % 4 == 3 else (1, 4)
        return [episode(self.seed, 4 * number + j, self.size, channels=channels) for j in range(count)]


def backbone() -> UNetModule:
    """Return the feature network with fresh weights: one channel in; its own last layer is not used."""
    module = UNetModule(trained_network().layout, 1, 2)
    module.head.requires_grad_(False)
    return module


def batch_loss(
    module: UNetModule, head: RidgeHead, batch: list[Episode], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return mean loss and accuracy of a batch of episodes with equally many channels."""
    images = torch.cat([torch.from_numpy(one.images) for one in batch]).to(device)
    n, channels, y, x = images.shape
    flat = images.reshape(n * channels, 1, y, x).to(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        found = module.features(flat)
    features = found.float().reshape(n, channels * WIDTH, y, x)
    losses, accuracies, start = [], [], 0
    for one in batch:
        fields = slice(start, start + len(one.images))
        start = fields.stop
        loss, accuracy = episode_loss(head, features[fields], torch.from_numpy(one.labels).to(device),
                                      torch.from_numpy(one.painted).to(device), one.classes)
        losses.append(loss)
        accuracies.append(accuracy)
    return torch.stack(losses).mean(), torch.stack(accuracies).mean()


class Training:
    """The state of a run: network, head, their moving average and the optimizer.

    Parameters
    ----------
    seed : int
        Of the first weights.
    rate : float
        Largest learning rate.
    device : torch.device
    """

    def __init__(self, seed: int, rate: float, device: torch.device) -> None:
        torch.manual_seed(seed)
        self.rate, self.device = rate, device
        # torch's stubs leave memory_format out
        self.module = backbone().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = RidgeHead().to(device)
        self.mean = copy.deepcopy(self.module)
        self.parameters = [one for one in (*self.module.parameters(), *self.head.parameters()) if one.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, rate, weight_decay=1e-4)
        self.step, self.spent = 0, 0.0
        self.generators = {GENERATOR_VERSION: 0}  # version of the generator, and from which step on

    def resume(self, path: Path) -> None:
        """Take the state from a checkpoint."""
        kept = torch.load(path, weights_only=True, map_location=self.device)
        self.module.load_state_dict(kept["module"])
        self.mean.load_state_dict(kept["mean"])
        self.head.load_state_dict(kept["head"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.step, self.spent = kept["step"], kept["spent"]
        self.generators = kept["generators"]
        self.generators.setdefault(GENERATOR_VERSION, self.step)

    def learn(self, batch: list[Episode], done: float) -> tuple[float, float]:
        """Make one step and return loss and accuracy; ``done`` (0 to 1) is how far the run is."""
        for group in self.optimizer.param_groups:
            warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
            group["lr"] = self.rate * warm * (0.5 + 0.5 * math.cos(math.pi * done) + 1e-3)
        loss, accuracy = batch_loss(self.module, self.head, batch, self.device)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        self._average(min(AVERAGE, self.step / (self.step + 20)))
        return loss.item(), accuracy.item()

    def _average(self, decay: float) -> None:
        with torch.no_grad():
            for old, new in zip(self.mean.state_dict().values(), self.module.state_dict().values(), strict=True):
                if old.is_floating_point():
                    old.lerp_(new, 1 - decay)
                else:
                    old.copy_(new)

    def _generators(self) -> str:
        first, *later = self.generators.items()
        return "".join((str(first[0]), *(f", from step {step} on {version}" for version, step in later)))

    def save(self, folder: Path, facts: dict[str, object]) -> None:
        """Write checkpoint and features."""
        _save(folder / "checkpoint.pt", {
            "module": self.module.state_dict(), "mean": self.mean.state_dict(), "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "spent": self.spent,
            "generators": self.generators,
        })
        _save(folder / "features.pt", {
            **facts, "generator_version": self._generators(), "steps": self.step,
            "strength": float(self.head.log_strength.detach().exp()),
            "temperature": float(self.head.log_temperature.detach().exp()),
            "tensors": {name: tensor.cpu() for name, tensor in self.mean.state_dict().items()},
        })


def main(arguments: Sequence[str] | None = None) -> None:
    """Train until the time is up."""
    given = _parser().parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    training = Training(given.seed, given.rate, torch.device(given.device))
    if (given.out / "checkpoint.pt").exists():
        training.resume(given.out / "checkpoint.pt")
        _cut(given.out / "curve.csv", training.step)
    if training.spent >= given.hours * 3600 or (given.steps is not None and training.step >= given.steps):
        print(f"{given.out} has been trained for {training.step} steps and {training.spent:.0f} s already.")
        return
    batches = DataLoader(Batches(given.seed, given.size, training.step, 10**9), batch_size=None,
                         num_workers=given.workers, prefetch_factor=8 if given.workers else None)
    total, last = given.hours * 3600, time.monotonic()
    recent: list[tuple[float, float]] = []
    for batch in batches:
        recent.append(training.learn(batch, min(1.0, training.spent / total)))
        now = time.monotonic()
        training.spent, last = training.spent + now - last, now
        over = training.spent >= total or training.step == given.steps
        if training.step % REPORT_STEPS == 0 or over:
            losses, accuracies = zip(*recent, strict=True)
            row = (training.step, round(training.spent), sum(losses) / len(losses), sum(accuracies) / len(accuracies))
            recent = []
            with (given.out / "curve.csv").open("a", newline="") as file:
                csv.writer(file).writerow(row)
            print("step {}, {} s: loss {:.4g}, accuracy {:.4g}".format(*row), flush=True)
        if training.step % SAVE_STEPS == 0 or over:
            training.save(given.out, {"seed": given.seed, "size": given.size})
        if over:
            break


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the run; resumed if it holds a checkpoint")
    parser.add_argument("--hours", type=float, default=2.0, help="training time in all, resumed runs included")
    parser.add_argument("--steps", type=int, help="end at this step even if there is time left")
    parser.add_argument("--seed", type=int, default=1, help="of images and first weights")
    parser.add_argument("--size", type=int, default=160, help="rows and columns of an image (px)")
    parser.add_argument("--rate", type=float, default=2e-3, help="largest learning rate")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw images")
    parser.add_argument("--threads", type=int, default=1, help="threads that train")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    return parser


def _cut(curve: Path, step: int) -> None:
    """Leave out what the run did after its last checkpoint: it will be done again."""
    rows = curve.read_text().splitlines(keepends=True) if curve.exists() else []
    curve.write_text("".join(row for row in rows if int(row.partition(",")[0]) <= step))


def _save(path: Path, content: dict[str, object]) -> None:
    """Write beside, then rename: an interrupted run never leaves half a file."""
    beside = path.with_suffix(".part")
    torch.save(content, beside)
    beside.replace(path)


if __name__ == "__main__":
    main()
