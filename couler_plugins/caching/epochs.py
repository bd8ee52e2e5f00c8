"""Points in time that a user gives: no plan reads a clock, so that the same call gives the same documents."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["Epoch"]


class Epoch(int):
    """Seconds since 1970, written as such (`1764115200`) or as a date in UTC, with a time or without (`2026-11-26`)."""

    @classmethod
    def parse(cls, text: str) -> Epoch:
        """The point in time that a text says.

        Raises:
            ValueError: the text is none.
        """
        if text.isascii() and text.isdigit() and len(text) <= 12:
            return cls(text)
        try:
            said = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r:.60} is neither a date such as 2026-11-26 nor seconds since 1970") from None
        return cls((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp())

    def period(self, seconds: int) -> int:
        """The number of the period of that many seconds which it is in."""
        return int(self) // seconds
