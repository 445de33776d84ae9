"""Images larger than memory: peak memory, pixels a second, and what kills do; prints a table.

The image is made on the fly, uint8; the result is an OME-Zarr in a temporary folder (``--folder``). Each row is a
process of its own. *Peak* is the largest memory of that process above what it had when the model was loaded. *Rate* is
from the first block to the last, without the smaller levels; *raw* is the same network on tiles that lie in memory, in
as many threads, with the results thrown away. The networks: ``small`` is a U-Net of width 8 and depth 3; ``default`` is
the network of the program with both eyes and trees, fitted to a shipped sample; ``monai`` is MONAI's
``sliding_window_inference`` (window 512, overlap 0.25, gaussian) with the network ``small``, a plane at a time;
``threshold`` is a blur of 1.5 and a threshold of 120, ``dask`` the same by scikit-image's ``gaussian`` in Dask's
``map_overlap`` on chunks of 2048, in threads.

``python benchmarks/large.py --size 16384 --planes 16`` is the full measurement (minutes to an hour on two cores);
``--quick`` shows that it runs; ``--kills 10`` kills a run ten times and compares its bytes; ``--workers 1 2`` counts
the blocks a second of Dask workers, from the time when each of them has begun; ``--threads 1`` keeps to one core.
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
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.core.work import run_to_end
from napari_unet.io import read_image
from napari_unet.networks.unet import UNet
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.forward import ready_network
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.tile_run import tile_size
from napari_unet.predicting.tiling import Box, Tiling
from napari_unet.predicting.weights import Weights, snapshot
from napari_unet.segmenters.threshold import Threshold
from napari_unet.workflows.cluster import ClusterEngine
from napari_unet.workflows.store_run import ThreadEngine, predict_store

NETWORKS = ("small", "default", "monai", "threshold", "dask")

PERIOD = 1024
"""The image repeats after so many rows and columns, shifted a little each time."""


class MadeUp:
    """A stack of pixels that exist only where they are asked for."""

    dtype, chunks = np.dtype(np.uint8), (1, 512, 512)

    def __init__(self, planes: int, size: int) -> None:
        self.shape, self.ndim = (planes, size, size), 3
        coarse = np.random.default_rng(0).normal(size=(PERIOD // 16, PERIOD // 16))
        noise = np.random.default_rng(1).normal(size=(PERIOD, PERIOD))
        tile = (np.kron(coarse, np.ones((16, 16))) * 40 + noise * 12 + 110).clip(0, 255).astype(np.uint8)
        self._wide = np.tile(tile, (1, 2 + size // PERIOD))  # so that making pixels costs next to no time

    def __getitem__(self, where: Any) -> NDArray[np.uint8]:
        plane, rows, columns = where
        if isinstance(plane, slice):
            numbers = range(*plane.indices(self.shape[0]))
            return np.array([self[number, rows, columns] for number in numbers], np.uint8).reshape(
                len(numbers), *(len(range(*part.indices(self.shape[1]))) for part in (rows, columns)))
        (y, last, _), (x, end, _) = (part.indices(self.shape[1]) for part in (rows, columns))
        made = np.empty((last - y, end - x), np.uint8)
        while y < last:
            row, at = (y + 7 * int(plane)) % PERIOD, (x + 3 * (y // PERIOD)) % PERIOD
            count = min(last - y, PERIOD - row, PERIOD - y % PERIOD)
            made[y - last :][:count] = self._wide[row : row + count, at : at + end - x]
            y += count
        return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4096, help="rows and columns (default 4096; in full 16384)")
    parser.add_argument("--planes", type=int, nargs="+", default=[1, 4], help="numbers of planes (default 1 4)")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["small"])
    parser.add_argument("--kills", type=int, default=0, help="kill a run so many times, and compare its bytes")
    parser.add_argument("--workers", type=int, nargs="+", default=[], help="also the rate of so many Dask workers")
    parser.add_argument("--threads", type=int, help="of each run (default: one for each core)")
    parser.add_argument("--folder", type=Path, help="where results go for the moment")
    parser.add_argument("--quick", action="store_true", help="one small image: to see that it runs")
    parser.add_argument("--child", nargs=4, metavar=("NETWORK", "PLANES", "SIZE", "OUT"), help=argparse.SUPPRESS)
    parser.add_argument("--end-after", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, planes, size, out = arguments.child
        print(json.dumps(measured(name, int(planes), int(size), Path(out), arguments.end_after, arguments.threads)))
        return
    size, counts = (2304, [1]) if arguments.quick else (arguments.size, arguments.planes)
    print(f"{available_cores()} cores, torch {torch.__version__}, {choose_device('auto')}")
    print(f"{'network':10}{'image':>20}{'peak, GB':>10}{'seconds':>9}{'MPix/s':>8}{'raw':>8}{'of raw':>8}")
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for name in arguments.networks:
            for planes in counts:
                found = child(name, planes, size, Path(folder) / f"{name}{planes}.zarr", threads=arguments.threads)
                share = f"{found['rate'] / found['raw']:8.2f}" if found["raw"] else "       -"
                seconds = planes * size * size / found["rate"] / 1e6
                print(f"{name:10}{f'{planes} x {size} x {size}':>20}{found['peak']:10.2f}{seconds:9.1f}"
                      f"{found['rate']:8.2f}{found['raw']:8.2f}{share}", flush=True)
        for name in arguments.networks if arguments.workers else ():
            print(with_workers(arguments.workers, name, max(counts), size, Path(folder)))
        if arguments.kills:
            print(killed(arguments.kills, max(counts), size, Path(folder)))


def child(
    name: str, planes: int, size: int, out: Path, end_after: int | None = None, threads: int | None = None
) -> Any:
    """Run one measurement in a process of its own; None if it was killed."""
    words = [sys.executable, __file__, "--child", name, str(planes), str(size), str(out)]
    words += ["--end-after", str(end_after)] if end_after is not None else []
    words += ["--threads", str(threads)] if threads is not None else []
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


def threshold_model() -> Any:
    """Return a threshold of the grey value, after a blur."""
    image = Image(MadeUp(1, 512), "NYX")
    values = image.plane(0)
    painted = np.where(values < 90, 1, np.where(values > 150, 2, 0)).astype(np.uint8)
    pair = Pair(image, Scribbles.from_array(painted))
    return run_to_end(Threshold(value=120.0, sigma=1.5).fit(TrainingSet((pair,), ClassTable.default((1, 2)))))


def measured(
    name: str, planes: int, size: int, out: Path, end_after: int | None, threads: int | None
) -> dict[str, float]:
    """Segment, in this process."""
    image = Image(MadeUp(planes, size), "NYX", "made up")
    model = threshold_model() if name in ("threshold", "dask") else model_of(name)
    raw = raw_rate(model.weights, threads) if end_after is None and name in ("small", "default") else 0.0
    if name == "dask":
        import dask.array  # noqa: F401  # as the model is loaded before
    process = psutil.Process()
    Path("/proc/self/clear_refs").write_text("5")  # the peak of loading and of the raw rate does not count
    start = process.memory_info().rss
    begun = time.perf_counter()
    if name in ("monai", "dask"):
        seconds = with_monai(model.weights, image) if name == "monai" else with_dask(image, out, threads)
    else:
        seconds = 0.0
        for event in predict_store(image, model, out, engine=ThreadEngine(threads)):
            seconds = time.perf_counter() - begun
            if event.done == end_after:
                os.kill(os.getpid(), signal.SIGKILL)
    status = Path("/proc/self/status").read_text()
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024
    return {"peak": (peak - start) / 1e9, "rate": planes * size * size / seconds / 1e6, "raw": raw}


def raw_rate(weights: Weights, threads: int | None = None, seconds: float = 6.0) -> float:
    """Return MPix/s of the network alone, on tiles as they are read, in one thread for each core."""
    threads = threads or available_cores()
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

    with ThreadPoolExecutor(threads, initializer=limit_threads, initargs=(1,)) as pool:
        return sum(pool.map(work, range(threads))) * side * side / seconds / 1e6


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


def with_dask(image: Image, out: Path, threads: int | None) -> float:
    """Blur and cut with Dask and scikit-image, into a zarr; returns seconds."""
    import dask
    import dask.array
    from skimage.filters import gaussian

    def cut(block: NDArray[np.uint8]) -> NDArray[np.uint8]:
        blurred = gaussian(block.astype(np.float32), (0, 1.5, 1.5), preserve_range=True, truncate=4)
        return (blurred > 120).astype(np.uint8)

    begun = time.perf_counter()
    stack = dask.array.from_array(image.data, chunks=(1, 2048, 2048), asarray=False)
    with dask.config.set(scheduler="threads", num_workers=threads or available_cores()):
        cuts = stack.map_overlap(cut, depth={0: 0, 1: 6, 2: 6}, boundary="reflect", dtype=np.uint8,
                                 meta=np.empty((0, 0, 0), np.uint8))
        cuts.to_zarr(str(out))
    return time.perf_counter() - begun


def with_workers(counts: list[int], name: str, planes: int, size: int, folder: Path) -> str:
    """Segment an image on disk with so many Dask workers of one thread each, and say the blocks a second."""
    import zarr

    made, place = MadeUp(planes, size), folder / f"{name}_workers.zarr"
    stored = zarr.create_array(str(place), shape=made.shape, chunks=(1, 1024, 1024), dtype="u1", overwrite=True)
    for plane in range(planes):
        for row in range(0, size, 1024):
            stored[plane, row : row + 1024] = made[plane, slice(row, row + 1024), slice(0, size)]
    image, rates = read_image(place, "NYX"), []
    for count in counts:
        engine, out = ClusterEngine(place, "NYX", workers=count), folder / f"{name}_{count}_workers.out.zarr"
        times = [time.perf_counter() for _ in predict_store(image, model_of(name), out, engine=engine)]
        skipped = min(2 * max(counts), len(times) // 2)  # by then all of them have opened what they need
        rates.append((len(times) - 1 - skipped) / (times[-1] - times[skipped]))
    each = ", ".join(f"{count} worker{'s' if count > 1 else ''} {rate:.2f}" for count, rate
                     in zip(counts, rates, strict=True))
    return f"{name}, {planes} x {size} x {size}, blocks a second: {each}; {rates[-1] / rates[0]:.2f} times"


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
