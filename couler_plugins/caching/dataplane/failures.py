"""What is said of a failure that is no error, and the one that always is."""

from __future__ import annotations

from couler_plugins.errors import CoulerError, EngineError
from couler_plugins.net.redacting import redact


class NotPutBack(EngineError):
    """Not all outputs could be put into place, and not all that was there could be put back."""


def reason_of(error: Exception) -> str:
    """Why something has failed, in one sentence without secrets."""
    if isinstance(error, CoulerError):
        return redact(error.message)
    if isinstance(error, OSError) and error.strerror:
        return redact(error.strerror if error.filename is None else f"{error.filename}: {error.strerror}")
    return redact(error)
