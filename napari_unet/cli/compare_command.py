"""``napari-unet compare``: several methods on the same strokes; a folder with report, table, figure and masks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from napari_unet import workflows
from napari_unet.comparison.comparison_origin import comparison_provenance
from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.contenders import DEFAULT_METHODS, PRESETS, contender_names, expand_presets, registered_name
from napari_unet.comparison.outcome import Comparison
from napari_unet.core import parameters
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.provenance import now
from napari_unet.core.readable import readable
from napari_unet.core.work import Work
from napari_unet.io.recipe import is_recipe
from napari_unet.metrics import Options
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.html_report import ranking_sentence
from napari_unet.report.table import format_text, summarise
from napari_unet.segmenters import REGISTRY as METHODS

from .flag_values import countable_words
from .input_files import file_rows, read_images
from .project_commands import image_files, names_project, opened, outside
from .terminal import progress_bar, say, show
from .unread_flags import check_comparison_flags

MEASURING = "metrics."
"""How --set names what is no method's: options of the metrics."""


def run_compare(arguments: argparse.Namespace) -> None:
    """Compare methods, save the results and print the table."""
    check_comparison_flags(arguments)
    if names_project(arguments.images):
        _compare_project(arguments)
        return
    if arguments.moved:
        raise UsageError("--moved is for projects (NAME.unet).")
    if arguments.triple and arguments.reference is not None:
        raise UsageError("With --triple the reference is its third file; leave --reference out.")
    files = file_rows(arguments, "triple", ("images", "scribbles", "reference"))
    references = [row[2] for row in files]
    inputs = [one for one in sum(files, ()) if one is not None]
    _compare(arguments, inputs, lambda: (
        read_images([str(row[0]) for row in files], arguments.axes), [row[1] for row in files],
        None if references == [None] * len(files) else references, None,
    ))


def _compare_project(arguments: argparse.Namespace) -> None:
    """Compare methods on the strokes of a project."""
    if arguments.scribbles is not None or arguments.triple or arguments.axes:
        raise UsageError("A project has its own strokes and axes. Give it alone, or images with strokes.")
    with opened(arguments, arguments.images) as contents:
        outside(arguments.output, contents.folder.path)
        contents.check_painted()
        if arguments.reference is not None and len(contents.images) > 1:
            raise UsageError(f"--reference is for one image, but {len(contents.images)} of the project are painted.")
        references = None if arguments.reference is None else [arguments.reference]
        inputs = map(str, (contents.folder.path, *image_files(contents), *(references or [])))
        given = contents.images, contents.scribbles, references, contents.classes
        _compare(arguments, list(inputs), lambda: given)


def _compare(arguments: argparse.Namespace, inputs: Sequence[str], read: Callable[[], Any]) -> None:
    """Compare, save and print; ``read`` returns images, strokes, references and classes."""
    methods = requested_methods(arguments.methods, arguments.preset)
    options, judging = _settings(arguments.set, methods)
    ways = asked_ways(arguments)
    others = [one for one in (arguments.model, *filter(is_recipe, methods)) if one is not None]
    folder = ComparisonFolder(arguments.output, arguments.overwrite, tuple(map(str, (*inputs, *others))))
    begun = now()
    images, scribbles, references, classes = read()
    work = workflows.compare(
        images,
        scribbles,
        references,
        classes=classes,
        methods=methods,
        options=options,
        model=arguments.model,
        reference_values=arguments.reference_values,
        index=arguments.index,
        seconds=arguments.seconds,
        budget=arguments.budget,
        folds=arguments.folds,
        metrics=arguments.metrics,
        judging=judging,
        device=arguments.device,
        seed=arguments.seed or 0,
        ways=ways,
        countable=countable_words(arguments.countable),
    )
    comparison = watch_comparison(work)
    if not comparison.masks:
        raise UserError("No method could do these images; see above why. Nothing was written.")
    folder.save(comparison, models=arguments.save_models, provenance=comparison_provenance(
        comparison, settings=asked_settings(arguments), begun=begun))
    show(format_text(summarise(comparison.rows)))
    show(ranking_sentence(comparison))
    for name in comparison.masks:
        if partial := comparison.partial(name):
            show(f"{name}: {partial[0]} of {partial[1]} planes in its time")
    show(readable(arguments.output))


def asked_ways(arguments: argparse.Namespace) -> list[str]:
    """Read --objects and --ways, and check the names before any work is done.

    Raises
    ------
    UsageError
        For an unknown way, or if no objects are asked for.
    """
    if not arguments.objects:
        if arguments.ways or arguments.countable:
            raise UsageError("--ways and --countable are for --objects.")
        return []
    ways = list(WAYS.names()) if arguments.ways == ["all"] else arguments.ways or ["auto"]
    for way in ways:
        WAYS.entry(way)
    return ways


def asked_settings(arguments: argparse.Namespace) -> dict[str, object]:
    """Return what a comparison was asked for, as its provenance has it."""
    return {"seconds": arguments.seconds, "budget": arguments.budget, "device": arguments.device,
            "seed": arguments.seed or 0}


def watch_comparison(work: Work[ComparisonEvent, Comparison]) -> Comparison:
    """Run a comparison with a progress bar, saying what each method chose or why it could not."""
    with progress_bar("comparing") as shown:
        for event in work:
            shown.set_description_str(readable(f"{event.method}: {event.text}"[:90]), refresh=False)
            shown.n = event.fraction or 0.0
            shown.update(0)
            if event.stage in ("done", "failed"):
                say(f"{event.method}: {'could not: ' if event.stage == 'failed' else ''}{event.text}")
    return work.result()


def requested_methods(methods: str | None, preset: str | None) -> list[str]:
    """Read --methods and --preset, and check the names before any file or folder is touched.

    Raises
    ------
    UsageError
        If there is none, one twice, or one that is not in the registry.
    UserError
        If a recipe cannot be used.
    """
    given = [name.strip() for name in (methods or "").split(",") if name.strip()]
    if preset is None and methods is None:
        given = list(DEFAULT_METHODS)
    if len(set(given)) < len(given) or not (given or preset):
        raise UsageError(
            f"--methods: give one or more different methods, presets ({', '.join(PRESETS)}) or recipe files; there are "
            f"the methods {', '.join(METHODS.names())}."
        )
    if preset is not None and preset not in given:
        given.insert(0, preset)
    for name in expand_presets(given):
        registered_name(name)
    return given


def _settings(
    given: list[tuple[str, str]], methods: list[str]
) -> tuple[dict[str, dict[str, object]], dict[str, object]]:
    """Part the --set flags into parameters by method, and options of the metrics."""
    measuring = parameters.parse(Options, {name.removeprefix(MEASURING): value for name, value in given
                                           if name.startswith(MEASURING)})
    return method_settings([one for one in given if not one[0].startswith(MEASURING)], methods), measuring


def method_settings(given: list[tuple[str, str]], asked: list[str]) -> dict[str, dict[str, object]]:
    """Read ``METHOD.NAME=VALUE`` flags into parameters by method.

    Raises
    ------
    UsageError
        If a method or a parameter is unknown, or a value is not allowed.
    """
    methods = dict(zip(contender_names(asked), map(registered_name, expand_presets(asked)), strict=True))
    texts: dict[str, dict[str, str]] = {}
    for name, value in given:
        method, dot, parameter = name.rpartition(".")
        if not dot or method not in methods:
            raise UsageError(f"--set {name}: say whose parameter it is, METHOD.NAME=VALUE with one of "
                             f"{', '.join(methods)}, or metrics.")
        texts.setdefault(method, {})[parameter] = value
    return {method: parameters.parse(METHODS[methods[method]], values) for method, values in texts.items()}
