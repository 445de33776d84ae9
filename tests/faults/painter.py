"""A process that paints and saves until it is killed; told what was painted when, by lines of JSON on its output.

Run as ``python painter.py PROJECT FIRST``: stroke number FIRST is the first one.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.image import Image
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaver, SaveFailed
from napari_unet.project.sitting import restore, snapshot_of
from napari_unet.session.annotation_session import Session

IMAGES, SIZE, CELL = 10, 1024, 8
PER_IMAGE = (SIZE // CELL) ** 2


def cell_of(stroke: int) -> tuple[str, int, int]:
    """Return image, row and column of a stroke: each paints a small square of its own, at places far apart."""
    place = (stroke // IMAGES * 7919) % PER_IMAGE
    row, column = divmod(place, SIZE // CELL)
    return f"image{stroke % IMAGES}", row * CELL, column * CELL


def say(values: dict[str, Any]) -> None:
    """Write a line of JSON at once."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def save(saver: ProjectSaver) -> None:
    """Save for ever."""
    for event in saver.saving():
        if isinstance(event, SaveFailed):
            say({"failed": event.reason})


def main(path: Path, first: int) -> None:
    """Paint a stroke each few milliseconds, while a thread saves."""
    session = Session()
    try:
        folder = ProjectFolder.open(path)
    except ValueError:
        folder = ProjectFolder.create(path)
    assert not folder.read_only, folder.told
    for number in range(IMAGES):
        if folder.state.image(f"image{number}") is None:
            folder.store_image(f"image{number}", Image(np.zeros((SIZE, SIZE), np.uint8), "YX", f"image{number}"))
    restore(folder, session, model=False)
    for number in range(IMAGES):
        record = folder.state.image(f"image{number}")
        if record.pair_key not in session.keys:
            session.put_pair(record.pair_key, Image(np.zeros((SIZE, SIZE), np.uint8)))
    planes = {key: session.pair(key).scribbles.to_array() for key in session.keys}
    saver = ProjectSaver(folder)
    threading.Thread(target=save, args=(saver,), daemon=True).start()
    stroke = first
    say({"begun": stroke, "time": time.monotonic()})
    while True:
        key, row, column = cell_of(stroke)
        planes[key][row : row + CELL, column : column + CELL] = 1 + stroke % 200
        session.paint(key, {0: planes[key]})
        saver.offer(snapshot_of(session, folder))
        say({"stroke": stroke, "time": time.monotonic()})
        stroke += 1
        time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
