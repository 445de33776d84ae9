"""A batch goes on past what cannot be done, and says in the end what and why."""

from __future__ import annotations

import gc
import shutil
import traceback
import weakref
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cli_scene import files, run  # noqa: F401 (fixtures)

from napari_unet.cli.image_files import images_alone, refuse_same_places
from napari_unet.core.errors import UsageError, UserError
from napari_unet.io import provenance_path, read_labels
from napari_unet.workflows.batch import (
    BatchPiece,
    PieceDone,
    PieceFailed,
    PieceProgress,
    PieceStarted,
    run_batch,
)


def piece(name: str, result: Any = None, error: BaseException | None = None, log: list[str] | None = None
          ) -> BatchPiece[Any]:
    def begin() -> Generator[str, None, Any]:
        try:
            yield f"half of {name}"
            if error is not None:
                raise error
            return result
        finally:
            if log is not None:
                log.append(name)

    return BatchPiece(name, begin)


def test_events_come_in_order_and_failures_keep_nobody_from_the_rest() -> None:
    batch = run_batch([piece("a", 1), piece("b", error=UserError("It is damaged.")), piece("c", 3)])
    told = [(type(event).__name__, event.number, event.total, event.name) for event in batch]
    ends = (("a", "PieceDone"), ("b", "PieceFailed"), ("c", "PieceDone"))
    assert told == [(kind, number, 3, name) for number, (name, end) in enumerate(ends)
                    for kind in ("PieceStarted", "PieceProgress", end)]
    summary = batch.result()
    assert [(one.name, one.result) for one in summary.done] == [("a", 1), ("c", 3)]
    assert summary.sentence == "1 of 3 could not be done, the others are:\n  b: It is damaged."
    assert not summary.wrong_use


def test_what_pieces_tell_is_handed_on() -> None:
    started, progress, done = run_batch([piece("a", 1)])
    assert isinstance(started, PieceStarted)
    assert isinstance(progress, PieceProgress)
    assert progress.item == "half of a"
    assert progress.heading == "a"
    assert isinstance(done, PieceDone)
    assert next(run_batch([piece("a"), piece("b")])).heading == "a (1 of 2)"


@pytest.mark.parametrize(("errors", "sentence", "wrong"), [
    ([UserError("Choose another.")], "Choose another.", False),
    ([UsageError("No such flag.")], "No such flag.", True),
    ([ZeroDivisionError("x"), MemoryError()],
     "None of 2 could be done:\n  0: ZeroDivisionError: x\n  1: the memory of this computer is not enough", False),
    ([], "", False),
    ([None], "", False),
])
def test_the_summary_says_what_failed(errors: list[Any], sentence: str, wrong: bool) -> None:
    summary = run_batch([piece(str(number), error=error) for number, error in enumerate(errors)]).result()
    assert (summary.sentence, summary.wrong_use) == (sentence, wrong)


def test_a_piece_that_cannot_even_begin_fails_like_others() -> None:
    def begin() -> Any:
        raise RuntimeError("torch said no")

    *_, failed = run_batch([BatchPiece("a", begin)])
    assert isinstance(failed, PieceFailed)
    assert failed.reason == "RuntimeError: torch said no"


def test_what_failed_keeps_no_image_in_memory() -> None:
    class Image:
        pass

    kept: list[Any] = []

    def begin() -> Generator[str, None, None]:
        image = Image()
        kept.append(weakref.ref(image))
        yield "begun"
        raise ValueError(f"no {type(image).__name__}")

    summary = run_batch([BatchPiece("a", begin)]).result()
    gc.collect()
    assert kept[0]() is None
    assert "begin" in "".join(traceback.format_exception(summary.failed[0].error)), "and still tells where"


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_the_person_ends_it_early(end: type[BaseException]) -> None:
    log: list[str] = []
    batch = run_batch([piece("a", log=log), piece("b", error=end(), log=log), piece("c", log=log)])
    with pytest.raises(end):
        for _ in batch:
            pass
    assert log == ["a", "b"]


def test_closing_it_closes_the_piece_that_is_running() -> None:
    log: list[str] = []
    batch = run_batch([piece("a", log=log), piece("b", log=log)])
    for event in batch:
        if isinstance(event, PieceProgress):
            break
    batch.close()
    assert log == ["a"]


def test_predict_goes_on_past_a_file_that_cannot_be_done(files: Path, tmp_path: Path,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    given = [tmp_path / name for name in ("one.tif", "broken.tif", "missing.tif", "two.tif")]
    shutil.copy(files / "images.tif", given[0])
    given[1].write_bytes(b"II*\0 and nothing else")
    shutil.copy(files / "images.tif", given[3])
    capsys.readouterr()
    assert run("predict", *given, "--model", files / "model.pt", "-o", tmp_path / "masks") == 1
    said = capsys.readouterr()
    made = [tmp_path / "masks" / name for name in ("one_mask.tif", "two_mask.tif")]
    assert said.out.split() == list(map(str, made)), "what is done is printed"
    assert sorted((tmp_path / "masks").iterdir()) == sorted([*made, *map(provenance_path, made)])
    assert (read_labels(made[0])[0] == read_labels(made[1])[0]).all()
    listed = said.err[said.err.index("napari-unet: 2 of 4 could not be done, the others are:"):].splitlines()
    assert f"{given[1]}: {given[1]} could not be read as TIFF" in listed[1]
    assert listed[2].strip() == f"{given[2]}: There is no file or folder {given[2]}. Check the name."
    assert "Traceback" not in said.err


def test_one_file_that_cannot_be_done_gives_its_reason_alone(files: Path, tmp_path: Path,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("predict", tmp_path / "no.tif", "--model", files / "model.pt", "-o", tmp_path / "m.tif") == 1
    said = capsys.readouterr().err
    assert said == f"napari-unet: There is no file or folder {tmp_path / 'no.tif'}. Check the name.\n"


def test_an_output_that_vanishes_is_no_success(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    from napari_unet.cli import predict_command

    real = predict_command.segment_into

    def vanishing(*given: Any, **options: Any) -> Any:
        yield from real(*given, **options)
        for one in (tmp_path / "out").iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()

    monkeypatch.setattr(predict_command, "segment_into", vanishing)
    capsys.readouterr()
    (tmp_path / "out").mkdir()
    assert run("predict", files / "images.tif", "--model", files / "model.pt", "-o", tmp_path / "out" / "m.zarr") == 1
    said = capsys.readouterr()
    assert "m.zarr could not be written" in said.err
    assert said.out == ""


def test_results_of_an_earlier_run_are_no_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.tif", "a_mask.tif", "b.png", "theirs_mask.tif"):
        (tmp_path / name).touch()
    provenance_path(tmp_path / "a_mask.tif").touch()
    mask = str(tmp_path / "a_mask.tif")
    kept = [str(tmp_path / name) for name in ("a.tif", "b.png", "theirs_mask.tif")]
    assert images_alone([str(tmp_path)]) == kept
    assert f"Left out, because they were made here: {mask}." in capsys.readouterr().err
    assert images_alone([str(tmp_path / "*.tif")]) == [kept[0], kept[2]]
    assert images_alone([mask]) == [mask]
    with pytest.raises(UserError, match="There is no image, only results that were made here"):
        images_alone([str(tmp_path / "a_*.tif")])


def test_images_whose_results_would_have_one_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The results of a\.png and a\.tif would have the same file name, out/a_mask"):
        refuse_same_places([("a.png", [Path("out/a_mask.tif")]), ("a.tif", [Path("out/a_mask.tif")])])
