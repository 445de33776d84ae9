"""Write the weights that ship from a training run: ``python -m pretraining.pack RUN``. Trains nothing.

Takes the averaged weights of the run (``features.pt``), brings them to float16 and keeps the curve and the last figures
with them.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_unet import pretrained
from napari_unet.predicting.oblivious_trees import LAST_LAYERS

MOST_BYTES = 8_000_000
LAST_ROWS = 10


def half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the body in float16, without the head.

    Raises
    ------
    SystemExit
        If a number does not fit.
    """
    kept = {}
    for name, tensor in tensors.items():
        if name.startswith(LAST_LAYERS):
            continue
        kept[name] = tensor.half() if tensor.is_floating_point() else tensor
        if not bool(torch.isfinite(kept[name]).all()):
            raise SystemExit(f"{name} holds numbers that float16 cannot hold; nothing was written.")
    return kept


def curve(path: Path, last: int) -> list[list[float]]:
    """Return rows of (step, seconds, loss, accuracy) up to a step."""
    with path.open(newline="") as file:
        rows = [[float(value) for value in row] for row in csv.reader(file)]
    return [row for row in rows if row[0] <= last]


def pack(run: Path, out: Path) -> dict[str, Any]:
    """Write the file and return its facts.

    Raises
    ------
    SystemExit
        If the run has no weights yet, or the file would be too large to ship.
    """
    source = run / "features.pt"
    if not source.is_file():
        raise SystemExit(f"{source} does not exist. Train first: python -m pretraining.train {run}")
    found = torch.load(source, weights_only=True, map_location="cpu")
    tensors = half(found["tensors"])
    rows = curve(run / "curve.csv", found["steps"])
    recent = rows[-LAST_ROWS:]
    facts = {
        **{name: found[name] for name in ("generator_version", "seed", "steps", "size")},
        "training_seconds": round(rows[-1][1]),
        "loss": round(sum(row[2] for row in recent) / len(recent), 4),
        "accuracy": round(sum(row[3] for row in recent) / len(recent), 4),
        "sha256": pretrained.tensor_hash(tensors),
    }
    contents = {"format": pretrained.FORMAT, "version": pretrained.VERSION, "tensors": tensors, "facts": facts,
                "curve": rows}
    beside = out.with_suffix(".part")
    torch.save(contents, beside)
    if beside.stat().st_size > MOST_BYTES:
        beside.unlink()
        raise SystemExit(f"The file would have more than {MOST_BYTES} bytes; nothing was written.")
    beside.replace(out)
    return facts


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument("--out", type=Path, default=pretrained.FILE, help="default: where the program looks")
    given = parser.parse_args(arguments)
    facts = pack(given.run, given.out)
    print(f"{given.out}: {given.out.stat().st_size} bytes")
    for name, value in facts.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
