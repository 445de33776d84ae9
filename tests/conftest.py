"""What several test files share."""

from __future__ import annotations

import pytest

from napari_unet.instant.features import FeatureStore
from napari_unet.predicting.devices import choose_device
from napari_unet.pretrained import load_features


@pytest.fixture(scope="module")
def store() -> FeatureStore:
    """Return features of images by the network that ships, on the CPU; nothing is kept from another file."""
    return FeatureStore(load_features(), choose_device("cpu"))
