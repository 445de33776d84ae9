"""``python -m fuzzing``: run the fuzz suite and print its table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .readers import READERS
from .watch import HEAD, run


def main() -> int:
    """Run the readers asked for; exit status 1 if any input was neither read nor refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="of each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", nargs="*", default=[one.name for one in READERS])
    parser.add_argument("--keep", type=Path, help="folder for inputs that were neither read nor refused")
    given = parser.parse_args()
    place = given.keep or Path(tempfile.mkdtemp(prefix="fuzzing"))
    _print(HEAD)
    faults = 0
    for cls in READERS:
        if cls.name in given.readers:
            tally = run(cls(), given.inputs, given.seed, place / cls.name.replace(" ", "_"))
            _print(tally.line)
            faults += len(tally.faults)
    if faults:
        _print(f"\n{faults} inputs are kept in {place}/*/faults")
    return int(faults > 0)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
