"""What there is to say of a project at one moment, in words: one line, and what can be done. Changes nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

OFF = ("project_keep", "Keep strokes from now on", "Make a project; strokes are then on disk at once.")
COPY = ("project_copy", "Save a copy...", "A copy of your own, with all that you have painted here.")
SAVE_AS = ("project_save_as", "Save elsewhere...", "Save the project in another place, and go on there.")
FIND = ("project_find", "Find images...", "Say in which folder the images are now.")


@dataclasses.dataclass(frozen=True)
class ProjectStatus:
    """What the line shows.

    Parameters
    ----------
    text : str
        One line; may be cut in its middle.
    tooltip : str
        The same whole.
    more : str
        What else must be said, in whole sentences.
    urgent : bool
        Whether something is not kept.
    actions : tuple of (name, label, tooltip)
        What can be done about it.
    """

    text: str
    tooltip: str = ""
    more: str = ""
    urgent: bool = False
    actions: tuple[tuple[str, str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class ProjectFacts:
    """What the line is made of.

    Parameters
    ----------
    path : Path or None
        Of the open project.
    keep : bool
        Whether a project is made at the first stroke.
    painted : bool
        Whether anything is painted.
    unsaved : bool
        Whether something was painted that is not on disk.
    read_only : bool
    trouble : str
        Why the last try to save failed, ``""`` if it did not.
    missing : int
        Images that are not where they were.
    large : tuple of (str, str)
        Names and sizes of images that wait for a click before they are stored.
    warning : str
        What went wrong last.
    """

    path: Path | None
    keep: bool
    painted: bool = False
    unsaved: bool = False
    read_only: bool = False
    trouble: str = ""
    missing: int = 0
    large: tuple[tuple[str, str], ...] = ()
    warning: str = ""


def status_of(facts: ProjectFacts) -> ProjectStatus:
    """Put facts into words."""
    if facts.path is None:
        return _without(facts)
    path = str(facts.path)
    if facts.read_only:
        return ProjectStatus(
            f"Read only: {path}", f"{path} is written by another window. Nothing that you do here is saved in it.",
            facts.warning or "What you paint here is in memory only: save a copy to keep it.", facts.unsaved, (COPY,),
        )
    if facts.trouble:
        return ProjectStatus(
            f"Not saved: {path}", path,
            _joined(facts.warning, facts.trouble, "You can paint on."),
            True, (SAVE_AS,),
        )
    more, actions = [facts.warning], []
    if facts.missing:
        one = facts.missing == 1
        more.append(f"{facts.missing} image{' is' if one else 's are'} not where {'it was' if one else 'they were'}; "
                    f"{'its' if one else 'their'} strokes are kept.")
        actions.append(FIND)
    if facts.large:
        named = ", ".join(f"{name} ({size})" for name, size in facts.large)
        more.append(f"No file gives {named} again. Stored in the project, it opens on other days; its strokes are kept "
                    "either way.")
        actions.append(("project_store", "Store it in the project", "Takes this much of the disk, less if it packs."))
    return ProjectStatus(f"Kept in {path}", f"Your strokes are kept in {path}", _joined(*more), False, tuple(actions))


def _without(facts: ProjectFacts) -> ProjectStatus:
    if facts.keep:
        return ProjectStatus("Your strokes will be kept.", "Your first stroke makes a folder, the project: beside the "
                             "image where that may be written, else in your documents. The menu has the choice.",
                             facts.warning)
    if not facts.painted:
        return ProjectStatus("Strokes are not kept.", "They are in memory only. The menu has the choice.",
                             facts.warning)
    return ProjectStatus("Strokes in memory only", "They are lost when napari ends, unless you save their "
                         "layers.", facts.warning, True, (OFF,))


def _joined(*sentences: str) -> str:
    return " ".join(one for one in sentences if one)
