"""The other plugin: on PyPI, ``napari-unet`` is not this project, and it installs a ``napari_unet/`` too."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

_WARNING = (
    "Another plugin, napari-unet, is installed too, and its files and ours overwrite each other: run "
    "`pip uninstall napari-unet napari-unet-live`, then install napari-unet-live again."
)


def namesake_warning() -> str:
    """Return what is wrong and what to do if the other plugin is in this environment, else nothing."""
    try:
        distribution("napari-unet")
    except PackageNotFoundError:
        return ""
    return _WARNING  # both have to go: what pip removes of the other's files may be ours
