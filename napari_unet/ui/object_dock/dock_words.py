"""What the dock *Objects* says of how far it is: one true sentence for every state. Finds and counts nothing."""

from __future__ import annotations

from typing import Any

from napari.layers import Image as ImageLayer

from napari_unet.objects.counting import ClassCount

from ..object_news import ObjectState
from .all_planes import AllPlanes
from .field_objects import FieldObjects
from .object_finder import ObjectFinder
from .object_follower import PlaceState
from .whole_objects import WholeObjects

NO_IMAGE = "Open an image, then paint it in Train U-Net. The objects of the answer are counted here as you paint."
NO_ANSWER = "Nothing is predicted yet. Paint a little of two classes in Train U-Net, or choose a mask under Objects of."
FOUND = "Two in one? Press Cut, and drag a short line across the bridge. One in two? Press Join."
NONE_FOUND = "There are no objects on this plane: nothing of a class that is counted is predicted here."
CUBE = "Objects are found plane by plane in the 2-D view. Go back to it, or press Whole volume."
OLD_VOLUME = "The answer has changed since: these are objects of before. Press Whole volume twice to find them anew."
FAILED = "The objects could not be found; why is said below. What is shown is of before."
CANCELLED = "Looking for objects was cancelled. What is shown is of before; they are found anew when something changes."


class DockWords:
    """Says how far objects are.

    Parameters
    ----------
    viewer : napari Viewer
    finder : ObjectFinder
    field : FieldObjects
    planes : AllPlanes
    whole : WholeObjects
    """

    def __init__(
        self, viewer: Any, finder: ObjectFinder, field: FieldObjects, planes: AllPlanes, whole: WholeObjects
    ) -> None:
        self._viewer, self._finder, self._field, self._planes, self._whole = viewer, finder, field, planes, whole

    def state(self) -> ObjectState:
        """Return the same for others that show something of the objects."""
        field = self._field.source is not None
        one: Any = self._field if field else self._finder
        if one.source is None:
            return "waiting"
        state = one.state
        if state is None or not state.fresh:
            return "failed" if one.trouble == "failed" and not one.busy else "looking" if one.busy else "found"
        return "found" if any(count.objects for count in state.counts.values()) else "none"

    def sentence(self) -> str:
        """Say how far the counts hold, or what to do next."""
        if self._whole.text or self._field.source is not None:
            return self._whole.text or self._field.sentence
        if self._finder.source is None:
            return NO_ANSWER if any(isinstance(one, ImageLayer) for one in self._viewer.layers) else NO_IMAGE
        if self._planes.busy:
            return f"Counting: {self._planes.left} planes to go."
        return self._of_place()

    def _of_place(self) -> str:
        """Say how far the objects of the plane (or volume) are that is looked at."""
        finder, state = self._finder, self._finder.state
        fresh = state is not None and state.fresh
        if finder.busy and not fresh:
            return "Looking for the objects of the whole volume..." if finder.by_volume else "Counting..."
        if self._viewer.dims.ndisplay == 3 and not finder.by_volume:
            return CUBE
        if finder.trouble and not fresh:
            return FAILED if finder.trouble == "failed" else CANCELLED
        return "" if state is None else _about(state, finder.by_volume)

    def of_image(self) -> str:
        """Say how many objects the planes have that were found so far."""
        source, states = self._finder.source, self._finder.states
        assert source is not None
        found = [state for place, state in states.items() if not place.volume and (state.counts or state.fresh)]
        total: dict[int, ClassCount] = {}
        for state in found:
            for number, count in state.counts.items():
                total[number] = total.get(number, ClassCount()) + count
        words = ", ".join(f"{self._finder.classes().name(number)} {count.objects:,}"
                          for number, count in total.items())
        old = "" if all(state.fresh for state in found) else " (some of before)"
        return f"In {len(found)} of {source.image.n_planes} planes: {words or 'nothing counted yet'}{old}"


def _about(state: PlaceState, by_volume: bool) -> str:
    """Say what can be done with what was found."""
    if by_volume and not state.fresh:
        return OLD_VOLUME
    return FOUND if any(one.objects for one in state.counts.values()) else NONE_FOUND
