"""The command line: the demo, and what an interruption leaves."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_scene import QUICK, files, run  # noqa: F401 (fixtures)
from small_set import write_small_set

from napari_unet import sample_data
from napari_unet.cli.demo_command import demo_folder, why_no_window
from napari_unet.core.errors import UserError
from napari_unet.io.model_file import load_model


class Training:
    """A long training in a process of its own, begun with SIGINT as the test wants it, not as it was inherited."""

    START = ("import os, signal, sys; signal.signal(signal.SIGINT, getattr(signal, sys.argv[1])); "
             "os.execv(sys.executable, [sys.executable, '-m', 'napari_unet', *sys.argv[2:]])")

    def __init__(self, said: Path, process: subprocess.Popen[bytes]) -> None:
        self.said, self.process = said, process

    @classmethod
    @contextlib.contextmanager
    def started(cls, files: Path, folder: Path, sigint: str) -> Iterator[Training]:
        """Start it and wait until it has a model; it ends with the block, whatever happens there."""
        words = ["train", files / "images.tif", files / "scribbles.tif", "-o", folder / "m.pt", "--seconds", "600"]
        said = folder / "said.txt"
        with said.open("wb") as errors, subprocess.Popen(
            [sys.executable, "-c", cls.START, sigint, *words, *QUICK], stdout=subprocess.DEVNULL, stderr=errors,
        ) as process:
            try:
                training = cls(said, process)
                training.go_on(3)  # the first model comes with the first step after a second of training
                yield training
            finally:
                process.kill()

    @property
    def told(self) -> str:
        """What it has said so far; the last sign of a bar may be half written."""
        return self.said.read_text(encoding="utf-8", errors="replace")

    @property
    def steps(self) -> set[str]:
        """Steps whose bar (a line each, as text is read) says 1 % or more, which is 3 s of training and more."""
        return set(re.findall(r"step (\d+);[^\n]*: +[1-9]\d*%", self.told))

    def go_on(self, count: int) -> None:
        """Wait for so many more steps to be told of; the clock only ends a test that hangs."""
        before, end = self.steps, time.monotonic() + 1200
        while len(self.steps - before) < count:
            assert self.process.poll() is None, self.told
            assert time.monotonic() < end, self.told
            time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process alone")
def test_interrupted_training_saves_the_model_so_far(files: Path, tmp_path: Path) -> None:
    with Training.started(files, tmp_path, "SIG_DFL") as training:
        training.process.send_signal(signal.SIGINT)
        assert training.process.wait(1200) == 130
    assert load_model(tmp_path / "m.pt").weights.step > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process alone")
def test_a_background_job_goes_on_when_others_are_interrupted(files: Path, tmp_path: Path) -> None:
    with Training.started(files, tmp_path, "SIG_IGN") as training:
        training.process.send_signal(signal.SIGINT)
        training.go_on(3)
    assert not (tmp_path / "m.pt").exists()


def test_the_demo_keeps_to_its_own_folder(tmp_path: Path) -> None:
    mine = demo_folder(tmp_path / "demo")
    (mine / "old.txt").write_text("old")
    assert [path.name for path in demo_folder(mine).iterdir()] == [".napari-unet-demo"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match="was not made by the demo"):
        demo_folder(other)
    assert (other / "chapter.txt").exists()


def test_without_a_display_the_demo_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert why_no_window() == "there is no display"
    monkeypatch.setenv("DISPLAY", ":0")
    assert why_no_window() is None


def test_the_headless_demo_leaves_everything_to_look_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_small_set(tmp_path)
    monkeypatch.setattr(sample_data, "load", lambda name: sample_data.load_set(folder / name))
    assert run("demo", "--headless", "--seconds", "1", "-o", tmp_path / "demo") == 0
    said = capsys.readouterr()
    assert "--headless was given" in said.err
    assert "unet" in said.out
    names = {path.name for path in (tmp_path / "demo" / "masks").iterdir()}
    assert {"unet.tif", "unet.ome.zarr", "threshold.tif"} <= names
    assert (tmp_path / "demo" / "figure.png").exists()
    assert (tmp_path / "demo" / "table.csv").exists()
