"""Hostile input of every kind is read, or refused with a sentence: a few hundred inputs here, 10 000 in `make soak`.

What is counted and how inputs are made is in ``tests/fuzzing``; a fault is printed with the seed and the input's place.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin",
                                reason="the watch forks, and limits memory as Linux does")

if hasattr(os, "fork"):
    from fuzzing import watch
    from fuzzing.mutations import as_json, spoiled_bytes, spoiled_tree
    from fuzzing.readers import READERS
    from fuzzing.watch import HEAD, MOST_MEMORY, generator_of, run


def check(reader: Any, inputs: int, seed: int, folder: Path) -> str:
    """Run inputs and fail with the first faults; returns the line of the table."""
    tally = run(reader(), inputs, seed, folder)
    faults = tally.faults
    told = "\n".join(f"seed {seed}, input {one.number}: {one.kind}\n{one.words}" for one in faults[:5])
    assert not faults, f"{tally.line}\n{told}\nkept in {folder / 'faults'}"
    assert sum(tally.counts.values()) == inputs
    assert tally.memory < MOST_MEMORY
    return tally.line


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.name)
def test_some_hostile_inputs(tmp_path: Path, reader: Any) -> None:
    check(reader, 200, 1, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.name)
def test_ten_thousand_hostile_inputs(tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str],
                                     reader: Any) -> None:
    line = check(reader, 10_000, 0, tmp_path_factory.mktemp("fuzzing"))
    with capsys.disabled():
        sys.stdout.write(f"\n{HEAD}\n{line}\n")


def test_the_same_seed_makes_the_same_inputs() -> None:
    tree = {"a": [1, {"b": None}], "c": "d"}

    def made(number: int) -> tuple[bytes, bytes]:
        rng = generator_of("x", number, 3)
        return spoiled_bytes(bytes(range(200)), rng), as_json(spoiled_tree(tree, rng), rng)

    assert [made(number) for number in range(50)] == [made(number) for number in range(50)]
    assert len({made(number) for number in range(50)}) > 40
    assert tree == {"a": [1, {"b": None}], "c": "d"}, "the good example stays"


class Faulty:
    """Does to the watch what a reader may do to it."""

    name = "faulty"

    def prepare(self, folder: Path) -> None:
        pass

    def make(self, rng: random.Random, place: Path) -> str:
        self.count = getattr(self, "count", -1) + 1
        return rng.choice(("good", "traceback", "hang", "crash", "memory", "refused"))

    def read(self, given: str) -> None:
        from napari_unet.core.errors import UserError

        if given == "traceback":
            raise ZeroDivisionError
        if given == "hang":
            while True:
                pass
        if given == "crash":
            os._exit(3)
        if given == "memory":
            raise UserError("too large") from MemoryError()
        if given == "refused":
            raise UserError("no")


def test_the_watch_counts_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST", 0.2)
    tally = run(Faulty(), 40, 5, tmp_path)
    wanted = [Faulty().make(generator_of("faulty", number, 5), tmp_path) for number in range(40)]
    for kind in ("traceback", "hang", "crash", "memory", "refused"):
        assert tally.counts[kind] == wanted.count(kind) > 0
    assert tally.counts["read"] == wanted.count("good")
    assert [one.kind for one in tally.faults] == [kind for kind in wanted if kind not in ("good", "refused")]
    kept = sorted(int(one.name.rpartition("_")[2]) for one in (tmp_path / "faults").iterdir())
    assert kept == [number for number, kind in enumerate(wanted) if kind in ("traceback", "hang", "memory")]
