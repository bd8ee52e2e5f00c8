"""Writes whole documents."""

from __future__ import annotations

import json
from typing import Any

from couler_plugins.documents.emitter import Emitter, Indentation
from couler_plugins.errors import InvalidInput

__all__ = ["dump_json", "dump_yaml"]


def dump_yaml(data: Any, *, indentation: Indentation | None = None) -> str:
    """The data as one YAML document, in block style and the order of its keys.

    Every reader (YAML 1.1 and 1.2, Kubernetes, PyYAML) gets the same data from it: no anchors, no wrapped lines, texts
    of several lines as literal blocks, and quotes around whatever could be taken for something else.

    Args:
        data: dict, list, str, int, float, bool and None.
        indentation: how things are indented; two columns, and lists not under their keys, unless told otherwise.

    Raises:
        InvalidInput: JSON, or Kubernetes, cannot hold a value.
    """
    emitter = Emitter(indentation or Indentation())
    emitter.value(data, 0)
    return "\n".join([*emitter.lines, ""])


def dump_json(
    data: Any, indent: int | str | None, *, separators: tuple[str, str] | None = None, ascii_only: bool = False
) -> str:
    """The data as JSON, in the order of its keys.

    Args:
        data: dict, list, str, int, float, bool and None.
        indent: the columns, or the characters, of one level; None for everything on one line.
        separators: what stands between items and after keys, if not the usual.
        ascii_only: whether other characters are written as escapes.

    Raises:
        InvalidInput: JSON cannot hold a value.
    """
    try:
        text = json.dumps(data, indent=indent, separators=separators, ensure_ascii=ascii_only, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"cannot be written as JSON: {error}") from None
    return f"{text}\n"
