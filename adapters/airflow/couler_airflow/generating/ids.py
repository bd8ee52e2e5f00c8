"""Ids that Airflow takes, for tasks and groups with any name: letters, digits, - and _, and no two alike."""

from __future__ import annotations

import hashlib
import re

__all__ = ["Ids", "plain"]

OTHER = re.compile(r"[^A-Za-z0-9_-]+")
MAX = 250
"""Of an id with those of the groups around it (`airflow.utils.helpers.validate_key`)."""


def plain(name: str) -> str:
    """The name without what no id may have, and not too long."""
    result = OTHER.sub("_", name) or "_"
    return result if len(result) <= MAX else f"{result[: MAX - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


class Ids:
    """Gives each place an id within the group around it."""

    def __init__(self) -> None:
        self._own: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()

    def of(self, place: tuple[str, ...]) -> str:
        """The whole id of what stands at a place, the same at each call; those of groups around come first."""
        if not place:
            return ""
        if place not in self._own:
            around = self.of(place[:-1])
            wanted = plain(place[-1])
            own = self._whole(around, wanted)
            number = 1
            while own in self._taken:
                number += 1
                own = self._whole(around, f"{wanted}-{number}")
            self._taken.add(own)
            self._own[place] = own
        return self._own[place]

    @staticmethod
    def _whole(around: str, own: str) -> str:
        room = MAX - len(around) - 1 if around else MAX
        short = own if len(own) <= room else f"{own[: max(room - 9, 0)]}-{hashlib.sha256(own.encode()).hexdigest()[:8]}"
        return f"{around}.{short}" if around else short
