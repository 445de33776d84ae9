"""The house rules that a reader relies on: who imports whom, what an import costs, how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from radon.complexity import cc_visit
from radon.visitors import Function

import napari_unet

PACKAGE = Path(__file__).parent.parent / "napari_unet"
FILES = sorted(PACKAGE.rglob("*.py"))
README = PACKAGE.parent / "README.md"


def layers() -> list[tuple[str, ...]]:
    """The table of the README: the rooms of each line, the topmost first."""
    text = README.read_text(encoding="utf-8")
    block = text.partition("Who may import whom:")[2].split("```")[1]
    return [tuple(line.split()) for line in block.strip().splitlines()]


def module_name(file: Path) -> str:
    return ".".join(("napari_unet", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {module_name(file): file for file in FILES}


def imported(file: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in the file."""
    names: set[str] = set()
    package = ("napari_unet", *file.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*base, *((node.module or "").split(".") if node.module else ())))
            for alias in node.names:
                whole = f"{start}.{alias.name}"
                lazy = napari_unet._PUBLIC.get(alias.name) if start == "napari_unet" else None
                names.add(whole if whole in MODULES else f"napari_unet.{lazy}" if lazy else start)
    return names & set(MODULES) - {module_name(file)}


def room(module: str) -> str:
    """``"learning"`` for ``"napari_unet.learning.trainer"``; nothing for the package itself."""
    return module.split(".")[1] if "." in module else ""


def test_every_room_is_in_the_table() -> None:
    listed = [name for line in layers() for name in line]
    assert len(listed) == len(set(listed))
    assert set(listed) == {room(name) for name in MODULES} - {"", "__main__"}


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room(name) not in ("", "__main__")))
def test_a_room_imports_only_rooms_below(module: str) -> None:
    level = {name: number for number, line in enumerate(layers()) for name in line}
    mine = room(module)
    wrong = [name for name in imported(MODULES[module])
             if room(name) and room(name) != mine and level[room(name)] <= level[mine]]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    wanted = {name: {one for one in imported(file) if MODULES[one].name != "__init__.py"}
              for name, file in MODULES.items() if file.name != "__init__.py"}
    free: set[str] = {""}
    while free:  # leave out whoever imports nobody that is left, or is imported by nobody that is left
        needed = set().union(*wanted.values())
        free = {name for name, others in wanted.items() if not others & set(wanted) or name not in needed}
        wanted = {name: others for name, others in wanted.items() if name not in free}
    assert not wanted


def test_no_two_modules_share_a_name() -> None:
    names = Counter(name.rpartition(".")[2] for name in MODULES)
    assert not [name for name, times in names.items() if times > 1]


def test_no_two_public_functions_or_classes_share_a_name() -> None:
    """So that a name says which thing is meant, wherever it is read."""
    names = Counter(
        node.name
        for file in FILES
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    )
    assert not [name for name, times in names.items() if times > 1]


def test_no_file_is_too_long() -> None:
    long = {str(file.relative_to(PACKAGE)): n for file in FILES if (n := len(file.read_text().splitlines())) > 300}
    assert not long, "find the missing object"


def test_no_function_is_too_tangled() -> None:
    """Cyclomatic complexity (McCabe 1976), conditional expressions and comprehensions included."""
    outside = [file for folder in ("benchmarks", "docs", "examples", "pretraining")
               for file in (PACKAGE.parent / folder).rglob("*.py")]
    tangled = {f"{file.name}: {block.name}": block.complexity for file in [*FILES, *outside]
               for whole in cc_visit(file.read_text(encoding="utf-8"))
               for block in (whole, *(whole.closures if isinstance(whole, Function) else ()))
               if isinstance(block, Function) and block.complexity > 15}
    assert not tangled, "find the missing object"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_neither_torch_nor_qt() -> None:
    heavy = run("import napari_unet, napari_unet.cli.parser, sys; "
                "print([m for m in ('torch', 'qtpy', 'napari', 'skimage', 'scipy') if m in sys.modules])")
    assert heavy.strip() == "[]"


@pytest.mark.parametrize("words", [["counts", "MASK", "-o", "c.csv"], ["objects", "MASK", "-o", "o.tif"]])
def test_what_looks_at_masks_alone_loads_no_torch(words: list[str], tmp_path: Path) -> None:
    """It takes longer to load than most masks to count, and the window stands still as long when an image is opened."""
    tifffile.imwrite(tmp_path / "mask.tif", np.eye(20, dtype=np.uint8), photometric="minisblack")
    places = [str(tmp_path / ("mask.tif" if one == "MASK" else one)) if "." in one or one == "MASK" else one
              for one in words]
    assert run("import sys\nfrom napari_unet.cli import main\nfrom napari_unet.io import REGISTRY\n"
               f"assert main({places!r}) == 0\nlist(REGISTRY)\n"
               "print('torch' in sys.modules)").splitlines()[-1] == "False"


def test_the_window_opens_without_torch() -> None:
    """It is loaded beside the window, once something is to be computed: opening a dock would wait for seconds."""
    modules = [name for name in MODULES if room(name) == "ui"]
    assert run("import importlib, sys\n"
               f"for name in {modules!r}:\n"
               "    importlib.import_module(name)\n"
               "print('torch' in sys.modules)").splitlines()[-1] == "False"


def test_everything_outside_ui_runs_without_gui_packages() -> None:
    modules = [name for name in MODULES if room(name) not in ("ui", "__main__")]
    run(
        "import importlib, sys\n"
        "for name in ('napari', 'qtpy', 'magicgui', 'superqt', 'PyQt5', 'PyQt6', 'PySide6', 'vispy'):\n"
        "    sys.modules[name] = None\n"
        f"for name in {modules!r}:\n"
        "    module = importlib.import_module(name)\n"
        "    assert not [one for one in getattr(module, '__all__', ()) if not hasattr(module, one)], name\n"
    )


def test_public_names_can_be_loaded() -> None:
    for name in napari_unet.__all__:
        assert getattr(napari_unet, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = napari_unet.nothing
    assert set(napari_unet.__all__) <= set(dir(napari_unet))


@pytest.mark.skipif(not (PACKAGE.parent / ".git").exists(), reason="only a clone has them, an sdist leaves links out")
def test_the_symlinks_at_the_top_point_into_the_package() -> None:
    top = PACKAGE.parent
    assert (top / "napari.yaml").resolve() == PACKAGE / "napari.yaml"
    assert (top / "sample_data").resolve() == PACKAGE / "sample_data"
