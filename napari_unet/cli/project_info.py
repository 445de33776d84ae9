"""``napari-unet info NAME.unet``: what is in a project. Changes nothing in it."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import Any

from napari_unet.project.project_contents import ProjectContents
from napari_unet.project.sources import files_of

from .project_commands import opened
from .terminal import show


def print_project(arguments: argparse.Namespace) -> None:
    """Say what is in a project."""
    with opened(arguments, arguments.project) as contents:
        facts = project_facts(contents)
    if arguments.json:
        show(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    counts = [f"{len(facts[what])} {what[:-1] if len(facts[what]) == 1 else what}" for what in ("images", "models")]
    show(f"{facts['project']}: {', '.join(counts)}")
    classes = [f"{one['id']} {one['name']} ({one['painted']} px painted)" for one in facts["classes"]]
    show(f"classes: {', '.join(classes)}")
    for image in facts["images"]:
        marks = [word for word, is_so in (
            (f"{image['painted']} px painted", image["painted"]), ("not learnt from", not image["learn"]),
            ("predicted", image["predicted"]), (f"exported to {image['exported']}", image["exported"]),
            ("MISSING", image["missing"])) if is_so]
        shape = " x ".join(map(str, image["shape"]))
        show(f"  {image['name']}: {shape} ({image['axes'] or 'axes as the file says'}), {image['file']}"
             + (f"; {', '.join(marks)}" if marks else ""))
    for model in facts["models"]:
        dice = "" if model["dice"] is None else f", Dice {model['dice']:.3f} on held-out strokes"
        show(f"  {model['file']}: {model['name']}{dice}, {model['time']}{' (shown)' if model['shown'] else ''}")


def project_facts(contents: ProjectContents) -> dict[str, Any]:
    """Return what is in a project, ready for JSON."""
    state, folder = contents.folder.state, contents.folder
    strokes = {record.id: folder.read_strokes(record.id) for record in state.images}
    counts = {key: {} if one is None else one.counts() for key, one in strokes.items()}
    total: dict[int, int] = {}
    for found in counts.values():
        for number, count in found.items():
            total[number] = total.get(number, 0) + count
    return {
        "project": folder.path.name,
        "classes": [{"id": one.id, "name": one.name, "color": one.color, "painted": total.get(one.id, 0)}
                    for one in state.classes.classes],
        "images": [{
            "id": one.id, "name": one.name, "file": one.source.paths[0], "axes": one.axes, "shape": list(one.shape),
            "painted": sum(counts[one.id].values()), "learn": one.learn,
            "predicted": state.result(one.id) is not None, "exported": one.exported,
            "missing": files_of(one, folder.path, contents.moved) is None,
        } for one in state.images],
        "models": [{"file": one.file, "name": one.name, "step": one.step, "dice": one.dice, "shown": one.shown,
                    "time": _when(one.time)} for one in state.models],
        "settings": dict(state.settings),
    }


def _when(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
