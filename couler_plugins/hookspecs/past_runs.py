"""Contract of `couler history`: how past runs of an engine become a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

__all__ = ["Archive", "ArchiveSource"]


class ArchiveSource(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine is asked.

    Attributes:
        place: where it is: the URL of its API, or what else the engine has; empty for what the environment says.
        max_bytes: the most bytes that one answer may have.
    """

    place: str = ""
    max_bytes: int


class Archive(Protocol):
    """An adapter's facet for one engine. Nothing is connected to before the first call."""

    def fetch(self, workflows: Sequence[str], newest: int) -> Mapping[str, Any]:
        """The newest runs of some workflows that have ended, as a document that `couler_runs` of the plugin reads.

        It holds what runs are judged by and nothing else: no values, no code, no credentials. Credentials come from
        the environment, and are in no message.

        Args:
            workflows: their names.
            newest: how many runs of each.

        Raises:
            InvalidInput: there is no such workflow, or nothing says where the engine is or who asks.
            EngineError: the engine refuses, does not answer, or says what it cannot mean.
        """
