"""Inputs run one after the other in a forked process with limits; whatever happens there is counted here.

A clock inside the process, of the time that its processor spends, ends an input that takes too long; a process that
does not even answer that is killed, and another goes on behind the input. No input is run twice, and the order is that
of the numbers.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import pickle
import random
import resource
import shutil
import signal
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError

from .readers import Reader

LONGEST = 20.0
"""Seconds of a processor that an input may take: how busy the machine is with other things decides about nothing."""

_PATIENCE = 15
"""So many times as long may it take by the clock on the wall, before a process is killed that only waits."""

MOST_MEMORY = 4 * 2**30
"""Bytes that a process may come to hold, all libraries included."""


class HangError(BaseException):
    """An input took too long; no ``except Exception`` holds it up."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one input: ``read``, ``refused``, ``traceback``, ``hang``, ``crash`` or ``memory``."""

    number: int
    kind: str
    seconds: float
    memory: int
    words: str = ""


@dataclasses.dataclass
class Tally:
    """What became of all inputs of a reader."""

    reader: str
    seed: int
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    slowest: float = 0.0
    memory: int = 0
    faults: list[Outcome] = dataclasses.field(default_factory=list)

    def add(self, one: Outcome) -> None:
        """Count an outcome."""
        self.counts[one.kind] += 1
        self.slowest, self.memory = max(self.slowest, one.seconds), max(self.memory, one.memory)
        if one.kind not in ("read", "refused"):
            self.faults.append(one)

    @property
    def line(self) -> str:
        """A line of the table."""
        kinds = ("read", "refused", "traceback", "hang", "crash", "memory")
        cells = [self.reader, str(sum(self.counts.values())), *(str(self.counts[kind]) for kind in kinds)]
        return "| " + " | ".join([*cells, f"{self.slowest:.1f} s", f"{self.memory / 2**30:.2f} GB"]) + " |"


HEAD = ("| reader | inputs | read | refused with a sentence | tracebacks | hangs | crashes | out of memory | slowest | "
        "most memory |\n|" + "---|" * 10)


def run(reader: Reader, inputs: int, seed: int, folder: Path) -> Tally:
    """Run inputs 0 to ``inputs`` of a reader.

    Parameters
    ----------
    reader : Reader
    inputs : int
    seed : int
        The same seed makes the same inputs.
    folder : Path
        Good examples, the input at hand, and below ``faults`` every input that was not read or refused.
    """
    examples = folder / "good"
    examples.mkdir(parents=True)
    reader.prepare(examples)
    tally, number = Tally(reader.name, seed), 0
    context = multiprocessing.get_context("fork")
    while number < inputs:
        here, there = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(reader, range(number, inputs), seed, folder, there))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries: the child uses none of them
            worker.start()
        there.close()
        number = _collected(here, worker, number, inputs, tally)
        worker.join()
    return tally


def generator_of(reader: str, number: int, seed: int) -> random.Random:
    """Return the generator of one input: it can be made again without those before it."""
    return random.Random(f"{seed}/{reader}/{number}")


def _collected(here: Any, worker: Any, number: int, inputs: int, tally: Tally) -> int:
    """Count outcomes until the process ends; return the number of the next input."""
    while number < inputs:
        try:
            if not here.poll(_PATIENCE * LONGEST):
                worker.kill()
                tally.add(Outcome(number, "hang", _PATIENCE * LONGEST, 0, "waited for something that did not come"))
                return number + 1
            outcome = pickle.loads(here.recv_bytes())
        except EOFError:
            worker.join()
            tally.add(Outcome(number, "crash", 0, 0, f"the process ended with status {worker.exitcode}"))
            return number + 1
        tally.add(outcome)
        number = outcome.number + 1
        if outcome.kind in ("hang", "memory"):
            worker.kill()  # its state is not to be trusted
            return number
    return number


# -- in the forked process ---------------------------------------------------------------------------------------------


def _work(reader: Reader, numbers: range, seed: int, folder: Path, out: Any) -> None:
    # as much again may be mapped as may be held: libraries reserve what they never touch
    resource.setrlimit(resource.RLIMIT_AS, (2 * MOST_MEMORY, 2 * MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _alarm)
    warnings.simplefilter("ignore")
    for number in numbers:
        place = folder / "input"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        given = reader.make(generator_of(reader.name, number, seed), place)
        outcome = _outcome(reader, given, number)
        if outcome.kind not in ("read", "refused"):
            _keep(folder / "faults" / f"{reader.name}_{seed}_{number}", place, given, outcome)
        out.send_bytes(pickle.dumps(outcome))


def _outcome(reader: Reader, given: Any, number: int) -> Outcome:
    _forget_peak()
    start, kind, words = time.process_time(), "read", ""
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        reader.read(given)
    except UserError as error:
        kind, words = "refused", str(error)
        if _of_memory(error):
            kind = "memory"
    except HangError:
        kind, words = "hang", traceback.format_exc()
    except MemoryError:
        kind, words = "memory", traceback.format_exc()
    except BaseException:
        kind, words = "traceback", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    held = _peak()
    return Outcome(number, "memory" if held > MOST_MEMORY else kind, time.process_time() - start, held, words[-3000:])


def _of_memory(error: BaseException | None) -> bool:
    """Say whether an answer came only because the limit of this process was met."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, MemoryError):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _alarm(*_: object) -> None:
    raise HangError


def _keep(place: Path, source: Path, given: Any, outcome: Outcome) -> None:
    place.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, place / "input", dirs_exist_ok=True)
    (place / "given.txt").write_text(ascii(given), encoding="utf-8")
    (place / "what.txt").write_text(f"{outcome.kind}\n{outcome.words}", encoding="utf-8", errors="backslashreplace")


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the most memory held since :func:`_forget_peak`, in bytes."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
