"""Which plane is predicted next, and with which model. Reads no mailbox but the visible field.

A newer model, or another plane, starts a *front* run over the plane shown, visible field first. Once the visible field
is done and a still newer model is there, the next front run starts, and the one before goes on behind it (the *rest*):
so a large image fills in although models come faster than it can be predicted. With nothing in front, the plane that
waited longest is next, planes near the shown one first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image, Where
from ..core.latest import Latest
from ..core.method import Model, Patch, View
from ..predicting.uncertainty import uncertainty
from .likelihoods import Likelihoods


@dataclasses.dataclass(frozen=True, eq=False)
class ViewFocus:
    """What the user looks at: an image (``key`` names its pair), a plane of it, and the visible part of the plane.

    ``unsure`` says whether patches tell how unsure the model is, too: 0 for no; a larger number than before asks for
    all of them anew. ``likely`` does so for the probabilities of the classes. ``planes``: the only ones that are
    wanted, in this order, as of an image that is looked at in windows; none: all.
    """

    key: Hashable
    image: Image
    plane: int = 0
    view: View | None = None
    unsure: int = 0
    likely: int = 0
    planes: tuple[int, ...] = ()

    def same_place(self, other: ViewFocus) -> bool:
        """Say whether two belong to the same image."""
        return self.key == other.key and self.image is other.image


@dataclasses.dataclass(frozen=True, eq=False)
class LivePatch:
    """A patch of a live prediction, of which image, and from which model.

    ``unsure`` (Y, X) is the uncertainty of its pixels, 0 to 1, where it was asked for; ``likely`` are probabilities.
    ``from_afar``: only a first answer, at the resolution that is seen.
    """

    focus: ViewFocus
    patch: Patch
    model: Model
    unsure: NDArray[np.float16] | None = None
    likely: Likelihoods | None = None
    from_afar: bool = False


class PlaneRun:
    """One pass over one plane with one model; iterates over patches as they come."""

    def __init__(self, model: Model, focus: ViewFocus, plane: int, view: Latest[View | None], serial: int) -> None:
        self.model, self.focus, self.plane, self.serial = model, focus, plane, serial
        self.seen_view = False
        self.unsure, self.likely = focus.unsure, focus.likely
        wanted = max(focus.unsure, focus.likely) > 0
        self.patches: Iterator[Patch] = iter(model.segment(focus.image, [plane], probabilities=wanted, view=view))

    def serves(self, model: Model, focus: ViewFocus) -> bool:
        """Say whether this run brings what is wanted now."""
        return self.model is model and self.unsure >= focus.unsure and self.likely >= focus.likely

    def live(self, patch: Patch) -> LivePatch:
        """Return a patch as it is shown."""
        maps = patch.probabilities
        if maps is None:
            return LivePatch(self.focus, patch, self.model)
        slim = dataclasses.replace(patch, probabilities=None, border=None)  # they take many times the memory
        unsure = uncertainty(maps).astype(np.float16) if self.unsure else None
        likely = Likelihoods.of(
            _whole_box(patch), maps, self.model.classes.ids, patch.border) if self.likely else None
        return LivePatch(self.focus, slim, self.model, unsure, likely)

    def close(self) -> None:
        """Stop; what has been brought stays."""
        close = getattr(self.patches, "close", None)
        if close is not None:
            close()


class RunSchedule:
    """The runs over the planes of one image: one in front, one behind it, and those that are done."""

    def __init__(self) -> None:
        self._view: Latest[View | None] = Latest(None)
        self._serials = count(1)
        self._front: PlaneRun | None = None
        self._rest: PlaneRun | None = None
        self._done: dict[int, PlaneRun] = {}

    def clear(self) -> None:
        """Drop all runs and what is known about the image."""
        for run in (self._front, self._rest):
            if run is not None:
                run.close()
        self._front = self._rest = None
        self._done = {}

    def shows(self, model: Model, focus: ViewFocus) -> bool:
        """Say whether what is looked at has been brought by this model."""
        front = self._front_on(focus.plane)
        if front is not None and front.serves(model, focus):
            return front.seen_view and not focus.planes
        return not any(self._needs(model, focus, plane) for plane in focus.planes or (focus.plane,))

    def next_run(self, model: Model, focus: ViewFocus) -> PlaneRun | None:
        """Return the run whose patch is wanted next; None if every plane is predicted with this model.

        Raises
        ------
        UserError
            If the model cannot do this image.
        """
        self._view.put(focus.view)
        if focus.planes:  # what leaves the view is forgotten, and answered anew when it comes back
            self._done = {plane: self._done[plane] for plane in focus.planes if plane in self._done}
            for run in (self._front, self._rest):
                if run is not None and run.plane not in focus.planes:
                    self._drop(run)
        if self._wants_front(model, focus):
            self._put_in_front(self._run(model, focus, focus.plane))
        if self._front is None and self._rest is None:
            self._rest = self._longest_waiting(model, focus)
        return self._front or self._rest

    def advance(self, run: PlaneRun, model: Model, focus: ViewFocus) -> LivePatch | None:
        """Return the next patch of a run; None if it has ended, or if a newer run has brought that part already."""
        patch = next(run.patches, None)
        if patch is None:
            self._end(run)
            return None
        in_view = focus.view is None or _touch(patch.where, focus.view.where)
        run.seen_view = run.seen_view or not in_view
        # of an older model, only what a newer one has not done already
        if not in_view or run.model is model or run is self._front or not self._newer_in_view(run):
            return run.live(patch)
        return None

    def _drop(self, run: PlaneRun) -> None:
        run.close()
        if run is self._front:
            self._front = None
        else:
            self._rest = None

    def _wants_front(self, model: Model, focus: ViewFocus) -> bool:
        """Whether the plane looked at needs a new run; one over it first finishes what is in view."""
        front = self._front_on(focus.plane)
        if not self._needs(model, focus, focus.plane):
            return False
        return front is None or (front.seen_view and not front.serves(model, focus))

    def _put_in_front(self, run: PlaneRun) -> None:
        if self._front is not None and self._rest is None:
            self._rest = self._front
        elif self._front is not None:
            self._front.close()
        self._front = run

    def _longest_waiting(self, model: Model, focus: ViewFocus) -> PlaneRun | None:
        planes = focus.planes or range(focus.image.n_planes)
        waiting = [plane for plane in planes if self._needs(model, focus, plane)]
        if not waiting:
            return None
        if focus.planes:  # they come in order
            return self._run(model, focus, waiting[0])
        oldest = min(waiting, key=lambda plane: (self._done_serial(plane), abs(plane - focus.plane)))
        return self._run(model, focus, oldest)

    def _front_on(self, plane: int) -> PlaneRun | None:
        return self._front if self._front is not None and self._front.plane == plane else None

    def _run(self, model: Model, focus: ViewFocus, plane: int) -> PlaneRun:
        return PlaneRun(model, focus, plane, self._view, next(self._serials))

    def _needs(self, model: Model, focus: ViewFocus, plane: int) -> bool:
        return plane not in self._done or not self._done[plane].serves(model, focus)

    def _done_serial(self, plane: int) -> int:
        return self._done[plane].serial if plane in self._done else 0

    def _newer_in_view(self, run: PlaneRun) -> bool:
        front = self._front_on(run.plane)
        return max(self._done_serial(run.plane), front.serial if front is not None else 0) > run.serial

    def _end(self, run: PlaneRun) -> None:
        self._done[run.plane] = run
        if run is self._front:
            self._front = None
        else:
            self._rest = None


def _whole_box(patch: Patch) -> tuple[slice, slice]:
    """Return rows and columns of a patch as slices that have ends."""
    starts = [(part.start or 0) if isinstance(part, slice) else int(part) for part in patch.where[-2:]]
    rows, columns = (slice(at, at + size) for at, size in zip(starts, patch.labels.shape, strict=True))
    return rows, columns


def _touch(one: Where, other: Where) -> bool:
    """Say whether two indices into the same array (with row and column slices that have ends) overlap."""
    for a, b in zip(one, other, strict=True):
        if isinstance(a, slice) and isinstance(b, slice):
            if None in (a.start, a.stop, b.start, b.stop):
                continue
            if a.stop <= b.start or b.stop <= a.start:
                return False
        elif a != b:
            return False
    return True
