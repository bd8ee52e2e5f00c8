"""Texts that Airflow renders, as IR values that any engine can read: constants, parameters, and Jinja for all else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from couler_plugins.ir import Expression, Literal, Reference, Template, Value

__all__ = ["text_value"]

BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
PARAMETER = re.compile(r"\{\{\s*params(?:\.(?P<dotted>\w+)|\[(?P<quote>['\"])(?P<key>[\w-]+)(?P=quote)\])\s*\}\}")
NEWLINE = re.compile(r"\r\n|\r")


def text_value(data: Any) -> Value | None:
    r"""A text of a template field as a value; None for what is no text.

    Jinja drops one newline from the end of a text, and reads others as `\n`; `airflow.sdk.literal` keeps it from that.
    """
    if type(data).__name__ == "LiteralValue":
        return Literal(value=data.value) if isinstance(data.value, str) else None
    if not isinstance(data, str):
        return None
    text = NEWLINE.sub("\n", data).removesuffix("\n")
    parts = tuple(_parts(text))
    if len(parts) <= 1 and isinstance(parts[0] if parts else "", str):
        return Literal(value=text)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else Template(parts=parts)


def _parts(text: str) -> Iterator[str | Reference | Expression]:
    end = 0
    for block in BLOCK.finditer(text):
        if block.start() > end:
            yield text[end : block.start()]
        parameter = PARAMETER.fullmatch(block[0])
        if parameter is not None:
            yield Reference(to="parameter", kind="parameter", name=parameter["dotted"] or parameter["key"])
        else:
            yield Expression(language="jinja", parts=(block[0],))
        end = block.end()
    if end < len(text):
        yield text[end:]
