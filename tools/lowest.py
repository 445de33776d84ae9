"""Print the lowest allowed version of every direct dependency, one ``name==version`` a line, as constraints for pip.

The bounds in pyproject.toml are the only list: ``make lowest`` tests what they say. The extra ``smp`` is left out: it
brings a torchvision that has to fit the build of torch, and its tests skip themselves.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("pyqt5", "pyqt6")


def pins(project: dict[str, object]) -> list[str]:
    """Return the pins of a pyproject.toml that was read.

    Raises
    ------
    SystemExit
        If a dependency states no lowest version, or two places state different ones.
    """
    table, groups = project["project"], project["dependency-groups"]
    extras = table["optional-dependencies"]
    lowest: dict[str, str] = {}
    for wanted in (*table["dependencies"], *(one for name in EXTRAS for one in extras[name]), *groups["dev"]):
        found = re.fullmatch(r"([\w.-]+)>=([\w.]+)", wanted)
        if found is None:
            sys.exit(f"pyproject.toml: {wanted!r} is not of the form NAME>=VERSION, so nothing says what is lowest.")
        name, version = found.groups()
        if lowest.setdefault(name, version) != version:
            sys.exit(f"pyproject.toml: {name} has two lowest versions, {lowest[name]} and {version}.")
    return [f"{name}=={version}" for name, version in lowest.items()]


if __name__ == "__main__":
    file = Path(__file__).parent.parent / "pyproject.toml"
    sys.stdout.writelines(f"{pin}\n" for pin in pins(tomllib.loads(file.read_text(encoding="utf-8"))))
