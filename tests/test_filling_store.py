"""A store that fills: what each part looks like from afar, also of what an earlier run has done."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from predict_scene import NETWORKS, weights_of

from napari_unet.core import plane_facts
from napari_unet.core.image import Image
from napari_unet.core.leaving import NoLongerWantedError, heed
from napari_unet.io import read_labels
from napari_unet.predicting import tiling
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.workflows import block_task, store_preview
from napari_unet.workflows.filling_store import fill_store
from napari_unet.workflows.store_preview import preview_shape, preview_step


def test_parts_are_what_the_store_holds_and_a_stopped_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plane_facts, "LARGE_PLANE", 1000)
    monkeypatch.setattr(tiling, "LARGE", 1000)
    monkeypatch.setattr("napari_unet.predicting.block_plan.SIDE", 64)
    monkeypatch.setattr(store_preview, "PREVIEW", 300)
    pixels = np.random.default_rng(0).integers(0, 200, (1100, 1300)).astype(np.uint8)
    image = Image(pixels, "YX", "slide")
    model = NetworkModel(weights_of(NETWORKS["shallow"], seed=5), "cpu", full_precision=True)
    path = tmp_path / "mask.ome.zarr"
    assert preview_step(image) == 5
    run = fill_store(image, model, path)
    first = [next(run), next(run)]
    run.close()
    assert [one.event.done for one in first] == [1, 2]
    assert np.array_equal(np.asarray(first[0].pixels[::5, ::5])[first[0].rows, first[0].columns] + 1, first[0].values)
    again, seen = fill_store(image, model, path), np.zeros(preview_shape(image), np.uint8)
    told = []
    for part in again:
        told.append(part.event)
        seen[part.rows, part.columns] = part.values
    before = told.count(None)
    assert before >= 2
    assert told[-1].before == before
    labels, _ = read_labels(path)
    assert np.array_equal(seen, labels[::5, ::5] + 1)
    assert len(np.unique(seen)) > 1
    assert not np.asarray(part.pixels[...]).any(), "the store has its name: what has not been read by now is not here"


def test_a_run_that_nobody_wants_any_more_is_left_within_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, left, stopped_early = threading.Event(), threading.Event(), []

    def slow(_model: Any, _image: Any, _block: Any, _skip: Any, stopped: Callable[[], bool], _maps: Any) -> Any:
        begun.set()
        deadline = time.monotonic() + 200  # for what hangs
        while not stopped() and time.monotonic() < deadline:
            time.sleep(0.01)
        stopped_early.append(stopped())
        return None if stopped() else np.ones((64, 64), np.uint8)

    monkeypatch.setattr(block_task, "answer_block", slow)
    model = NetworkModel(weights_of(NETWORKS["shallow"], seed=5), "cpu", full_precision=True)
    image = Image(np.zeros((64, 64), np.uint8), "YX", "slide")
    run = fill_store(image, model, tmp_path / "mask.ome.zarr")

    def leave() -> None:
        begun.wait(200)
        left.set()

    def drain() -> None:
        heed(left)
        with pytest.raises(NoLongerWantedError):
            next(run)

    contextvars.copy_context().run(lambda: (threading.Thread(target=leave).start(), drain()))
    assert stopped_early == [True]
    monkeypatch.setattr(block_task, "answer_block", lambda *_: np.ones((64, 64), np.uint8))
    again = fill_store(image, model, tmp_path / "mask.ome.zarr")
    assert next(again).event is not None  # nobody has the lock any more
    again.close()


def test_all_planes_seen_from_afar_fit_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_preview, "PREVIEW_PIXELS", 1000)
    image = Image(np.zeros((9, 64, 80), np.uint8), "ZYX", "stack")
    assert np.prod(preview_shape(image)) <= 1.2 * 1000  # rows and columns that are begun count
    assert preview_shape(image)[0] == 9, "planes are never left out"
