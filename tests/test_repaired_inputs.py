"""An input that is damaged midway and put right again, a run killed in its last moment: gone on with, same bytes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import tifffile
import zarr
from test_block_runs import FORMAT, ONE, files_of, network, picture, small  # noqa: F401 (a fixture)
from test_objects_by_blocks import FORMAT as SMALL
from test_objects_by_blocks import TABLE, discs

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.errors import UserError
from napari_unet.core.fingerprints import image_hash
from napari_unet.core.image import Image
from napari_unet.core.plane_facts import plane_facts
from napari_unet.core.seen_parts import ReadPart, seeing
from napari_unet.io import _named_run
from napari_unet.io._object_scratch import ObjectScratch
from napari_unet.io._run_files import LocalRun
from napari_unet.io.model_file import save_model
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.predicting.block_answer import answer_block, plan_blocks
from napari_unet.workflows import block_search
from napari_unet.workflows.block_input import input_note, is_same_input
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_store import objects_to_store
from napari_unet.workflows.store_counts import count_store
from napari_unet.workflows.store_run import predict_store


def put_back(path: Path, content: bytes) -> None:
    """As rsync and unpacking do it: another file takes the name."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    os.replace(fresh, path)


def unbroken(image: Image, folder: Path) -> dict[str, str]:
    folder.mkdir()
    return files_of(Path(predict_store(image, network(), folder / "m.zarr", format=FORMAT).result()))


def test_a_block_that_is_damaged_midway_and_copied_again(tmp_path: Path, small: None) -> None:
    source = zarr.create_array(str(tmp_path / "in.zarr"), shape=(2, 160, 160), chunks=(1, 40, 40), dtype="u1",
                               zarr_format=2)
    source[...] = picture(2, 160, 160)
    expected = unbroken(io.read_image(tmp_path / "in.zarr", "ZYX"), tmp_path / "whole")
    torn, path = tmp_path / "in.zarr" / "0.3.3", tmp_path / "m.zarr"
    run = predict_store(io.read_image(tmp_path / "in.zarr", "ZYX"), network(), path, format=FORMAT, engine=ONE)
    next(run)
    kept = torn.read_bytes()
    put_back(torn, kept[:40])
    with pytest.raises(UserError, match=r"block at Z=0, Y=.*in.zarr is damaged.*at Z=0, Y=120 to 159, X=120.*kept"):
        run.result()
    put_back(torn, kept)
    events = list(again := predict_store(io.read_image(tmp_path / "in.zarr", "ZYX"), network(), path, format=FORMAT))
    assert events[0].before >= 1
    assert "all that" in events[0].note
    assert files_of(Path(again.result())) == expected


def test_an_image_that_was_damaged_from_the_beginning_is_done_as_far_as_it_goes(tmp_path: Path) -> None:
    source = zarr.create_array(str(tmp_path / "in.zarr"), shape=(3, 60, 70), chunks=(1, 30, 70), dtype="u1")
    source[...] = picture(3, 60, 70)
    (torn,) = (tmp_path / "in.zarr" / "c" / "2" / "1").iterdir()
    kept, path = torn.read_bytes(), tmp_path / "m.zarr"
    expected = unbroken(io.read_image(tmp_path / "in.zarr", "ZYX"), tmp_path / "whole")
    put_back(torn, kept[:30])
    for finished in (0, 2):  # and once more while it is damaged
        run = predict_store(io.read_image(tmp_path / "in.zarr", "ZYX"), network(), path, format=FORMAT, engine=ONE)
        said = r"block at Z=2, Y=0 to 59, X=0 to 69 of 'in'.*at Z=2, Y=30 to 59, X=0 to 69"
        if not finished:
            assert [next(run).before, next(run).done] == [0, 2]
        with pytest.raises(UserError, match=said):
            run.result()
    put_back(torn, kept)
    events = list(again := predict_store(io.read_image(tmp_path / "in.zarr", "ZYX"), network(), path, format=FORMAT))
    assert events[0].before == 2
    assert files_of(Path(again.result())) == expected
    told = io.provenance_path(path).read_text()
    assert image_hash(io.read_image(tmp_path / "in.zarr", "ZYX")) in told


@pytest.mark.parametrize("mapped", [True, False])
def test_a_tiff_that_is_cut_short_midway_and_copied_again(mapped: bool, tmp_path: Path, small: None) -> None:
    path = tmp_path / "in.tif"
    tifffile.imwrite(path, picture(3, 150, 133), photometric="minisblack", compression=None if mapped else "zlib")
    whole = path.read_bytes()
    expected = unbroken(io.read_image(path, "ZYX"), tmp_path / "whole")
    run = predict_store(io.read_image(path, "ZYX"), network(), tmp_path / "m.zarr", format=FORMAT, engine=ONE)
    next(run)
    if mapped:
        os.truncate(path, len(whole) // 2)  # in place: a page that is not there any more would end the program
        with pytest.raises(UserError, match=r"in.tif was cut short while it was open.*are kept"):
            run.result()
    else:
        run.close()
    put_back(path, whole)
    events = list(again := predict_store(io.read_image(path, "ZYX"), network(), tmp_path / "m.zarr", format=FORMAT))
    assert events[0].before >= 1
    assert files_of(Path(again.result())) == expected


def test_a_mask_that_is_damaged_midway_and_copied_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    mask = io.save_mask(tmp_path / "m.zarr", discs((70, 90)), classes=TABLE)
    expected = objects_to_store(open_class_store(mask), tmp_path / "whole.zarr", ObjectSearch(), format=SMALL).result()
    run = objects_to_store(open_class_store(mask), tmp_path / "o.zarr", ObjectSearch(), format=SMALL)
    next(run)
    torn = next(one for one in (mask / "0").rglob("*") if one.is_file() and not one.name.startswith("."))
    kept = torn.read_bytes()
    put_back(torn, kept[:10])
    with pytest.raises(UserError, match=r"block at Y=\d+ to \d+, X=\d+ to \d+ of .*damaged.*are kept"):
        run.result()
    with pytest.raises(UserError, match=r"block at Y=0 to 69, X=0 to 89 of 'm'.*damaged"):
        list(count_store(mask))
    put_back(torn, kept)
    first, *_ = again = list(run := objects_to_store(open_class_store(mask), tmp_path / "o.zarr", ObjectSearch(),
                                                     format=SMALL))
    assert (first.before, again[-1].done) == (1, again[-1].total)
    assert files_of(Path(run.result().path) / "0") == files_of(Path(expected.path) / "0")


def test_what_was_seen_is_compared_wherever_it_lies(small: None) -> None:
    data, model = picture(1, 300, 133), network("shallow")
    image = Image(data, "NYX")
    plane_facts(image, 0, model.weights.normalisation.low, model.weights.normalisation.high)
    plan = plan_blocks(image, model, 32)
    notes = {}
    for number in (0, 1):
        with seeing(image) as parts:
            answer_block(model, image, plan.block(number))
        notes[number] = input_note(parts, None)
    read = [ReadPart.read(text) for text in notes[0].split()[1:]]
    bottom = max(one.rows[1] for one in read if one is not None)
    assert bottom > plan.block(0).box.y1, "what lies around a block is noted, too"
    for row, same in ((bottom - 1, False), (299, True)):
        other = data.copy()
        other[0, row, 5] ^= 1
        assert is_same_input(Image(other, "NYX"), plan, lambda _: None, {0: notes[0]}) is same
    assert is_same_input(image, plan, lambda _: None, notes)
    for odd in ("", "-", "- nonsense", "- 7/0:9/0:9/00000000", notes[0].rpartition("/")[0]):
        assert not is_same_input(image, plan, lambda _: None, {0: odd})


def test_in_its_last_moment_a_run_is_only_ended(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(tmp_path / "in.tif", picture(150, 133), photometric="minisblack")
    save_model(tmp_path / "m.pt", network())
    words = ["predict", str(tmp_path / "in.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "--blocks"]
    for name in ("a.zarr", "a.tif"):
        (tmp_path / name[-3:]).mkdir()
        again = [*words, "-o", str(tmp_path / name[-3:] / name)]
        with monkeypatch.context() as patched:
            patched.setattr(LocalRun, "remove", killed)
            assert main(again) == 130
        made = (tmp_path / name[-3:] / name).stat()
        (tmp_path / name[-3:] / f"{name}.provenance.json").unlink()
        assert len(list((tmp_path / name[-3:]).iterdir())) > 1
        for other in (["--painted-ids"], ["--index", "0"]):
            assert main([*again, *other]) == 1, "something else is asked for"
            assert "exists already" in capsys.readouterr().err
        assert main([*again, *(["--resume"] if name == "a.tif" else [])]) == 0
        assert (tmp_path / name[-3:] / name).stat() == made, "nothing is made again"
        assert sorted(one.name for one in (tmp_path / name[-3:]).iterdir()) == [name, f"{name}.provenance.json"]
        assert main(again) == 1
        assert "exists already" in capsys.readouterr().err


def test_what_was_to_take_its_name_when_the_run_was_killed_is_not_thrown_away(tmp_path: Path) -> None:
    run = LocalRun(tmp_path / "m.zarr")
    (run.store / "0").mkdir(parents=True)
    (run.store / "0" / ".zarray").touch()
    run.begin("{}")
    (run.store / "0").mkdir(parents=True)
    (run.store / "0" / ".zarray").touch()
    run.note_named(run.store)
    run.close()
    os.replace(run.store, tmp_path / ".m.zarr.0123abcd.partial")
    run.recover()
    assert run.is_begun()
    assert not run.is_named()
    os.replace(run.store, tmp_path / "m.zarr")
    assert run.is_named()
    shutil.copytree(tmp_path / "m.zarr", tmp_path / "other")
    shutil.rmtree(tmp_path / "m.zarr")
    os.replace(tmp_path / "other", tmp_path / "m.zarr")
    assert not run.is_named(), "somebody else's"


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("moment", [ObjectScratch, LocalRun])
def test_objects_that_were_put_together_when_the_run_was_killed(
    moment: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    mask = io.save_mask(tmp_path / "m.zarr", discs((70, 90)), classes=TABLE)
    words = ["objects", str(mask), "--blocks", "--table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "o.zarr")]
    with monkeypatch.context() as patched:
        patched.setattr(moment, "remove", killed)
        assert main(words) == 130
    assert _named_run.is_left_named(tmp_path / "o.zarr")
    before = files_of(tmp_path / "o.zarr")
    assert main(words) == 0
    assert files_of(tmp_path / "o.zarr") == before
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "m.zarr", "o.zarr", "o.zarr.provenance.json", "t.csv"]
    assert main([*words[:-1], str(tmp_path / "p.zarr"), "--overwrite"]) == 0
    assert files_of(tmp_path / "p.zarr" / "0") == files_of(tmp_path / "o.zarr" / "0")


def test_chunks_that_hold_nothing_are_said_to_be_damaged(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", shape=(24, 20), chunks=(8, 10), dtype="uint8", zarr_format=2)[:] = 1
    known = json.loads((tmp_path / "a.zarr/.zarray").read_text("utf-8"))
    (tmp_path / "a.zarr/.zarray").write_text(json.dumps({**known, "chunks": [0, 10]}), "utf-8")
    with pytest.raises(UserError, match=r"a\.zarr"):
        io.read_image(tmp_path / "a.zarr").plane(0)
