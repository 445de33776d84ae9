"""``napari-unet compare``: several methods on the same strokes; a folder with report, table, figure and masks."""

from __future__ import annotations

import argparse

from napari_unet import workflows
from napari_unet.comparison import Comparison, Finding
from napari_unet.contenders import DEFAULT_METHODS, PRESETS, expanded, names_of, shelf_name
from napari_unet.core import knobs
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.work import Work
from napari_unet.io.recipe import is_recipe
from napari_unet.metrics import Options
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.html import verdict
from napari_unet.report.table import format_text, summarise
from napari_unet.segmenters import SHELF as METHODS

from .inputs import pictures, rows_of_files
from .terminal import bar, say

JUDGING = "metrics."
"""How --set names what is no method's: how metrics judge."""


def compare(arguments: argparse.Namespace) -> None:
    """Compare methods, save the results and print the table."""
    if arguments.triple and arguments.reference is not None:
        raise UsageError("With --triple the reference is its third file; leave --reference out.")
    files = rows_of_files(arguments, "triple", ("images", "scribbles", "reference"))
    methods = asked_for(arguments.methods, arguments.preset)
    judging = knobs.parse(Options, {name.removeprefix(JUDGING): value for name, value in arguments.set
                                    if name.startswith(JUDGING)})
    options = settings([one for one in arguments.set if not one[0].startswith(JUDGING)], methods)
    inputs = tuple(str(name) for name in (*sum(files, ()), arguments.model, *filter(is_recipe, methods))
                   if name is not None)
    folder = ComparisonFolder(arguments.output, arguments.overwrite, inputs)
    references = [row[2] for row in files]
    work = workflows.compare(
        pictures([str(row[0]) for row in files], arguments.axes),
        [row[1] for row in files],
        references if any(one is not None for one in references) else None,
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
    )
    comparison = watch(work)
    if not comparison.masks:
        raise UserError("No method could do these images; see above why. Nothing was written.")
    folder.save(comparison, models=arguments.save_models)
    print(format_text(summarise(comparison.rows)))
    print(verdict(comparison))
    for name in comparison.masks:
        if partial := comparison.partial(name):
            print(f"{name}: {partial[0]} of {partial[1]} planes in its time")
    print(arguments.output)


def watch(work: Work[Finding, Comparison]) -> Comparison:
    """Run a comparison with a progress bar, saying what each method chose or why it could not."""
    with bar("comparing") as shown:
        for finding in work:
            shown.set_description_str(f"{finding.method}: {finding.text}"[:90], refresh=False)
            shown.n = finding.fraction or 0.0
            shown.update(0)
            if finding.stage in ("done", "failed"):
                say(f"{finding.method}: {'could not: ' if finding.stage == 'failed' else ''}{finding.text}")
    return work.result()


def asked_for(methods: str | None, preset: str | None) -> list[str]:
    """Read --methods and --preset, and check the names before any file or folder is touched.

    Raises
    ------
    UsageError
        If there is none, one twice, or one that is not on the shelf.
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
    for name in expanded(given):
        shelf_name(name)
    return given


def settings(given: list[tuple[str, str]], asked: list[str]) -> dict[str, dict[str, object]]:
    """Read ``METHOD.NAME=VALUE`` flags into knobs by method.

    Raises
    ------
    UsageError
        If a method or a knob is unknown, or a value is not allowed.
    """
    methods = dict(zip(names_of(asked), map(shelf_name, expanded(asked)), strict=True))
    texts: dict[str, dict[str, str]] = {}
    for name, value in given:
        method, dot, knob = name.rpartition(".")
        if not dot or method not in methods:
            raise UsageError(f"--set {name}: say whose parameter it is, METHOD.NAME=VALUE with one of "
                             f"{', '.join(methods)}, or metrics.")
        texts.setdefault(method, {})[knob] = value
    return {method: knobs.parse(METHODS[methods[method]], values) for method, values in texts.items()}
