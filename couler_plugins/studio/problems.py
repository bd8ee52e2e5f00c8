"""Errors as the page shows them."""

from __future__ import annotations

from couler_plugins.editing.apply import ActionError
from couler_plugins.errors import CoulerError
from couler_plugins.studio.state_messages import Problem


def problem_of(error: CoulerError) -> Problem:
    """Return an error as the page shows it."""
    number = error.number if isinstance(error, ActionError) else None
    return Problem(
        message=error.message, hint=error.hint or "", file=error.file or "", line=error.line or 0, action=number
    )
