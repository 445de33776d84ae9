"""What of ours takes long in the window's thread while a network learns and somebody paints: handlers, timed by name.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/slots.py --seconds 15

Nothing that is done there at a time should take longer than 5 ms; what waits for others (Python's lock, a core) counts,
because the window waits too.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import os
import pkgutil
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from _apart import keep_projects_apart
from responsiveness import Person, gaps, opened, scene, wait

from napari_unet import ui

LIMIT_MS = 5.0
"""What is done in the window's thread at a time takes at most so long."""

_NAMES = ("_on_", "on_", "refresh", "show_", "_show", "look", "soon", "flush", "paste", "update", "_count", "_hand_on",
          "eventFilter", "_say", "say", "_deliver", "hold")


class SlotTimes:
    """Times the handlers of all classes of the window; to be made before the window is."""

    def __init__(self) -> None:
        self._took: dict[str, list[float]] = {}
        for found in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}."):
            module = importlib.import_module(found.name)
            for cls in vars(module).values():
                if inspect.isclass(cls) and cls.__module__ == module.__name__:
                    self._watch(cls)

    def _watch(self, cls: type) -> None:
        for name, function in tuple(vars(cls).items()):
            if inspect.isfunction(function) and name.startswith(_NAMES) and not inspect.isgeneratorfunction(function):
                setattr(cls, name, self._timed(function, f"{cls.__name__}.{name}"))

    def _timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        took = self._took.setdefault(name, [])

        @functools.wraps(function)
        def timed(*given: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*given, **options)
            finally:
                took.append(1000 * (time.perf_counter() - begun))

        return timed

    def forget(self) -> None:
        """Begin anew."""
        for took in self._took.values():
            took.clear()

    def slowest(self, count: int = 15) -> list[tuple[str, int, float, float, float]]:
        """Return name, calls, mean, longest and sum in ms of those that took longest in all."""
        rows = [(name, len(took), sum(took) / len(took), max(took), sum(took))
                for name, took in self._took.items() if took]
        return sorted(rows, key=lambda row: -row[-1])[:count]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    keep_projects_apart()
    times = SlotTimes()
    viewer, open_dock = opened(scene())
    dock = open_dock()
    dock.controller.current.strokes.brush_size = 10
    person = Person(viewer, dock.hold_class)
    gaps(5.0, person)
    dock.start_live()
    wait(lambda: bool(dock.session.learning_curve))
    times.forget()
    gaps(asked.seconds, person)
    rows = times.slowest()
    print(f"{'ms in the window, live, painting':52}{'calls':>7}{'mean':>8}{'max':>8}{'sum':>8}")
    for name, calls, mean, longest, whole in rows:
        mark = "  longer than 5 ms" if longest > LIMIT_MS else ""
        print(f"{name:52}{calls:7d}{mean:8.1f}{longest:8.1f}{whole:8.1f}{mark}")
    sys.stdout.flush()
    os._exit(0)  # what is timed takes whatever it is given, which closing the window does not bear


if __name__ == "__main__":
    main()
