"""The identity of a run where nobody gives one."""

from __future__ import annotations

import secrets

__all__ = ["new_run"]

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
DIGITS = 10


def new_run() -> str:
    """A name that no other run has."""
    return "".join(secrets.choice(ALPHABET) for _ in range(DIGITS))
