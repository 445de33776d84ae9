"""The house rules that a reader relies on: who imports whom, what an import costs, how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "napari_unet"
FILES = sorted(PACKAGE.rglob("*.py"))
REGISTRIES = ("networks", "segmenters", "losses", "metrics", "io", "report", "sample_data", "pretrained")


def imported(file: Path) -> set[str]:
    """Absolute names of everything a file of the package imports, wherever in the file."""
    names: set[str] = set()
    package = ("napari_unet", *file.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*base, *((node.module or "").split(".") if node.module else ())))
            names |= {f"{start}.{alias.name}" for alias in node.names}
    return names


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    ("inside", "forbidden"),
    [
        ("core", ("networks", "segmenters", "losses", "metrics", "io", "report", "sample_data", "pretrained", "session",
                  "workflows", "comparison", "contenders", "inputs", "cli", "ui")),
        *((registry, ("session", "workflows", "cli", "ui")) for registry in REGISTRIES),
        ("workflows", ("session", "cli", "ui")),
        ("session", ("cli", "ui")),
        ("cli", ("ui",)),
        ("ui", ("cli",)),
    ],
)
def test_imports_point_downwards(inside: str, forbidden: tuple[str, ...]) -> None:
    checked = [file for file in FILES if room(file) == inside]
    assert checked
    wrong = {
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file in checked
        for name in imported(file)
        for other in forbidden
        if name == f"napari_unet.{other}" or name.startswith(f"napari_unet.{other}.")
    }
    if inside == "sample_data":  # a command-line script of its own is not the cli
        wrong = {one for one in wrong if "generate" not in one}
    assert not wrong


def test_no_file_is_too_long() -> None:
    long = {str(file.relative_to(PACKAGE)): n for file in FILES if (n := len(file.read_text().splitlines())) > 330}
    assert not long, "find the missing object"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_neither_torch_nor_qt() -> None:
    heavy = run("import napari_unet, napari_unet.cli.parser, sys; "
                "print([m for m in ('torch', 'qtpy', 'napari', 'skimage', 'scipy') if m in sys.modules])")
    assert heavy.strip() == "[]"


def test_everything_outside_ui_runs_without_gui_packages() -> None:
    modules = [
        ".".join(("napari_unet", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for file in FILES
        if room(file) != "ui" and file.name != "__main__.py"
    ]
    run(
        "import importlib, sys\n"
        "for name in ('napari', 'qtpy', 'magicgui', 'superqt', 'PyQt5', 'PyQt6', 'PySide6', 'vispy'):\n"
        "    sys.modules[name] = None\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
    )


def test_public_names_can_be_loaded() -> None:
    import napari_unet

    for name in napari_unet.__all__:
        assert getattr(napari_unet, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = napari_unet.nothing
    assert set(napari_unet.__all__) <= set(dir(napari_unet))


def test_the_symlinks_at_the_top_point_into_the_package() -> None:
    top = PACKAGE.parent
    assert (top / "napari.yaml").resolve() == PACKAGE / "napari.yaml"
    assert (top / "sample_data").resolve() == PACKAGE / "sample_data"
