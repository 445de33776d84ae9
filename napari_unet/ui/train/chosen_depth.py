"""How far answers look beyond planes, as it is chosen among the settings of the network. Shows nothing."""

from __future__ import annotations

from collections.abc import Mapping

from napari_unet.core.depth import DEPTHS, Depth
from napari_unet.core.latest import Latest
from napari_unet.project.project_contents import METHOD
from napari_unet.session.annotation_session import Session


class ChosenDepth:
    """What is chosen now, for another thread to read.

    Parameters
    ----------
    session : Session
        Holds the settings.

    Attributes
    ----------
    latest : Latest of str or None
        None: by voxels and strokes.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.latest: Latest[Depth | None] = Latest(None)
        session.settings_changed.connect(self._read)  # weakly: it lets go with whoever holds this
        self._read()

    def _read(self) -> None:
        method = self._session.settings.get(METHOD)
        parameters = method.get("parameters") if isinstance(method, Mapping) else None
        depth = parameters.get("volume") if isinstance(parameters, Mapping) else None
        self.latest.put(next((one for one in DEPTHS if one == depth), None))
