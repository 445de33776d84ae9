"""Rows of single planes become one number per method and metric. Formats and draws nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence, Set
from types import MappingProxyType

from napari_unet.core.rows import Row
from napari_unet.core.sight import Sees
from napari_unet.learning.true_dice import HeldOutEvidence, LikelyDice
from napari_unet.metrics import LENGTH, REGISTRY, UNMATCHED, About, about, ordered

from .held_out_ranking import named_best

UNLIKE = "the images have different units"
SEES = "looked at"
"""Head of the column that says whether a method looked at planes or at volumes."""
EVIDENCE = "evidence"
"""Family of what is known of a method without a reference: no column of its own, see :meth:`Summary.evidence`."""

_UNREGISTERED = {
    "seconds": About(unit="s", better="lower", total="sum", family="effort"),
    "strokes_a_class": About(unit="count", family=EVIDENCE),
    "log_loss": About(unit="nat", family=EVIDENCE),
    **{name: About(family=EVIDENCE)
       for name in ("held_out_dice", "fits_agree", "likely_dice", "likely_dice_low", "likely_dice_high")},
}


@dataclasses.dataclass(frozen=True)
class SummaryColumn:
    """What one number of a method is about.

    Parameters
    ----------
    metric : str
    class_id : int or None
        Painted id; None for the mean over classes, or a value without a class (seconds).
    class_name : str
    volume : bool
        Scored on the whole volume, not plane by plane.
    unit : str
        Unit of a distance, from the scale of the images; empty for all else.
    way : str
        By which way objects were found; empty for what is no score of objects.
    """

    metric: str
    class_id: int | None = None
    class_name: str = ""
    volume: bool = False
    unit: str = dataclasses.field(default="", compare=False)
    way: str = ""

    @classmethod
    def of(cls, row: Row) -> SummaryColumn:
        """Return the column that a row belongs to."""
        volume = row.plane is None and row.class_id is not None and row.metric not in _UNREGISTERED
        column = cls(row.metric, row.class_id, row.class_name if row.class_id is not None else "", volume, way=row.way)
        return dataclasses.replace(column, unit=row.unit) if column.about.unit == LENGTH else column

    @property
    def about(self) -> About:
        """Unit, direction and kind of total."""
        if self.metric in _UNREGISTERED or self.metric not in REGISTRY:
            return _UNREGISTERED.get(self.metric, About())
        return about(self.metric)

    @property
    def title(self) -> str:
        """What people read at the head of the column, without the class."""
        title = REGISTRY.entry(self.metric).title if self.metric in REGISTRY else self.metric.replace("_", " ")
        title = f"{title} ({self.unit})" if self.unit else title
        return f"{title}, {self.way}" if self.way else title


@dataclasses.dataclass(frozen=True)
class SummaryValue:
    """One number of a summary.

    ``count`` is the number of values (planes of all images, or classes) it was made of. ``note`` says why there is no
    value, or why some were left out.
    """

    value: float | None
    count: int
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Summary:
    """Methods by columns.

    Parameters
    ----------
    methods : tuple of str
        In the order of the rows.
    columns : tuple of SummaryColumn
        Metrics in the order of the registry; of each, the mean over classes first, then the classes.
    values : mapping of (method, SummaryColumn) to SummaryValue
        Combinations that had no row are absent.
    sees : mapping of str to str
        By method, what it looked at: planes, volumes or both; methods whose rows do not say are absent.
    """

    methods: tuple[str, ...]
    columns: tuple[SummaryColumn, ...]
    values: Mapping[tuple[str, SummaryColumn], SummaryValue]
    sees: Mapping[str, Sees] = dataclasses.field(default_factory=dict)

    @property
    def tells_sight(self) -> bool:
        """Whether there is something to tell about what methods looked at: some looked at volumes."""
        return any(one != "planes" for one in self.sees.values())

    def sight(self, method: str) -> str:
        """Return what a method looked at, in a word or three."""
        found = self.sees.get(method)
        return "" if found is None else "planes and volumes" if found == "both" else found

    @property
    def classes(self) -> tuple[tuple[int, str], ...]:
        """Ids and names of the classes, in order of their ids."""
        return tuple(sorted({(one.class_id, one.class_name) for one in self.columns if one.class_id is not None}))

    def column(self, metric: str, class_id: int | None = None, volume: bool = False) -> SummaryColumn | None:
        """Return the column of a metric for a class (None: mean over classes), or None if there is none."""
        return next((one for one in self.columns
                     if (one.metric, one.class_id, one.volume) == (metric, class_id, volume)), None)

    def get(self, method: str, metric: str, class_id: int | None = None) -> float | None:
        """Return a number of a method (the mean over classes without ``class_id``), None if there is none."""
        column = self.column(metric, class_id)
        found = self.values.get((method, column)) if column else None
        return found.value if found else None

    @property
    def held_out(self) -> bool:
        """Whether the scores are those of held-out strokes, and say less than a reference would."""
        return self.column("strokes_a_class") is not None

    def evidence(self, class_id: int | None = None) -> dict[str, HeldOutEvidence]:
        """Return what is known without a reference, by method; empty where there is one.

        Of a class, or of the mean over classes.
        """
        made = {}
        for method in self.methods:
            dice, strokes = self.get(method, "held_out_dice", class_id), self.get(method, "strokes_a_class")
            if dice is not None and strokes is not None:
                made[method] = HeldOutEvidence(dice, int(strokes), self.get(method, "fits_agree", class_id),
                                               self.get(method, "log_loss"))
        return made

    def likely(self, method: str) -> LikelyDice | None:
        """Return the true Dice of a method (mean over classes) as far as it can be told; None with a reference."""
        value, low, high = (self.get(method, f"likely_dice{end}") for end in ("", "_low", "_high"))
        return None if value is None or low is None or high is None else LikelyDice(value, low, high)


def summarise(rows: Iterable[Row]) -> Summary:
    """Take the mean over planes (of all images together), and of these the mean over classes.

    Values that are missing are left out and noted. Seconds are added up.
    """
    groups: dict[tuple[str, SummaryColumn], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, SummaryColumn.of(row)), []).append(row)
    values = {
        key: _total(key[1], [(row.value, row.note) for row in group])
        if len({row.unit for row in group}) == 1 else SummaryValue(None, 0, UNLIKE)
        for key, group in groups.items()
    }
    values |= _class_means(values)
    order = {name: place for place, name in enumerate((*ordered(), *_UNREGISTERED))}
    ways = {way: place for place, way in enumerate(dict.fromkeys(("", *(column.way for _, column in values))))}
    columns = sorted(
        dict.fromkeys(column for _, column in values),
        key=lambda one: (one.volume, ways[one.way], order.get(one.metric, len(order)), one.class_id or 0),
    )
    methods = tuple(dict.fromkeys(method for method, _ in groups))
    return Summary(methods, tuple(columns), MappingProxyType(values), _sights(groups.values()))


def _sights(groups: Iterable[Iterable[Row]]) -> Mapping[str, Sees]:
    """Return what each method looked at, as its rows say."""
    found: dict[str, set[str]] = {}
    for row in (row for group in groups for row in group if row.sees):
        found.setdefault(row.method, set()).add(row.sees)
    sees: dict[str, Sees] = {method: "both" if len(words) > 1 else "volumes" if "volumes" in words else "planes"
                             for method, words in found.items()}
    return MappingProxyType(sees)


def _class_means(
    values: Mapping[tuple[str, SummaryColumn], SummaryValue],
) -> dict[tuple[str, SummaryColumn], SummaryValue]:
    """Take the mean over classes by method and metric; the unit is that of the first class found with the metric."""
    parts: dict[tuple[str, SummaryColumn], list[tuple[float | None, str]]] = {}
    units: dict[tuple[str, bool], str] = {}
    for (method, column), value in values.items():
        if column.class_id is not None:
            unit = units.setdefault((column.metric, column.volume), column.unit)
            mean = SummaryColumn(column.metric, volume=column.volume, unit=unit, way=column.way)
            parts.setdefault((method, mean), []).append((value.value, value.note))
    return {key: _total(key[1], found, of="classes") for key, found in parts.items()}


def _total(column: SummaryColumn, parts: Sequence[tuple[float | None, str]], of: str = "planes") -> SummaryValue:
    numbers = [value for value, _ in parts if value is not None]
    reasons = "; ".join(dict.fromkeys(note for value, note in parts if value is None and note))
    if not numbers:
        return SummaryValue(None, 0, reasons)
    if len(numbers) < len(parts):
        reasons = f"{len(numbers)} of {len(parts)} {of}" + (f" ({reasons})" if reasons else "")
    total = sum(numbers)
    added = of == "planes" and column.about.total == "sum"
    return SummaryValue(total if added else total / len(numbers), len(numbers), reasons)


def format_value(value: float, unit: str) -> str:
    """Write a number with the digits that tables show: ratios with three decimals, counts and seconds with fewer."""
    if unit == "":
        return f"{value:.3f}"
    if unit == "count":
        return f"{value:.0f}" if float(value).is_integer() or value >= 1000 else f"{value:.1f}"
    if unit == "s":
        return f"{value:.2f}" if value < 1 else f"{value:.1f}"
    return f"{value:.3g}"


def best_methods(summary: Summary) -> frozenset[tuple[str, SummaryColumn]]:
    """Return the best method of each column.

    Methods that look the same with the digits shown are tied and all best. Nothing is best where neither direction is
    better, or where fewer than two methods have a value; and no method is that was scored on fewer planes than others,
    because they may have been the easy ones. Nor is anything by a number that can be right by accident (see
    :class:`napari_unet.metrics.About`), nor who has not found one of the parts or holes in its place. Scores on
    held-out strokes have no best but those of the method that is told apart from all others.
    """
    planes: dict[str, int] = {}
    for (method, column), one in summary.values.items():
        if column.class_id is not None:
            planes[method] = max(planes.get(method, 0), one.count)
    most = max(planes.values(), default=0)
    whole = {method for method in summary.methods if planes.get(method, 0) == most}
    marked = {(method, column) for column in summary.columns for method in _best_of(summary, column, whole)}
    return frozenset(pair for pair in marked if _is_known(summary, pair, whole))


def _is_known(summary: Summary, marked: tuple[str, SummaryColumn], whole: Set[str]) -> bool:
    """Whether the best value of a column stays best beyond the strokes it was scored on, if it was scored on any."""
    method, column = marked
    if not summary.held_out or column.about.family == "effort":
        return True
    return named_best(summary.evidence(column.class_id), whole) == method


def _best_of(summary: Summary, column: SummaryColumn, among: Set[str]) -> list[str]:
    """Return the methods with the best value of a column, of those that may be best."""
    better, unit = column.about.better, column.about.unit
    known = {method: value for method in summary.methods
             if (found := summary.values.get((method, column))) is not None and (value := found.value) is not None}
    eligible = {method: value for method, value in known.items() if method in among}
    if not better or not column.about.in_place or len(known) < 2 or not eligible:
        return []
    top = format_value((max if better == "higher" else min)(eligible.values()), unit)
    return [method for method, value in eligible.items()
            if format_value(value, unit) == top and not _none_matched(summary, method, column, value)]


def _none_matched(summary: Summary, method: str, column: SummaryColumn, unmatched: float) -> bool:
    """Whether there are parts (holes), and a method has none in its place: few errors, and no merit."""
    if not column.metric.endswith(UNMATCHED):
        return False
    count = column.metric.removesuffix(UNMATCHED)
    both = [found.value for name in (count, f"{count}_reference")
            if (found := summary.values.get((method, dataclasses.replace(column, metric=name)))) is not None]
    known = [value for value in both if value is not None]
    return len(known) == 2 and 0 < sum(known) <= unmatched + 1e-6
