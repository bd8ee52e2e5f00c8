"""Writes scalars so that every reader takes them for the same value.

"Every reader" is YAML 1.1 and 1.2, goyaml and PyYAML: a text that one of them could take for a number, a date or a
boolean is quoted, if in doubt needlessly.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from couler_plugins.errors import InvalidInput

_RETYPED_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<"))
# Whatever begins like a number and has nothing in it that no number, date or time has: of the letters, only
# hexadecimal digits and those of 0x, 0o, T and Z.
_RETYPED = re.compile(r"[-+]?[_.]*[0-9][0-9a-fotxzA-FOTXZ_.:,+ -]*\Z|[-+]?\.(?:inf|nan)\Z", re.IGNORECASE)
# The first character must not be an indicator; inside, neither `: ` nor ` #`; the ends are neither space nor colon.
_PLAIN = re.compile(r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`=<]|[-<](?=[^\s\-<>]))(?:[^\n:#]|:(?=\S)|(?<=\S)#)*(?<![\s:])\Z")
_PLAIN_DASHES = re.compile(r"--(?=[a-zA-Z])")
_FLOW_UNSAFE = re.compile(r"[,\[\]{}:?]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_LONGEST_KEY = 1000
"""libyaml and goyaml look no further than 1024 characters for the colon of a key."""


def plain_or_quoted(value: Any, *, flow: bool = False) -> str:
    """A scalar on one line: plain where that is safe, else in double quotes, or in single ones if that saves escapes.

    Args:
        value: the scalar.
        flow: whether it will stand inside of brackets.

    Raises:
        InvalidInput: JSON, or Kubernetes, cannot hold the value.
    """
    if not isinstance(value, str):
        return _not_text(value)
    if _is_plain(value, flow):
        return value
    escapes = ('"' in value or "\\" in value) and "'" not in value and _fits_single_quotes(value)
    return f"'{value}'" if escapes else _double_quoted(value)


def key_text(key: str, *, flow: bool = False, quoted: bool = False) -> str:
    """A mapping key.

    Raises:
        InvalidInput: it is no text, or one that no file can hold.
    """
    if not isinstance(key, str):
        raise InvalidInput(f"a mapping's key is {key!r}, not a text")
    return styled(key, '"' if quoted else "", flow=flow)


def needs_question_mark(key: str) -> bool:
    """Whether a key, as `key_text` writes it, is too long to be found without a `?` before it."""
    return len(key) > _LONGEST_KEY


def styled(value: Any, style: str, *, flow: bool) -> str:
    """A scalar on one line, in the quotes that its predecessor had, where they can hold it.

    Raises:
        InvalidInput: as `plain_or_quoted`.
    """
    if isinstance(value, str) and style == '"':
        return _double_quoted(value)
    if isinstance(value, str) and style == "'" and _fits_single_quotes(value):
        return "'" + value.replace("'", "''") + "'"
    return plain_or_quoted(value, flow=flow)


def literal(value: Any, step: int) -> tuple[str, list[str]] | None:
    """A text of several lines as a literal block: its header and its lines, or None where no block can hold it.

    Args:
        value: any value.
        step: by how many columns the lines will be indented more than the mapping or list that holds them.
    """
    if not isinstance(value, str) or "\n" not in value or not value.strip("\n") or _UNPRINTABLE.search(value):
        return None
    body = value.rstrip("\n")
    ends = len(value) - len(body)
    chomping = "-" if ends == 0 else "" if ends == 1 else "+"
    # libyaml guesses the indentation from the first line with text; one that begins with a blank would mislead it.
    indicator = str(step) if body.lstrip("\n")[0] in " \t" else ""
    return f"|{indicator}{chomping}", [*body.split("\n"), *[""] * (ends - 1)]


def _is_plain(text: str, flow: bool) -> bool:
    if not _PLAIN.match(text) and not (_PLAIN_DASHES.match(text) and _PLAIN.match(text[2:])):
        return False
    changes = text.lower() in _RETYPED_WORDS or _RETYPED.match(text)
    breaks = _UNPRINTABLE.search(text) or "\t" in text or text.startswith("...")
    return not (changes or breaks or (flow and _FLOW_UNSAFE.search(text)))


def _fits_single_quotes(text: str) -> bool:
    return "\n" not in text and not _UNPRINTABLE.search(text)


def _double_quoted(text: str) -> str:
    return _UNPRINTABLE.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xD800 <= code < 0xE000:
        raise InvalidInput("a text holds a lone surrogate, which is no character", hint="replace the character")
    return f"\\u{code:04X}"


def _not_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise InvalidInput(f"{value} is beyond the integers that Kubernetes knows", hint="write it as text")
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        text = repr(value)
        # PyYAML and YAML 1.1 take 1e+16 for text; with a dot it is a number for everyone.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    raise InvalidInput(f"{value!r} is no JSON value", hint="use text, numbers, true, false, null, mappings and lists")
