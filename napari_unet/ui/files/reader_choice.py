"""Which plugin napari takes for our projects, without asking. Reads nothing."""

from __future__ import annotations

import os

PLUGIN = "napari-unet-live"
"""What napari knows us by."""


def prefer_this_reader() -> None:
    """Let napari open projects without asking which plugin reads them: its own reader claims every folder."""
    from napari.settings import get_settings

    plugins, pattern = get_settings().plugins, f"*.unet{os.sep}"
    if pattern not in plugins.extension2reader:
        plugins.extension2reader = {**plugins.extension2reader, pattern: PLUGIN}
