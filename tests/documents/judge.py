"""Judges of couler_plugins.documents that share no code with it: they only know the meaning of edits and of YAML."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from yaml._yaml import CParser
from yaml.tokens import ScalarToken, StreamEndToken

from couler_plugins.testing.comparing import apply, exactly
from support import corpus_paths

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["apply", "comments", "corpus", "exactly"]


def corpus() -> list[Path]:
    """The Argo manifests, but for those that may be written anew as a whole: in flow style, and with anchors."""
    return [path for path in corpus_paths("argo") if path.name not in ("anchors.yaml", "flow-style.yaml")]


def comments(text: str) -> Counter[str]:
    """All comments of a YAML text: what stands between libyaml's tokens and begins with #."""
    found: Counter[str] = Counter()
    body = text.removeprefix("\ufeff")
    parser = CParser(body)
    at = 0
    while True:
        token: Any = parser.get_token()
        gap = body[at : token.start_mark.index]
        if type(token) is ScalarToken and token.style in ("|", ">"):
            gap += body[token.start_mark.index :].split("\n", 1)[0].lstrip("|>+-0123456789")
        found.update(line.strip() for line in re.findall("#[^\n]*", gap))
        at = token.end_mark.index
        if type(token) is StreamEndToken:
            return found
