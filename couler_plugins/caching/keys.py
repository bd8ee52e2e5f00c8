"""Cache keys: sha256 over unambiguous JSON, the same at compile time and at run time.

Engines compute keys in Go, so the bytes are those of Go's `encoding/json`: `<`, `>`, `&`, U+2028 and U+2029 are
escaped, everything else beyond ASCII is not (https://pkg.go.dev/encoding/json#Marshal).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

VERSION = "v1"
"""The version of the list that is hashed; a change of what keys cover changes it."""

LINEAGE = "couler-lineage"
"""The name of the first parameter that hands a step what its key has to cover beside its inputs."""

PREFIX = "COULER_PLACE_"
"""How the variables of a step begin in a container of ours, which has variables of its own for its store."""

SALT = "couler-salt"
"""The name of the first input that carries a salt; those of run-time values have a number behind it."""

ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def go_json(value: Any) -> bytes:
    """JSON-like data as Go's `json.Marshal` writes it, mappings sorted by key."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(ESCAPES).encode("utf-8", "surrogatepass")


def digest(value: Any) -> str:
    """The sha256 of JSON-like data, in hexadecimal."""
    return hashlib.sha256(go_json(value)).hexdigest()


def spec_hash(content: Any) -> str:
    """What a document's `couler.io/key-spec` says of an operation: the version and the hash of what it is."""
    return f"{VERSION}:{digest(content)}"


def key(spec: str, values: Iterable[str]) -> str:
    """The key of one run of an operation.

    Args:
        spec: its spec hash, as `spec_hash` gives it.
        values: the values of its inputs and of what it reads of the run, in the order of their names.
    """
    version, _, content = spec.partition(":")
    return digest([version, content, *values])


def lineage_names(count: int) -> list[str]:
    """The names of the parameters that carry a lineage of that many parts."""
    return [LINEAGE if number == 0 else f"{LINEAGE}-{number}" for number in range(count)]
