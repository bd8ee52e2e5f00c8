"""Settings behind WITH: `name = value`, with or without commas between them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Token

from couler_plugins.sql.source import Source
from couler_plugins.sql.statements import Attribute, Content, Scalar

VALIDATION_QUERY = "validation.select"
COMMA = "put a comma between settings"


def read_attributes(source: Source, tokens: Sequence[Token]) -> tuple[Attribute, ...]:
    """Read the settings behind WITH.

    Raises:
        Refused: something is no setting, or a setting is there twice.
    """
    signs = [number for number, token in source.outside(tokens) if source.word(token) == "="]
    if not signs:
        raise source.refusal(tokens[0], f"{source.slice(tokens[:1])!r:.60} has no value", "write name = value")
    starts = [_name_start(source, tokens, sign) for sign in signs]
    if starts[0] != 0:
        raise source.refusal(tokens[0], f"{source.slice(tokens[:1])!r:.60} is not expected here", "write name = value")
    attributes: dict[str, Attribute] = {}
    for start, sign, end in zip(starts, signs, [*starts[1:], len(tokens)], strict=True):
        own = tokens[sign + 1 : end]
        if own and source.word(own[-1]) == "," and end < len(tokens):
            own = own[:-1]
        if not own:
            raise source.refusal(tokens[sign], "there is no value", "write name = value")
        name = source.slice(tokens[start:sign])
        if name in attributes:
            raise source.refusal(tokens[start], f"the setting {name!r} is there twice", "write it once")
        attributes[name] = Attribute(name, _value(source, own), source.place(tokens[start]))
    return tuple(attributes.values())


def _name_start(source: Source, tokens: Sequence[Token], sign: int) -> int:
    """The number of the first token of the dotted name before a sign."""
    start = sign - 1
    while start >= 2 and source.word(tokens[start - 1]) == "." and tokens[start - 2].end + 1 == tokens[start - 1].start:
        start -= 2
    if start < 0 or not _is_word(tokens[start]):
        raise source.refusal(tokens[sign], "there is no name before '='", "write name = value")
    return start


def _is_word(token: Token) -> bool:
    return token.text[:1].isalpha() or token.text[:1] == "_"


def _value(source: Source, tokens: Sequence[Token]) -> Content:
    if source.word(tokens[0]) == "[" and source.word(tokens[-1]) == "]":
        return tuple(_scalar(source, part) for part in source.split(tokens[1:-1]) if part)
    return _scalar(source, tokens)


def _scalar(source: Source, tokens: Sequence[Token]) -> Scalar:
    text = source.joined(tokens, COMMA)
    if len(tokens) == 1 and text[:1] in "'\"`":
        return tokens[0].text
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_text(source: Source, tokens: Sequence[Token]) -> str:
    """Read a text in quotes, such as a word of CMD.

    Raises:
        Refused: it is something else.
    """
    if len(tokens) != 1 or source.slice(tokens)[:1] not in "'\"":
        raise source.refusal(tokens[0], f"{source.slice(tokens)!r:.60} is no text", "put it in quotes")
    return tokens[0].text
