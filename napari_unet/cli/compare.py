"""``napari-unet compare``: several methods on the same strokes; a folder with table, figure and masks."""

from __future__ import annotations

import argparse

from napari_unet import workflows
from napari_unet.comparison import Comparison, Finding
from napari_unet.core import knobs
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.work import Work
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.table import format_text, summarise
from napari_unet.segmenters import SHELF as METHODS

from .inputs import pictures, rows_of_files
from .terminal import bar, say


def compare(arguments: argparse.Namespace) -> None:
    """Compare methods, save the results and print the table."""
    if arguments.triple and arguments.reference is not None:
        raise UsageError("With --triple the reference is its third file; leave --reference out.")
    files = rows_of_files(arguments, "triple", ("images", "scribbles", "reference"))
    methods = [name.strip() for name in arguments.methods.split(",") if name.strip()]
    options = settings(arguments.set, methods)
    check_methods(methods)
    folder = ComparisonFolder(arguments.output, arguments.overwrite)
    folder.check_inputs(str(name) for name in (*sum(files, ()), arguments.model) if name is not None)
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
        device=arguments.device,
        seed=arguments.seed or 0,
    )
    comparison = watch(work)
    if not comparison.masks:
        raise UserError("No method could do these images; see above why. Nothing was written.")
    folder.save(comparison)
    print(format_text(summarise(comparison.rows)))
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


def check_methods(methods: list[str]) -> None:
    """Check names before any file or folder is touched.

    Raises
    ------
    UsageError
        If there is none, one twice, or one that is not on the shelf.
    """
    if not methods or len(set(methods)) < len(methods):
        raise UsageError(f"--methods: give one or more different methods, of {', '.join(METHODS.names())}.")
    for name in methods:
        METHODS.entry(name)


def settings(given: list[tuple[str, str]], methods: list[str]) -> dict[str, dict[str, object]]:
    """Read ``METHOD.NAME=VALUE`` flags into knobs by method.

    Raises
    ------
    UsageError
        If a method or a knob is unknown, or a value is not allowed.
    """
    texts: dict[str, dict[str, str]] = {}
    for name, value in given:
        method, dot, knob = name.partition(".")
        if not dot or method not in methods:
            raise UsageError(f"--set {name}: say whose parameter it is, METHOD.NAME=VALUE with one of "
                             f"{', '.join(methods)}.")
        texts.setdefault(method, {})[knob] = value
    return {method: knobs.parse(METHODS[method], values) for method, values in texts.items()}
