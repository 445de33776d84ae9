"""``napari-unet demo``: the main job on a shipped sample, in the window where there is a display, else headless."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.namesake import namesake_warning

from .terminal import say, show

SAMPLE = "nuclei"
_MARK = ".napari-unet-demo"


def run_demo(arguments: argparse.Namespace) -> None:
    """Open napari with the sample, or do the same job headless and say why."""
    reason = "--headless was given" if arguments.headless else why_no_window()
    if reason is None:
        say("Opening napari with the sample; the same job without a window: napari-unet demo --headless")
        # a process of its own: a Qt that cannot start ends the process it is in
        status = subprocess.run([sys.executable, "-m", "napari_unet.ui.demo_window", SAMPLE], check=False).returncode
        if status == 0:
            return
        reason = f"the window could not be opened (status {status})"
    say(f"No window: {reason}. Doing the same job headless.")
    headless_demo(arguments.output, arguments.seconds)


def why_no_window() -> str | None:
    """Say why no window can be opened, or None if one can."""
    if warning := namesake_warning():
        return f"napari may not find our docks. {warning}"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display"
    if not any(importlib.util.find_spec(binding) for binding in ("PyQt5", "PyQt6", "PySide6")):
        return "no Qt is installed (pip install PyQt5)"
    return None


def headless_demo(folder: Path, seconds: float) -> None:
    """Compare the methods on the sample and save report, table, figure, masks and recipes.

    Raises
    ------
    UserError
        If the folder holds something that no demo has put there.
    """
    from napari_unet import workflows
    from napari_unet.report.folder import ComparisonFolder
    from napari_unet.report.table import format_text, summarise
    from napari_unet.sample_data import load

    from .compare_command import watch_comparison

    sample = load(SAMPLE)
    target = ComparisonFolder(demo_folder(folder))
    comparison = watch_comparison(workflows.compare(
        [pair.image for pair in sample.pairs],
        [pair.scribbles for pair in sample.pairs],
        list(sample.references),
        reference_values="painted",
        classes=sample.classes,
        index=sample.planes(0, sample.test),
        seconds=seconds,
    ))
    target.save(comparison, formats=(".tif", ".ome.zarr"))
    show(format_text(summarise(comparison.rows)))
    show(f"\n{folder}: report.html (open it), table.csv, figure.png, masks/, recipes/")


def demo_folder(folder: Path) -> Path:
    """Return an empty folder that carries the demo's mark; what an earlier demo left there is removed."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / _MARK).exists())):
        raise UserError(f"{folder} exists and was not made by the demo. Choose another folder with -o.")
    if folder.is_symlink():
        raise UserError(f"{folder} is a link. Choose a folder of its own with -o.")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made ({error.strerror}). Choose another with -o.") from None
    return folder
