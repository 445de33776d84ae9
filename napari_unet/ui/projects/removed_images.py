"""Takes images out of the project and, if that was a mistake, brings them back with strokes and prediction."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Pair
from napari_unet.project.records import ImageRecord, ResultRecord
from napari_unet.session.annotation_session import Session

from .loading import ImageOpener
from .project_images import ProjectImages


@dataclasses.dataclass(frozen=True, eq=False)
class _Removed:
    records: tuple[ImageRecord, ...]
    results: tuple[ResultRecord, ...]
    pairs: dict[str, Pair]
    order: tuple[str, ...]
    project: object


class RemovedImages:
    """What was taken out last.

    Parameters
    ----------
    images : ProjectImages
    session : Session
    opener : ImageOpener
    """

    def __init__(self, images: ProjectImages, session: Session, opener: ImageOpener) -> None:
        self._images, self._session, self._opener = images, session, opener
        self._last: _Removed | None = None

    @property
    def any(self) -> bool:
        """Whether there is something to bring back into the project that is open."""
        return self._last is not None and self._last.project is self._images.folder

    def take_out(self, keys: Sequence[str]) -> str:
        """Take images out of the project and out of the window; returns what was done, for people."""
        try:
            self._images.check_writable()
        except UserError as error:
            return str(error)
        state, opened = self._images.state, self._session.images
        assert state is not None
        records = tuple(one for one in state.images if one.id in keys)
        if opened.current in keys:
            at = opened.keys.index(opened.current)
            left = [key for key in (*opened.keys[at:], *reversed(opened.keys[:at])) if key not in keys]
            opened.choose(left[0] if left else None)
        self._last = _Removed(records, tuple(one for one in state.results if one.image in keys),
                              self._let_go(records), tuple(one.id for one in state.images), self._images.folder)
        self._images.remove(keys)
        count = len(records)
        return f"Took {count} image{'' if count == 1 else 's'} out of the project; the files are where they were."

    def _let_go(self, records: Sequence[ImageRecord]) -> dict[str, Pair]:
        """Take images out of the window and their strokes out of the session; returns these."""
        pairs = {}
        for one in records:
            self._opener.put_away(one.id)
            if one.pair_key in self._session.keys:
                pairs[one.pair_key] = self._session.pair(one.pair_key)
                self._session.remove_pair(one.pair_key)
        return pairs

    def bring_back(self) -> str:
        """Undo the last taking out; returns what was done, for people."""
        last, self._last = self._last, None
        if last is None:
            return ""
        self._images.bring_back(last.records, last.results, last.order)
        for key, pair in last.pairs.items():
            if key not in self._session.keys:
                self._session.put_pair(key, pair.image, pair.scribbles)
        count = len(last.records)
        return f"Brought {count} image{'' if count == 1 else 's'} back."
