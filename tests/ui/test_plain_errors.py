"""Errors that nobody caught: a sentence where it is known what is behind them, as napari tells them where it is not."""

from __future__ import annotations

from napari.utils.notifications import ErrorNotification, Notification, notification_manager

from napari_unet.core.errors import UserError
from napari_unet.ui.plain_errors import PLAIN_ERRORS


def raised_from(told: bool) -> Exception:
    """Return an error that came of one written for people, or that came up while that was being handled."""
    try:
        try:
            raise UserError("the disk is full")
        except UserError as error:
            if told:
                raise RuntimeError("nothing was written") from error
            {}["a mistake of ours"]
    except (RuntimeError, KeyError) as error:
        return error
    raise AssertionError


def test_an_error_is_told_with_what_it_was_raised_from_and_not_with_what_was_handled_just_then() -> None:
    said: list[Notification] = []
    PLAIN_ERRORS.listen()
    with notification_manager:  # as while napari runs
        notification_manager.notification_ready.connect(said.append)
        for told in (True, False):
            notification_manager.dispatch(ErrorNotification(raised_from(told)))
        notification_manager.notification_ready.disconnect(said.append)
    plain, other = said
    assert plain.message == "the disk is full"
    assert not isinstance(plain, ErrorNotification)
    assert isinstance(other, ErrorNotification)
    assert isinstance(other.exception, KeyError)
