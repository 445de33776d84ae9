"""The boundary of the command line: whatever happens inside ends in one sentence and an exit status."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli_scene import files, run  # noqa: F401 (fixtures)

from napari_unet.cli import UNEXPECTED, listing, main
from napari_unet.cli.interruption import REQUESTS, obeying_requests
from napari_unet.cli.parser import make_parser
from napari_unet.core.errors import UserError, WorkError


def raising(error: BaseException) -> Any:
    def run_info(*_: object) -> None:
        raise error

    return run_info


@pytest.mark.parametrize(("error", "code", "words"), [
    (ZeroDivisionError("by nought"), 1, f"napari-unet: ZeroDivisionError: by nought. {UNEXPECTED}"),
    (RecursionError("deep"), 1, f"napari-unet: RecursionError: deep. {UNEXPECTED}"),
    (OverflowError("int too large\nto convert"), 1, "napari-unet: OverflowError: int too large to convert."),
    (MemoryError(), 1, "napari-unet: the memory of this computer is not enough"),
    (OSError(28, "No space left on device"), 1, "No space left on device"),
    (WorkError("torch said no"), 1, "napari-unet: torch said no"),
    (UserError("Choose another."), 1, "napari-unet: Choose another."),
    (KeyboardInterrupt(), 130, "napari-unet: interrupted"),
])
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_whatever_is_raised_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                               error: BaseException, code: int, words: str, debug: list[str]) -> None:
    monkeypatch.setattr(listing, "print_info", raising(error))
    assert main(["info", *debug]) == code
    said = capsys.readouterr().err
    assert words in said
    asked = bool(debug) and not isinstance(error, KeyboardInterrupt)
    assert ("Traceback (most recent call last)" in said) is asked
    if not debug:
        assert said.count("\n") == 1


def test_debug_may_stand_before_the_command(monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(listing, "print_info", raising(ValueError("x")))
    assert main(["--debug", "info"]) == 1
    assert "in run_info" in capsys.readouterr().err


def test_an_end_that_was_asked_for_inside_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "print_info", raising(SystemExit(7)))
    with pytest.raises(SystemExit, match="7"):
        main(["info"])


@pytest.mark.parametrize("index", ["0:3000000000", "0:999999999999999999999", f"0:{'9' * 309}", f"0,{'9' * 309}"])
def test_more_planes_than_there_can_be_are_refused_at_once(capsys: pytest.CaptureFixture[str], index: str) -> None:
    assert main(["predict", "a.tif", "--model", "m.pt", "-o", "o.tif", "--index", index]) == 2
    assert "names more planes than any image has. Give at most 1000000 of them." in capsys.readouterr().err


@pytest.mark.parametrize(("words", "said"), [
    (["--seconds", "9" * 309], "is not a number above 0 (and at most 1e+15)"),
    (["--steps", "9" * 5000], "is not a number above 0"),
    (["--seed", "9" * 309], "is not a whole number from 0 to 2147483647"),
    (["--seed", "-1"], "is not a whole number from 0 to 2147483647"),
    (["--index", "x" * 5000], "names no planes"),
])
def test_numbers_of_any_length_are_refused_in_a_short_sentence(capsys: pytest.CaptureFixture[str], words: list[str],
                                                               said: str) -> None:
    assert main(["train", "a.tif", "b.tif", "-o", "m.pt", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()[-1]) < 300


@pytest.mark.parametrize("value", ["9" * 309, "-" + "9" * 309, "9" * 5000, "1e400", "nan", "inf"])
@pytest.mark.parametrize("name", ["width", "seconds", "steps"])
def test_parameters_of_hundreds_of_digits_are_refused(files: Path, tmp_path: Path, value: str,
                                                      capsys: pytest.CaptureFixture[str], name: str) -> None:
    code = run("train", files / "images.tif", files / "scribbles.tif", "-o", tmp_path / "m.pt", "--set",
               f"{name}={value}")
    assert code == 2
    assert f"{name} cannot be" in capsys.readouterr().err


def test_what_steers_a_terminal_is_spelled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = tmp_path / "a\x1b[31m\u202eb.tif"
    tifffile.imwrite(evil, np.ones((8, 8), np.uint8))
    assert run("score", evil, evil) == 0
    assert run("score", evil, tmp_path / "\x1b]0;title\x07") == 1
    assert run("\x1b[31m") == 2
    assert run("methods", "\x1b[31m") == 2
    said = capsys.readouterr()
    assert not {"\x1b", "\u202e", "\x07"} & set(said.out + said.err)
    assert "\\x1b[31m\\u202eb.tif" in said.out
    assert "\\x1b]0;title\\x07" in said.err


def test_names_that_are_no_text_are_spelled_too(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 come as lone surrogates, which no stream takes."""
    name = os.fsencode(str(tmp_path)) + b"/a\xff.tif"
    try:
        Path(os.fsdecode(name)).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    tifffile.imwrite(os.fsdecode(name), np.ones((8, 8), np.uint8))
    done = subprocess.run([sys.executable, "-m", "napari_unet", "score", name, name], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"a\\udcff.tif" in done.stdout


def test_what_an_encoding_lacks_is_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.cli.terminal import show

    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    show("細胞")
    narrow.flush()
    assert narrow.buffer.getvalue().strip() == rb"\u7d30\u80de"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_stdout_that_is_full_fails_once_and_in_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "napari_unet", "methods"], check=False, stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == "napari-unet: OSError: [Errno 28] No space left on device"


def test_a_request_to_end_is_like_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), obeying_requests():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_requests_that_are_ignored_or_handled_stay_so() -> None:
    heard: list[int] = []
    for handler in (signal.SIG_IGN, lambda number, _: heard.append(number)):
        before = signal.signal(signal.SIGTERM, handler)
        try:
            with obeying_requests():
                signal.raise_signal(signal.SIGTERM)
        finally:
            signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert signal.SIGTERM in REQUESTS


def test_a_command_runs_in_any_thread(capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["methods", "--json"])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_training_that_is_asked_to_end_keeps_the_model_so_far(files: Path, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    from napari_unet.cli import watched_training
    from napari_unet.io.model_file import load_model

    model = load_model(files / "model.pt", device="cpu")

    def training(work: Any, *_: object) -> Any:
        from napari_unet.core.method import Progress

        yield Progress("learning", model=model)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(watched_training, "with_progress_bar", training)
    assert run("train", files / "images.tif", files / "scribbles.tif", "-o", tmp_path / "m.pt") == 130
    assert "the model so far is kept" in capsys.readouterr().err
    assert load_model(tmp_path / "m.pt").classes.ids == (1, 2)
    assert [one.name for one in tmp_path.iterdir()] == ["m.pt"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals as POSIX systems send them")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_prediction_that_is_asked_to_end_leaves_nothing(files: Path, tmp_path: Path,
                                                          number: int) -> None:
    tifffile.imwrite(tmp_path / "large.tif", np.zeros((200, 512, 512), np.uint8), photometric="minisblack")
    words = ["predict", tmp_path / "large.tif", "--model", files / "model.pt", "-o", tmp_path / "m.zarr"]
    # with SIGINT as it is in a terminal, not as these tests may have inherited it
    start = "import os, signal, sys; signal.signal(2, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
    program = [sys.executable, "-m", "napari_unet", *map(str, words)]
    process = subprocess.Popen([sys.executable, "-c", start, *program], stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob(".m.zarr.*.partial")):
        time.sleep(0.02)  # leaves the core to it
    process.send_signal(number)
    out, said = process.communicate()
    assert process.returncode == 130, said
    assert out == ""
    assert said.strip().endswith("napari-unet: interrupted")
    assert "Traceback" not in said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["large.tif"]


def test_help_names_debug() -> None:
    assert "--debug" in make_parser().format_help()


@pytest.mark.parametrize("word", ["a\0b", "\ud800", "\ud800.tif,x"])
@pytest.mark.parametrize("words", [["score", "{}", "b.tif"], ["predict", "a.tif", "--model", "{}", "-o", "b.tif"],
                                   ["predict", "a.tif", "--model", "m.pt", "-o", "{}"], ["{}"]])
def test_words_that_no_file_can_be_named_by(capsys: pytest.CaptureFixture[str], word: str, words: list[str]) -> None:
    assert main([one.format(word) for one in words]) == 2
    assert "holds a character that no name of a file can hold" in capsys.readouterr().err
