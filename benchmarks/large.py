"""Images larger than memory: peak memory, pixels a second, and what kills do; prints a table.

The image is made on the fly, uint8; the result is an OME-Zarr in a temporary folder (``--folder``). Each row is a
process of its own. *Peak* is the largest memory of that process above what it had when the model was loaded. *Rate* is
from the first block to the last, without the smaller levels; *raw* is the same network on tiles that lie in memory, in
as many threads, with the results thrown away. The networks: ``small`` is a U-Net of width 8 and depth 3; ``default`` is
the network of the program with both eyes and trees, fitted to a shipped sample; ``monai`` is MONAI's
``sliding_window_inference`` (window 512, overlap 0.25, gaussian) with the network ``small``, a plane at a time.

``python benchmarks/large.py --size 16384 --planes 16`` is the full measurement (an hour on two cores); ``--quick``
shows that it runs; ``--kills 10`` kills a run ten times and compares its bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.networks.unet import UNet
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.forward import ready_network
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.tile_run import tile_size
from napari_unet.predicting.tiling import Box, Tiling
from napari_unet.predicting.weights import Weights, snapshot
from napari_unet.workflows.store_run import predict_store

PERIOD = 1024
"""The image repeats after so many rows and columns, shifted a little each time."""


class MadeUp:
    """A stack of pixels that exist only where they are asked for."""

    dtype, chunks = np.dtype(np.uint8), (1, 512, 512)

    def __init__(self, planes: int, size: int) -> None:
        self.shape, self.ndim = (planes, size, size), 3
        coarse = np.random.default_rng(0).normal(size=(PERIOD // 16, PERIOD // 16))
        noise = np.random.default_rng(1).normal(size=(PERIOD, PERIOD))
        self._tile = (np.kron(coarse, np.ones((16, 16))) * 40 + noise * 12 + 110).clip(0, 255).astype(np.uint8)

    def __getitem__(self, where: Any) -> NDArray[np.uint8]:
        plane, rows, columns = where
        y, x = (np.arange(*part.indices(size)) for part, size in zip((rows, columns), self.shape[1:], strict=True))
        rows = (y + 7 * int(plane)) % PERIOD
        return self._tile[rows[:, None], (x + 3 * (y // PERIOD)[:, None]) % PERIOD]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4096, help="rows and columns (default 4096; in full 16384)")
    parser.add_argument("--planes", type=int, nargs="+", default=[1, 4], help="numbers of planes (default 1 4)")
    parser.add_argument("--networks", nargs="+", choices=("small", "default", "monai"), default=["small"])
    parser.add_argument("--kills", type=int, default=0, help="kill a run so many times, and compare its bytes")
    parser.add_argument("--folder", type=Path, help="where results go for the moment")
    parser.add_argument("--quick", action="store_true", help="one small image: to see that it runs")
    parser.add_argument("--child", nargs=4, metavar=("NETWORK", "PLANES", "SIZE", "OUT"), help=argparse.SUPPRESS)
    parser.add_argument("--end-after", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, planes, size, out = arguments.child
        print(json.dumps(measured(name, int(planes), int(size), Path(out), arguments.end_after)))
        return
    size, counts = (2304, [1]) if arguments.quick else (arguments.size, arguments.planes)
    print(f"{available_cores()} cores, torch {torch.__version__}, {choose_device('auto')}")
    print(f"{'network':10}{'image':>20}{'peak, GB':>10}{'MPix/s':>8}{'raw':>8}{'of raw':>8}")
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for name in arguments.networks:
            for planes in counts:
                found = child(name, planes, size, Path(folder) / f"{name}{planes}.zarr")
                share = f"{found['rate'] / found['raw']:8.2f}" if found["raw"] else "       -"
                print(f"{name:10}{f'{planes} x {size} x {size}':>20}{found['peak']:10.2f}{found['rate']:8.2f}"
                      f"{found['raw']:8.2f}{share}", flush=True)
        if arguments.kills:
            print(killed(arguments.kills, max(counts), size, Path(folder)))


def child(name: str, planes: int, size: int, out: Path, end_after: int | None = None) -> Any:
    """Run one measurement in a process of its own; None if it was killed."""
    words = [sys.executable, __file__, "--child", name, str(planes), str(size), str(out)]
    if end_after is not None:
        words += ["--end-after", str(end_after)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == -signal.SIGKILL:
        return None
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout.splitlines()[-1])


def model_of(name: str) -> NetworkModel:
    """Return the network of a row."""
    if name == "default":
        from prediction import network_weights

        return NetworkModel(network_weights("trees"))
    network = UNet(depth=3, width=8)
    torch.manual_seed(0)
    return NetworkModel(snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default()))


def measured(name: str, planes: int, size: int, out: Path, end_after: int | None) -> dict[str, float]:
    """Segment, in this process."""
    model, image = model_of(name), Image(MadeUp(planes, size), "NYX", "made up")
    raw = 0.0 if end_after is not None or name == "monai" else raw_rate(model.weights)
    process = psutil.Process()
    Path("/proc/self/clear_refs").write_text("5")  # the peak of loading and of the raw rate does not count
    start = process.memory_info().rss
    begun = time.perf_counter()
    if name == "monai":
        seconds = with_monai(model.weights, image)
    else:
        seconds = 0.0
        for event in predict_store(image, model, out):
            seconds = time.perf_counter() - begun
            if event.done == end_after:
                os.kill(os.getpid(), signal.SIGKILL)
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024
    return {"peak": (peak - start) / 1e9, "rate": planes * size * size / seconds / 1e6, "raw": raw}


def raw_rate(weights: Weights, seconds: float = 6.0) -> float:
    """Return MPix/s of the network alone, on tiles as they are read, in one thread for each core."""
    device = choose_device("auto")
    side, network = tile_size(weights, device), weights.network
    start = -(-(network.halo or 0) // side) * side  # far enough from the border for the whole halo
    tile = Tiling((2 * start + side,) * 2, network.stride, network.halo).tile(
        Box(start, start + side, start, start + side))
    batch = torch.rand(1, weights.channels, *tile.read.shape)

    def work(_: int) -> int:
        module = ready_network(weights, device)
        module(batch, device, tile.keep)
        done, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            module(batch, device, tile.keep)
            done += 1
        return done

    with ThreadPoolExecutor(available_cores(), initializer=limit_threads, initargs=(1,)) as pool:
        return sum(pool.map(work, range(available_cores()))) * side * side / seconds / 1e6


def with_monai(weights: Weights, image: Image) -> float:
    """Segment plane by plane as one does with MONAI; returns seconds."""
    from monai.inferers import sliding_window_inference

    device = choose_device("auto")
    module = ready_network(weights, device)
    begun = time.perf_counter()
    for number in range(image.n_planes):
        plane, _ = weights.normalisation.plane(image, number)
        with torch.inference_mode():
            scores = sliding_window_inference(torch.from_numpy(plane[None]), 512, 1, lambda part: module(part, device),
                                              overlap=0.25, mode="gaussian")
        scores.argmax(1).to(torch.uint8).numpy()
    return time.perf_counter() - begun


def killed(times: int, planes: int, size: int, folder: Path) -> str:
    """Kill a run again and again, let it end, and compare with a run that nobody killed."""
    hashes = []
    for name, kills in (("unbroken", 0), ("broken", times)):
        (folder / name).mkdir()
        out = folder / name / "m.zarr"
        for _ in range(kills):
            if child("small", planes, size, out, end_after=1) is not None:
                return f"{planes} x {size} x {size} has too few blocks to be killed {times} times"
        child("small", planes, size, out)
        hashes.append({str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest()
                       for file in out.rglob("*") if file.is_file()})
    same = "the same bytes" if hashes[0] == hashes[1] else "OTHER BYTES"
    return f"killed {times} times, {planes} x {size} x {size}: {same} as an unbroken run, {len(hashes[0])} files"


if __name__ == "__main__":
    main()
