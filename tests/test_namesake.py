"""The plugin on PyPI that has our old name and installs into the same folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_unet.cli import main
from napari_unet.cli.demo_command import why_no_window
from napari_unet.core.namesake import namesake_warning


def test_nothing_is_said_where_only_ours_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert namesake_warning() == ""
    assert main(["info", "--json"]) == 0
    assert "warning" not in json.loads(capsys.readouterr().out)


def test_it_says_what_is_wrong_and_what_to_do(other_plugin: None) -> None:
    assert "overwrite each other" in namesake_warning()
    assert "`pip uninstall napari-unet napari-unet-live`" in namesake_warning()
    assert namesake_warning().endswith("install napari-unet-live again.")


@pytest.mark.parametrize("folder", ["Napari_UNet-1.0.dist-info", "napari.unet-1.0.dist-info", "napari_unet.egg-info"])
def test_whichever_way_the_name_is_written(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / folder).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert namesake_warning()


def test_our_own_name_is_not_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("napari_unet_live-0.1.0.dist-info", "napari_unet_live.egg-info"):
        (tmp_path / folder).mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert namesake_warning() == ""


def test_info_says_it(other_plugin: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    assert namesake_warning() in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warning"] == namesake_warning()


def test_the_demo_opens_no_window_that_could_be_the_other_plugins(other_plugin: None) -> None:
    assert namesake_warning() in str(why_no_window())
