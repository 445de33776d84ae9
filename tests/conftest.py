"""What several test files share, and what makes them hold on a machine that is busy with something else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

from napari_unet.classical import parameter_search
from napari_unet.comparison import contender_run
from napari_unet.instant.eye_features import without_eye
from napari_unet.instant.features import FeatureStore
from napari_unet.predicting.devices import choose_device
from napari_unet.pretrained import load_features

# no test depends on how fast it runs: neither an example nor the drawing of examples has a deadline
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """Let the clocks of a comparison and of the search for parameters go slowly: the machine decides about no result.

    What is tested about budgets is tested with clocks that the test turns.
    """
    slow = SimpleNamespace(
        perf_counter=lambda: time.perf_counter() / 1000, monotonic=lambda: time.monotonic() / 1000,
    )
    with pytest.MonkeyPatch.context() as patch:
        for module in (contender_run, parameter_search):
            patch.setattr(module, "time", slow)
        yield


@pytest.fixture(scope="module")
def store() -> FeatureStore:
    """Return features of images by the network that ships alone, on the CPU; nothing is kept from another file."""
    return FeatureStore(without_eye(load_features()), choose_device("cpu"))


@pytest.fixture
def other_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other plugin of our old name seems to be installed: a made-up distribution, metadata alone."""
    folder = tmp_path / "napari_unet-9.9.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: napari-unet\nVersion: 9.9\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
