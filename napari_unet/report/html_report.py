"""A comparison as one HTML file that needs nothing else: tables, charts, error maps, parameters. Scores nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape

from napari_unet import __version__
from napari_unet.comparison.outcome import Comparison

from .charts import bars, scatter
from .error_maps import COLOURS, NAMES, error_map, painted_errors, ring_legend, ringed_errors
from .held_out_verdict import held_out_verdict
from .methods_text import describe_methods, method_titles, scored_against
from .paired_differences import FEW, RankedMethod, rank_methods
from .plane_choice import ShownPlane, planes_to_show, shown_objects
from .ranking_table import ranking_table, table_cell
from .rasters import Rgb, data_uri, encode_png, parse_colour, plane_rgb, shrunk
from .summary import best_methods, summarise
from .table import table_grids
from .whole_file import appearing_whole

_THUMBNAIL = 420  # pixels a side
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2em auto; max-width: 72em;
  padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; margin: .7em 0; font-variant-numeric: tabular-nums }
th, td { padding: .25em .7em; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap }
th:first-child, td:first-child, td.text { text-align: left } td.text { white-space: normal }
th { cursor: pointer; background: #f4f4f4 } tr.best td { font-weight: 600; background: #e6f0fa }
tr.level td { background: #f1f8fd } td.mark { font-weight: 600 } .small { color: #555; font-size: .88em }
figure { display: inline-block; margin: .4em; vertical-align: top; max-width: 22em }
figure img { max-width: 100%; image-rendering: auto } figcaption { font-size: .85em; line-height: 1.35 }
.charts img { max-width: 100% } pre { background: #f7f7f7; padding: 1em; overflow-x: auto; font-size: .82em }
.key { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 1em; vertical-align: -1px }
.wide { overflow-x: auto }
"""
_SCRIPT = """
for (const head of document.querySelectorAll('th')) head.addEventListener('click', () => {
  const table = head.closest('table'), place = [...head.parentNode.children].indexOf(head);
  const value = row => { const cell = row.children[place]; const number = parseFloat(cell.dataset.value);
    return isNaN(number) ? cell.textContent : number };
  const down = table.dataset.by == place + 'up'; table.dataset.by = place + (down ? 'down' : 'up');
  [...table.tBodies[0].rows].sort((a, b) => { const x = value(a), y = value(b);
    const order = typeof x == 'number' && typeof y == 'number' ? x - y : String(x).localeCompare(String(y));
    return down ? -order : order }).forEach(row => table.tBodies[0].append(row));
});
"""


def write_html(path: str | os.PathLike[str], comparison: Comparison, overwrite: bool = False) -> None:
    """Write ``report.html``: one file with its pictures inside, that opens in any browser without a network.

    Raises
    ------
    UserError
        If the file exists and may not be overwritten, or cannot be written.
    """
    with appearing_whole(path, overwrite) as unfinished:
        unfinished.write_text(html_page(comparison), encoding="utf-8", errors="backslashreplace")


def html_page(comparison: Comparison) -> str:
    """Return the whole report as HTML."""
    ranked = rank_methods(comparison.rows)
    parts = [
        f"<h1>Comparison of {len(comparison.masks) + len(comparison.failures)} methods</h1>",
        f"<p>{escape(ranking_sentence(comparison))}</p>",
        ranking_table(comparison, ranked), _failures(comparison), _charts(comparison, ranked),
        _maps(comparison, ranked), _scores(comparison),
        f"<h2>Methods and parameters</h2><pre>{escape(describe_methods(comparison))}</pre>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>napari-unet: comparison</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(filter(None, parts))
        + f'\n<p class="small">Made by napari-unet {escape(__version__)}.</p>\n<script>{_SCRIPT}</script></body>'
        "</html>\n"
    )


def ranking_sentence(comparison: Comparison) -> str:
    """Say in a sentence or two which method is best, and which are not told apart from it; or that it is not known."""
    ranked = rank_methods(comparison.rows)
    against = scored_against(comparison)
    if not ranked:
        return f"No method has a score. {against}"
    names = method_titles(comparison)
    if summarise(comparison.rows).held_out:
        return f"{held_out_verdict(comparison.rows, names)} {against}"
    first, ties = ranked[0], [names[one.method] for one in ranked if one.level and not one.best]
    planes = "one plane" if first.planes == 1 else f"{first.planes} planes"
    text = f"{names[first.method]} has the best Dice ({first.mean:.3f}, mean over {planes})."
    if ties:
        text += f" Not told apart from it: {', '.join(ties)}."
    if first.planes < FEW and len(ranked) > 1:
        text += f" With {planes} no ranking is sure."
    return f"{text} {against}"


# -- tables -----------------------------------------------------------------------------------------------------------


def _failures(comparison: Comparison) -> str:
    if not comparison.failures:
        return ""
    names = method_titles(comparison)
    lines = "".join(
        f"<tr>{table_cell(names[one])}{table_cell(why, kind='text')}</tr>" for one, why in comparison.failures.items()
    )
    return (f"<h2>Methods that could not</h2><table><thead><tr><th>method</th><th>why</th></tr></thead><tbody>{lines}"
            "</tbody></table>")


def _scores(comparison: Comparison) -> str:
    summary = summarise(comparison.rows)
    tables = []
    for grid in table_grids(summary):
        head = "".join(f"<th>{escape(text)}</th>" for text in ("method", *grid.headers))
        lines = "".join(
            f"<tr>{table_cell(method)}"
            + "".join(table_cell(cell.text, kind="mark" if cell.best else "") for cell in line)
            + "</tr>" for method, line in zip(grid.methods, grid.cells, strict=True)
        )
        tables.append(f'<h3>{escape(grid.title)}</h3><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
                      f"{lines}</tbody></table></div>")
    note = '<p class="small">The best of each column is bold. All single values are in table.csv.</p>'
    return f"<h2>All scores</h2>{''.join(tables)}{note if best_methods(summary) else ''}" if tables else ""


# -- pictures ---------------------------------------------------------------------------------------------------------


def _charts(comparison: Comparison, ranked: Sequence[RankedMethod]) -> str:
    if not ranked:
        return ""
    names = method_titles(comparison)
    for method in comparison.masks:
        if partial := comparison.partial(method):
            names[method] += f" ({partial[0]} of {partial[1]} planes)"
    made = [(bars(ranked, names), "Dice of each method")]
    dots = scatter(comparison.rows, names)
    if dots is not None:
        made.append((dots, "Dice against topology error: methods level in Dice may differ by hundreds of parts"))
    pictures = "".join(f'<p><img src="{data_uri(png)}" alt="{escape(text)}"></p>' for png, text in made)
    return f'<h2>Charts</h2><div class="charts">{pictures}</div>'


def _maps(comparison: Comparison, ranked: Sequence[RankedMethod]) -> str:
    """Image, reference and the error map of every method on a few planes."""
    order = [one.method for one in ranked]
    keys = "".join(
        f'<span class="key" style="background:{text}"></span>{NAMES[code]}' for code, text in COLOURS.items()
    )
    rings = "" if comparison.held_out else "".join(
        f'<span class="key" style="border:2px solid {colour};border-radius:50%"></span>{name}'
        for colour, name in ring_legend(comparison.objects is not None))
    parts = [f"<h2>Where they are wrong</h2><p>{keys}{rings}</p>"]
    for one in planes_to_show(comparison):
        base = plane_rgb(one.image, one.plane)[one.box]
        plane = f", plane {one.plane}" if one.image.n_planes > 1 else ""
        parts.append(f"<h3>{escape(one.image.name + plane)}</h3>")
        parts.append(_figure(shrunk(base, _THUMBNAIL), "image"))
        if one.reference is not None:
            what = "held-out strokes" if comparison.held_out else "reference"
            picture = _tinted(base, one.reference[one.box], comparison)
            parts.append(_figure(shrunk(picture, _THUMBNAIL), what))
        methods = (*order, *(name for name in one.masks if name not in order))
        parts += [_map(comparison, one, method, base) for method in methods]
    return "".join(parts)


def _map(comparison: Comparison, one: ShownPlane, method: str, base: Rgb) -> str:
    title, labels = method_titles(comparison)[method], one.masks[method]
    if not labels.any():
        return _figure(shrunk(base * 0.4, _THUMBNAIL), f"{title}: not segmented in its time")
    if one.reference is None:
        return _figure(shrunk(_tinted(base, labels[one.box], comparison), _THUMBNAIL), title)
    errors = error_map(labels[one.box], one.reference[one.box], dense=not comparison.held_out,
                       objects=shown_objects(comparison, one, method))
    picture = painted_errors(base, errors)
    small = shrunk(picture, _THUMBNAIL)
    factor = max(picture.shape[:2]) / max(small.shape[:2])
    small = ringed_errors(small, errors, factor)
    counts = ", ".join(f"{NAMES[code]} {errors.count(code)} px" for code in COLOURS if errors.count(code)) or "no error"
    if errors.objects is not None:
        counts += f"; {errors.objects.words}"
    elif not comparison.held_out:
        counts += f"; {len(errors.strays)} stray parts, {len(errors.holes)} holes"
    return _figure(small, f"{title}: {counts}")


def _tinted(base: Rgb, labels: object, comparison: Comparison) -> Rgb:
    out = base.copy()
    for number in comparison.classes.ids:
        if number > 1 or comparison.held_out:
            inside = labels == number
            out[inside] = 0.45 * out[inside] + 0.55 * parse_colour(comparison.classes.color(number))
    return out


def _figure(picture: Rgb, words: str) -> str:
    text = escape(words)
    return f'<figure><img src="{data_uri(encode_png(picture))}" alt="{text}"><figcaption>{text}</figcaption></figure>'
