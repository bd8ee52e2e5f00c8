"""Texts that Airflow renders, as IR values that any engine can read: constants, parameters, outputs of steps.

What Airflow fills in and is no more than one of these stands as a reference; all other Jinja is left as an expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from couler_airflow.cache.parsed import JINJA
from couler_airflow.portable.facts import FACT_KEYS, fact
from couler_airflow.pulls import texts_named
from couler_plugins.ir import Expression, Literal, Reference, Template, Value

PARAMETER = re.compile(r"\{\{\s*params(?:\.(?P<dotted>\w+)|\[(?P<quote>['\"])(?P<key>[\w-]+)(?P=quote)\])\s*\}\}")
KEY = re.compile(rf"\{{\{{\s*(?:dag_run\.)?({'|'.join(FACT_KEYS)})\s*\}}\}}")
PULL = re.compile(r"\{\{\s*(?:ti|task_instance)\.xcom_pull\([^()]*\)\s*\}\}")
NEWLINE = re.compile(r"\r\n|\r")
TEXT = "_text"
"""What follows the name of an output that is what Airflow renders of an XCom."""


def text_value(data: Any) -> Value | None:
    r"""A text of a template field as a value; None for what is no text.

    Jinja drops one newline from the end of a text, and reads others as `\n`; `airflow.sdk.literal` keeps it from that.
    """
    if type(data).__name__ == "LiteralValue":
        return Literal(value=data.value) if isinstance(data.value, str) else None
    if type(data).__name__ == "PlainXComArg":
        return _pulled(data.operator.task_id, data.key)
    if not isinstance(data, str):
        return None
    text = NEWLINE.sub("\n", data).removesuffix("\n")
    parts = tuple(_parts(text))
    if len(parts) <= 1 and isinstance(parts[0] if parts else "", str):
        return Literal(value=text)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else Template(parts=parts)


def _parts(text: str) -> Iterator[str | Reference | Expression]:
    end = 0
    for block in JINJA.finditer(text):
        if block.start() > end:
            yield text[end : block.start()]
        yield _block(block[0])
        end = block.end()
    if end < len(text):
        yield text[end:]


def _block(text: str) -> Reference | Expression:
    if (parameter := PARAMETER.fullmatch(text)) is not None:
        return Reference(to="parameter", kind="parameter", name=parameter["dotted"] or parameter["key"])
    if (key := KEY.fullmatch(text)) is not None:
        return fact(key[1])
    if PULL.fullmatch(text):
        (pull,) = texts_named(text)
        is_own = (pull.dag, pull.run, pull.past) == (None, None, False)
        if is_own and isinstance(pull.tasks, tuple) and len(pull.tasks) == 1 and isinstance(pull.key, str):
            return _pulled(pull.tasks[0], pull.key)
    return Expression(language="jinja", parts=(text,))


def _pulled(task: str, key: str) -> Reference:
    """What stands for the text of an XCom until the step that gives it is known."""
    return Reference(to="output", kind="result", step=task, name=key)
