"""What is told to a model: without secrets, and without end."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.redacting import redact

__all__ = ["LONGEST_TEXT", "cleaned"]

LONGEST_TEXT = 4_000
"""Characters of one text that a model is told."""

KEYS = re.compile(r"\b(?:sk-|hf_|gh[pousr]_|AKIA|xox[abp]-)[A-Za-z0-9_-]{10,}")
"""What keys of well-known services look like, with no name before them."""


def cleaned(data: Any) -> Any:
    """JSON-like data without what is secret in its texts, and without what is too long."""
    match data:
        case str():
            return KEYS.sub("***", redact(data))[:LONGEST_TEXT]
        case dict():
            return {key: cleaned(value) for key, value in data.items()}
        case list() | tuple():
            return [cleaned(value) for value in data]
        case _:
            return data
