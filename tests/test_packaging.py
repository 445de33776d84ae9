"""What is released: names, links and files of the wheel, built as it is for a release but without the network."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from hatch_build import absolute_links, checked, project_urls

TOP = Path(__file__).parent.parent
ADDRESS = "https://example.org/someone/something"
RELATIVE = re.compile(r"\]\((?!#|https?:)([^()\s]+)\)")


def build(target: str, source: Path, folder: Path) -> Path:
    done = subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder], cwd=source,
                          capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def metadata(wheel: Path) -> Message:
    (name,) = (one for one in contents(wheel) if one.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as file:
        return email.message_from_bytes(file.read(name))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree."""
    return build("wheel", TOP, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of this source tree, unpacked: no git around it."""
    folder = tmp_path_factory.mktemp("sdist")
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11 has it since 3.11.4
    with tarfile.open(build("sdist", TOP, folder)) as file:
        file.extractall(folder, **safely)
    (top,) = (one for one in folder.iterdir() if one.is_dir())
    return top


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("![the window](docs/images/a.png)", f"![the window]({ADDRESS}/raw/v1.2/docs/images/a.png)"),
        ("see [`how`](docs/how.md) and\n[two\nlines](LICENSE)", f"see [`how`]({ADDRESS}/blob/v1.2/docs/how.md) and\n"
         f"[two\nlines]({ADDRESS}/blob/v1.2/LICENSE)"),
        ("[a](docs/how.md#part)", f"[a]({ADDRESS}/blob/v1.2/docs/how.md#part)"),
        ("[a](https://pytorch.org) [b](#limits) [c](mailto:me@example.org)",) * 2,
        ("sample.references[0](x y), f[1] (z)",) * 2,
    ],
)
def test_links_become_absolute(text: str, found: str) -> None:
    assert absolute_links(text, ADDRESS, "v1.2") == found
    assert absolute_links(text, "", "v1.2") == text


def test_an_address_is_checked() -> None:
    assert checked("") == ""
    assert checked(f"{ADDRESS}/") == checked(f"{ADDRESS}.git") == ADDRESS
    for wrong in ("example.org/someone/something", "https://example.org", "git@example.org:someone/something",
                  f"{ADDRESS} (soon)"):
        with pytest.raises(ValueError, match="is not like https://host/owner/name"):
            checked(wrong)


def test_no_address_no_urls() -> None:
    assert project_urls("", "v1.2") == {}
    assert all(url.startswith(ADDRESS) for url in project_urls(ADDRESS, "v1.2").values())


def test_every_link_of_the_readme_leads_somewhere() -> None:
    targets = RELATIVE.findall((TOP / "README.md").read_text(encoding="utf-8"))
    assert targets
    assert all((TOP / target.partition("#")[0]).exists() for target in targets)


def test_the_wheel_is_the_package_under_our_name(wheel: Path) -> None:
    assert wheel.name.startswith("napari_unet_live-")
    found = metadata(wheel)
    assert found["Name"] == "napari-unet-live"
    extras = {"pyqt5", "pyqt6", "all", "smp", "exchange", "readers", "remote", "cluster"}
    assert extras == set(found.get_all("Provides-Extra", []))
    assert "Framework :: napari" in found.get_all("Classifier", [])
    assert {name.split("/")[0] for name in contents(wheel)} == {
        "napari_unet", f"napari_unet_live-{found['Version']}.dist-info"}
    assert {"napari_unet/napari.yaml", "napari_unet/pretrained/features.pt", "napari_unet/py.typed",
            "napari_unet/sample_data/nuclei/images.tif"} <= contents(wheel)


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    again = build("wheel", unpacked, tmp_path)
    assert contents(again) == contents(wheel)
    assert metadata(again).as_string() == metadata(wheel).as_string()


def test_one_setting_fills_in_urls_and_links(unpacked: Path, tmp_path: Path) -> None:
    clone = shutil.copytree(unpacked, tmp_path / "clone")
    (clone / "PKG-INFO").unlink()  # a source distribution takes from there what was filled in when it was made
    settings = (clone / "pyproject.toml").read_text(encoding="utf-8")
    changed = re.sub(r'^repository = ".*"$', f'repository = "{ADDRESS}"', settings, flags=re.MULTILINE)
    (clone / "pyproject.toml").write_text(changed, encoding="utf-8")
    found = metadata(build("wheel", clone, tmp_path / "built"))
    tag = f"v{found['Version']}"
    assert dict(line.split(", ", 1) for line in found.get_all("Project-URL", [])) == project_urls(ADDRESS, tag)
    text = str(found.get_payload())
    assert not RELATIVE.findall(text)
    assert f"]({ADDRESS}/raw/{tag}/docs/images/window.png)" in text
