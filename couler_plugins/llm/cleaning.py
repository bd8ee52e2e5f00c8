"""What is told to a model: without secrets, and without end."""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.net.redacting import HIDDEN, redact

__all__ = ["LONGEST_TEXT", "cleaned"]

LONGEST_TEXT = 4_000
"""Characters of one text that a model is told."""

KEYS = re.compile(r"\b(?:sk-|hf_|gh[pousr]_|AKIA|xox[abp]-)[A-Za-z0-9_-]{10,}")
"""What keys of well-known services look like, with no name before them."""


SECRET = re.compile(
    r"(?i)(?:.*[-_. ])?(?:password|passwd|passphrase|secret|token|credentials?|(?:access|account|api|private)[-_ ]?key)"
)
"""Names of what is secret, whatever it looks like."""


def cleaned(data: Any) -> Any:
    """JSON-like data without what is secret in its texts, and without what is too long."""
    match data:
        case str():
            return KEYS.sub(HIDDEN, redact(data))[:LONGEST_TEXT]
        case dict():
            return {key: HIDDEN if _is_secret(key, value) else cleaned(value) for key, value in data.items()}
        case list() | tuple():
            return [cleaned(value) for value in data]
        case _:
            return data


def _is_secret(key: object, value: object) -> bool:
    return isinstance(value, str) and SECRET.fullmatch(str(key)) is not None
