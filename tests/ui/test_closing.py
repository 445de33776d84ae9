"""The window closes while everything is under way: strokes are kept, and no thread of ours goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from keeping_scene import kept, open_and_paint, paint
from test_compare import endless_network, learning

from napari_unet.project.project_folder import ProjectFolder
from napari_unet.ui import farewell


def test_a_window_that_closes_amid_everything_keeps_each_stroke_and_leaves_no_thread(
    hands: Any, viewer: Any, squares: Any, keeping: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", squares[0])
    train, strokes = open_and_paint(hands, tmp_path / "cells.tif")
    kept(hands)
    compare = hands.dock("Compare methods")
    hands.tick_methods(compare, "unet")
    endless_network(hands, compare)
    hands.click(compare, "compare_run")
    hands.tiny_network(train)
    hands.click(train, "train_live")
    hands.wait(lambda: bool(train.session.learning_curve) and learning(compare))
    hands.click(train, "train_predict_all")
    paint(hands, strokes, 2, 50)
    painted = strokes.data.copy()
    assert painted[50, 10:40].all()
    viewer.window._qt_window.close()
    hands.wait(lambda: not [one for one in farewell.alive if one.busy])
    back = ProjectFolder.open(keeping / "cells.unet")
    assert not back.read_only
    np.testing.assert_array_equal(back.read_strokes(back.state.images[0].id).to_array(), painted)
    back.close()
