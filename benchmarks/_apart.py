"""Windows that a benchmark opens leave no projects in anybody's documents. Opens no window."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path


def keep_projects_apart() -> None:
    """Keep the projects and choices of this process in a folder that goes when it ends; call before a window opens."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "projects").mkdir()
    (folder / "preferences.json").write_text(json.dumps({"place": str(folder / "projects")}), "utf-8")
    os.environ["NAPARI_UNET_CONFIG"] = str(folder)
