"""How fast a plane is predicted, against a forest, MONAI and what is possible; prints a table for each network.

Four networks: ``bare`` is a U-Net of width 16 and nothing else; ``default`` is the network of the program as it learns
from strokes, with features of two sizes, classical filters, surroundings and the second eye under its last layer;
``trees`` is the same as an instant answer, corrected by decision trees; ``one_eye`` is that without the second eye.
With each, four things are measured in turn, in one process, on the same image, with the same cores:

* ``segment``: what a user waits for: normalise, tile, forward, soft-max, labels;
* ``forward``: tiles of 512 pixels through the network, one after the other, results thrown away;
* ``monai``: MONAI's ``sliding_window_inference`` (window 512, overlap 0.25, gaussian) on the normalised image;
* ``forest``: scikit-image's filters of 1 to 16 px and 100 trees of scikit-learn, fitted to the same strokes.

Run ``python benchmarks/prediction.py``; nothing else heavy should run meanwhile. ``--quick`` shows that it runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _shared import Predict, forest
from instant import picture
from monai.inferers import sliding_window_inference

from napari_unet.comparison.contenders import make_method
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant.eye_features import without_eye
from napari_unet.instant.features import FeatureStore
from napari_unet.networks.unet import UNet
from napari_unet.predicting.devices import Device, choose_device
from napari_unet.predicting.forward import ready_network
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.oblivious_trees import without_trees
from napari_unet.predicting.tile_run import tile_size
from napari_unet.predicting.tiling import Tiling
from napari_unet.predicting.tta import read_mirrored
from napari_unet.predicting.weights import Weights, snapshot
from napari_unet.sample_data import load

NETWORKS = ("bare", "default", "one_eye", "trees")
WINDOW = 512
"""Rows and columns of MONAI's window."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="rows and columns of the image (default 2048)")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each (default 5)")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="default: all")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--full-precision", action="store_true", help="float32 even where 16 bits are faster")
    parser.add_argument("--quick", action="store_true", help=f"one round on {WINDOW} x {WINDOW}: to see that it runs")
    arguments = parser.parse_args()
    size, repeats = (WINDOW, 1) if arguments.quick else (arguments.size, arguments.repeats)

    device = choose_device(arguments.device)
    if arguments.full_precision:
        device = device.full_precision()
    image, trees = picture(size, 1), forest(load("nuclei").pairs[:1], seed=0)
    print(f"{_machine()}; {device}, {device.dtype_name}; torch {torch.__version__}")
    print(f"{size} x {size} pixels, medians of {repeats} round{'' if repeats == 1 else 's'}")
    for name in arguments.networks:
        model = NetworkModel(network_weights(name), arguments.device, full_precision=arguments.full_precision)
        candidates, told = contestants(model, image, device, trees)
        print(f"\n{name}: {told}")
        print_times(_interleaved(candidates, repeats, device), size**2)


def network_weights(name: str) -> Weights:
    """Return a network for one channel and two classes; all but ``bare`` are fitted to a shipped sample."""
    if name == "bare":
        torch.manual_seed(0)
        network = UNet()
        return snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default())
    sample = load("nuclei")
    training, method = TrainingSet(sample.pairs[:1], sample.classes), make_method("instant", device="cpu")
    store = method.store(training)
    if name == "one_eye":
        store = FeatureStore(without_eye(store.weights), store.device)
    weights = Work(method.fit(training, store)).result().as_network().weights
    return without_trees(weights) if name == "default" else weights


def contestants(
    model: NetworkModel, image: Image, device: Device, trees: Predict
) -> tuple[dict[str, Callable[[], object]], str]:
    """Return what is timed, by name, and in a few words what the network is given."""
    weights, network = model.weights, model.weights.network
    plane, _ = weights.normalisation(image.plane(0))
    tiles = Tiling(image.plane_shape, network.stride, network.halo).tiles(tile_size(weights, device))
    boxes = [torch.from_numpy(read_mirrored(plane, tile.read)[None].copy()) for tile in tiles]
    whole = torch.from_numpy(plane[None])
    module = ready_network(weights, device)

    def forward(batch: torch.Tensor) -> torch.Tensor:
        return module(batch, device)

    def segment() -> None:
        for _ in model.segment(image):
            pass

    def boxes_only() -> None:
        for box in boxes:
            forward(box)

    @torch.inference_mode()
    def monai() -> None:
        sliding_window_inference(whole, (WINDOW, WINDOW), 1, forward, overlap=0.25, mode="gaussian").argmax(1)

    read_pixels = sum(box.shape[-2] * box.shape[-1] for box in boxes)
    told = f"{len(tiles)} tile(s) of forward read {read_pixels / plane[0].size:.2f} times the image"
    return {"segment": segment, "forward": boxes_only, "monai": monai, "forest": lambda: trees(image, 0)}, told


def print_times(seconds: dict[str, list[float]], pixels: int) -> None:
    """Print medians, and how many times as fast ``segment`` is (median over rounds)."""
    print(f"{'':10}{'seconds':>10}{'MPix/s':>10}{'segment is':>12}")
    for name, measured in seconds.items():
        middle = statistics.median(measured)
        ratio = statistics.median(other / own for other, own in zip(measured, seconds["segment"], strict=True))
        print(f"{name:10}{middle:10.3f}{pixels / middle / 1e6:10.2f}{ratio:11.2f}x")


def _interleaved(
    candidates: dict[str, Callable[[], object]], repeats: int, device: Device
) -> dict[str, list[float]]:
    """Return seconds of each candidate; all take turns, so that a busy moment of the machine hits all."""
    for run in candidates.values():  # not measured: caches and memory pools fill
        run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, run in candidates.items():
            _wait(device)
            start = time.perf_counter()
            run()
            _wait(device)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _wait(device: Device) -> None:
    if device.kind == "cuda":
        torch.cuda.synchronize()
    elif device.kind == "mps":
        torch.mps.synchronize()


def _machine() -> str:
    """Name the processor and how many cores of it there are."""
    name = platform.processor() or platform.machine()
    description = Path("/proc/cpuinfo")
    if description.exists():
        names = [line.partition(":")[2].strip() for line in description.read_text().splitlines()
                 if line.startswith("model name")]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
