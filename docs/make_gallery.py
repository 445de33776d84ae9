"""Draw the gallery of methods: ``python docs/make_gallery.py`` (or ``make figures``), or some strips by name.

Each strip is one scene (``gallery_scenes.py``) and what every kind of a family makes of it: errors in colour, with the
workbench's own numbers under them. Which methods and kinds there are is read from the registry; a method that is in no
strip is an error. Parameters that a strip does not name are left to ``auto``, and networks learn for a fixed number of
steps, so that a strip comes out the same again, but for searches that a busy machine cuts short.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gallery_scenes as scenes
import numpy as np
from gallery_shapes import Labels, Scene
from gallery_sheet import Panel, save, sheet

from napari_unet import segmenters
from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.metrics.scoring import score_pair
from napari_unet.report import error_maps, rasters

FOLDER = Path(__file__).parent / "images" / "gallery"
LECTURE = Path(__file__).parent / "images" / "lecture.png"

ONCE: Mapping[str, Any] = {"background": 0.0, "sigma": 1.0, "filters": False, "looks": 1}
"""Parameters that all classical methods have: held, so that a strip shows the method and not what happens before it."""

RULE: Mapping[str, Any] = {**ONCE, "offset": 0.0}
"""A rule for the histogram as it is: with an offset chosen on the strokes most rules come to the same."""

ALONE: Mapping[str, Any] = {**ONCE, "only_strokes": True}
TRAINING: Mapping[str, Any] = {"seconds": None, "steps": 100, "patch": 96, "device": "cpu",
                               "unet2015": {"width": 16}, "smp": {"steps": 40}}


@dataclasses.dataclass(frozen=True)
class Strip:
    """One picture of the gallery.

    Parameters
    ----------
    name : str
        Of the file.
    scene : callable
        Draws the scene.
    methods : tuple of str
        Names in the registry, or ``"networks"`` for all that are trained; each is shown in all its kinds.
    settings : mapping
        Parameters, given to every method that has them; under the name of a method, those for it alone.
    """

    name: str
    scene: Callable[[], Scene]
    methods: tuple[str, ...]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


REGIONS = ("region_growing", "flood", "watershed", "split_merge")
GRAPHS = ("felzenszwalb", "region_graph", "random_walker")
CLUSTERS = ("clustering", "mean_shift", "quickshift", "slic", "agglomerative")
FILTERS = ("forest", "instant")
LARGE = ("smp",)
"""Networks of the optional library, in a strip of their own, which is drawn only where it is installed."""

STRIPS = (
    Strip("threshold_even", scenes.nuclei, ("threshold",), RULE),
    Strip("threshold_shaded", scenes.shaded, ("threshold",), RULE),
    Strip("threshold_lines", scenes.script, ("threshold",), {**RULE, "sigma": 0.0}),
    Strip("edges_sharp", scenes.sharp, ("edges",), ONCE),
    Strip("edges_spots", scenes.spots, ("edges",), ONCE),
    Strip("edges_grainy", scenes.grainy, ("edges",), ONCE),
    Strip("regions_drifting", scenes.drifting, REGIONS,
          {**ALONE, "region_growing": {"tolerance": 0.95, "reach": 15.0}}),
    Strip("regions_outlined", scenes.outlined, REGIONS, ALONE),
    Strip("graphs_mosaic", scenes.mosaic, GRAPHS, {**ONCE, "looks": 2}),
    Strip("graphs_faint", scenes.faint, GRAPHS, ONCE),
    Strip("graphs_threads", scenes.threads, GRAPHS, {**ONCE, "sigma": 0.0}),
    Strip("clusters_stained", scenes.stained, CLUSTERS, ONCE),
    Strip("clusters_speckled", scenes.speckled, CLUSTERS, ONCE),
    Strip("clusters_threads", scenes.threads, CLUSTERS, {**ONCE, "sigma": 0.0}),
    Strip("contours_speckled", scenes.speckled, ("contours",), {**ONCE, "smoothing": 3}),
    Strip("contours_fading", scenes.fading, ("contours",), {**ONCE, "sigma": 0.0, "push": 1, "strength": 0.15}),
    Strip("contours_bitten", scenes.bitten, ("contours",),
          {**ONCE, "sigma": 0.0, "scale": 1.0, "stiffness": 20.0, "smoothing": 1}),
    Strip("filters_tissue", scenes.tissue, FILTERS),
    Strip("filters_bubbles", scenes.bubbles, FILTERS),
    Strip("networks_tissue", scenes.tissue, ("networks",), TRAINING),
    Strip("smp", scenes.tissue, LARGE, TRAINING),
)


def names(strip: Strip) -> tuple[str, ...]:
    """Return the names of the methods of a strip that are in the registry."""
    networks = [entry.name for entry in segmenters.REGISTRY
                if segmenters.group_of(entry) == "networks" and entry.name not in LARGE]
    wanted = [name for one in strip.methods for name in (networks if one == "networks" else [one])]
    return tuple(name for name in wanted if name in segmenters.REGISTRY)


def kinds(name: str) -> tuple[str, ...]:
    """Return the kinds of a method, or one empty name for a method without."""
    return next((field.choices for field in parameters.fields(segmenters.REGISTRY[name]) if field.name == "kind"),
                ("",))


def shown(strip: Strip) -> Iterator[tuple[str, str]]:
    """Yield name and kind of everything a strip shows."""
    for name in names(strip):
        for kind in kinds(name):
            yield name, kind


def missing() -> set[tuple[str, str]]:
    """Return name and kind of what is in the registry but in no strip."""
    there = {(entry.name, kind) for entry in segmenters.REGISTRY if "needs" not in entry.extras
             for kind in kinds(entry.name)}
    return there - {one for strip in STRIPS for one in shown(strip)}


def build(name: str, kind: str, settings: Mapping[str, Any]) -> Any:
    """Return a method of the registry with those of the settings that it has."""
    item = segmenters.REGISTRY[name]
    known = {field.name for field in parameters.fields(item)}
    wanted = {**settings, **settings.get(name, {}), "kind": kind}
    return item(**{parameter: value for parameter, value in wanted.items() if parameter in known})


def segment(method: Any, scene: Scene) -> Labels:
    """Fit a method to the strokes and return its answer, painted ids (Y, X)."""
    pair = Pair(image_of(scene), Scribbles.from_array(scene.strokes))
    work = Work(method.fit(TrainingSet((pair,))))
    for _ in work:
        pass
    return np.asarray(assemble(pair.image, work.result().segment(pair.image)))


def image_of(scene: Scene) -> Image:
    """Return the pixels as the program takes them."""
    return Image(scene.pixels, "YXC" if scene.pixels.ndim == 3 else "YX")


def numbers(labels: Labels, scene: Scene) -> dict[str, float]:
    """Score as the workbench does: the mean over the classes of Dice, the sum of parts and holes.

    Returns
    -------
    dict
        By metric: dice, components, components_reference, components_error, and the same of holes.
    """
    classes = ClassTable.default(np.unique(scene.truth))
    found: dict[str, list[float]] = {}
    for row in score_pair(labels, scene.truth, classes, method="", image_name="",
                          metrics=("dice", "components", "holes")):
        found.setdefault(row.metric, []).append(0.0 if row.value is None else row.value)
    return {metric: float(np.mean(each) if metric == "dice" else np.sum(each)) for metric, each in found.items()}


# -- drawing ----------------------------------------------------------------------------------------------------------


def first_panel(scene: Scene, painted: bool = True) -> Panel:
    """Return the image with the strokes on it; under it what there really is."""
    image = image_of(scene)
    picture, classes = rasters.plane_rgb(image, 0).copy(), ClassTable.default(np.unique(scene.truth))
    for number in classes.ids:
        picture[scene.strokes == number] = rasters.parse_colour(classes.color(number))
    truth = numbers(scene.truth, scene)
    return Panel("image and strokes" if painted else "image", picture,
                 ("in truth", counted(truth["components"], truth["holes"])))


def result_panel(title: str, labels: Labels, scene: Scene, *, rings: bool = True) -> Panel:
    """Return the errors of a result in colour, with its numbers."""
    wrong = error_maps.error_map(labels, scene.truth)
    picture = error_maps.painted_errors(rasters.plane_rgb(image_of(scene), 0), wrong)
    if rings:
        picture = error_maps.ringed(picture, wrong.strays, error_maps.STRAY, most=8)
        picture = error_maps.ringed(picture, wrong.holes, error_maps.HOLE, most=8)
    scores = numbers(labels, scene)
    return Panel(title, picture, (f"Dice {scores['dice']:.3f}", counted(scores["components"], scores["holes"])))


def counted(parts: float, holes: float) -> str:
    """Say how many parts and holes there are."""
    return f"{parts:.0f} part{'s' * (parts != 1)}, {holes:.0f} hole{'s' * (holes != 1)}"


def legend(scene: Scene) -> dict[str, str]:
    """Return the colours of errors by name, those that can occur in a scene."""
    codes = [code for code in error_maps.COLOURS if code != error_maps.OTHER or scene.truth.max() > 2]
    return {**{error_maps.NAMES[code]: error_maps.COLOURS[code] for code in codes},
            "stray part": error_maps.STRAY, "hole": error_maps.HOLE}


def draw(strip: Strip, folder: Path = FOLDER) -> Path:
    """Draw and save one strip; return its file."""
    scene = strip.scene()
    panels = [first_panel(scene)]
    for name, kind in shown(strip):
        start = time.monotonic()
        labels = segment(build(name, kind, strip.settings), scene)
        title = f"{name}: {kind}" if kind and len(names(strip)) > 1 else kind or name
        panels.append(result_panel(title, labels, scene))
        print(f"  {strip.name}, {name} {kind}: {panels[-1].lines[0]}, {time.monotonic() - start:.1f} s", flush=True)
    save(sheet(panels, legend(scene)), folder / f"{strip.name}.png")
    return folder / f"{strip.name}.png"


def lecture(path: Path = LECTURE) -> None:
    """Draw three masks that Dice cannot tell apart, and save them."""
    scene, masks = scenes.alike()
    panels = [first_panel(scene, painted=False)]
    panels += [result_panel(name, mask, scene, rings=False) for name, mask in masks.items()]
    save(sheet(panels, {error_maps.NAMES[code]: error_maps.COLOURS[code]
                        for code in (error_maps.MISSED, error_maps.FALSE)}), path)


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("strips", nargs="*", help="names of strips, or lecture; all without any")
    wanted = parser.parse_args().strips
    known = ["lecture", *(strip.name for strip in STRIPS)]
    if unknown := set(wanted) - set(known):
        parser.error(f"there is no strip {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if missing():
        sys.exit(f"in no strip: {', '.join(' '.join(one) for one in sorted(missing()))}; add it to STRIPS")
    if not wanted or "lecture" in wanted:
        lecture()
    for strip in STRIPS:
        if names(strip) and (not wanted or strip.name in wanted):
            draw(strip)


if __name__ == "__main__":
    main()
