"""A real napari window for every test, closed afterwards."""

from __future__ import annotations

import pytest


@pytest.fixture
def viewer(qtbot):
    """A shown napari window."""
    import napari

    made = napari.Viewer(show=True)
    yield made
    made.close()
