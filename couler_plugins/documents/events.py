"""libyaml's events, with its complaints turned into InvalidInput."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from couler_plugins.documents.resolver import Scalar, key_text, resolve
from couler_plugins.errors import InvalidInput

Event: TypeAlias = Any
"""One of yaml.events. Their stubs say that marks may be None; libyaml sets them always."""

BOM = "\ufeff"


def event_parser(text: str) -> CParser:
    """A parser that gives the events of a text, whose marks count from after a byte-order mark.

    libyaml takes a BOM in a `str` for the first character of the first scalar, so it never gets to see it.
    """
    return CParser(text.removeprefix(BOM))


@contextmanager
def yaml_errors(text: str, name: str) -> Iterator[None]:
    """Within this context, whatever libyaml refuses in `text` (the file `name`) is an InvalidInput."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InvalidInput(
            "the text holds a lone surrogate, which UTF-8 cannot write",
            file=name,
            line=text.count("\n", 0, error.start) + 1,
            hint="replace the character or write it as an escape in double quotes",
        ) from None
    except ReaderError as error:
        before = text.removeprefix(BOM).encode("utf-8")[: error.position]
        raise InvalidInput(
            f"the character #x{ord(error.character) if isinstance(error.character, str) else error.character:02X}"
            f" is not allowed in YAML ({error.reason})",
            file=name,
            line=before.count(b"\n") + 1,
            hint="remove the character, or write it as an escape in double quotes",
        ) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = f" {error.context}" if error.context else ""
        begun = error.context_mark
        since = f" (begun on line {begun.line + 1})" if begun and mark and begun.line != mark.line else ""
        raise InvalidInput(
            f"not valid YAML: {error.problem or 'an unknown problem'}{context}{since}",
            file=name,
            line=mark.line + 1 if mark else None,
            hint=_hint(str(error.problem)),
        ) from None
    except YAMLError as error:
        raise InvalidInput(f"not valid YAML: {' '.join(str(error).split())}", file=name) from None


def _hint(problem: str) -> str:
    if "cannot start any token" in problem or "tab" in problem:
        return "indent with spaces, not tabs; quote a text that begins with @, ` or %"
    if "unexpected end of stream" in problem or "expected node content" in problem or "expected ',' or" in problem:
        return "a quote or bracket is not closed, or the file is cut off"
    if "mapping values are not allowed" in problem:
        return "quote the text that holds a colon followed by a space, or check the indentation"
    return "check the indentation and the quotes on this line and the line before it"


_MERGE_TAG = "tag:yaml.org,2002:merge"


def is_merge(event: Event) -> bool:
    """Whether a mapping's key is the merge key."""
    return bool(event.value == "<<" and (event.implicit[0] or event.tag == _MERGE_TAG))


def key_of(event: Event) -> str:
    """The text of a mapping's key in JSON.

    Raises:
        BadScalar: Kubernetes refuses the key.
    """
    return key_text(meaning(event, resolve))


def meaning(event: Event, how: Callable[[str | None, str], Scalar]) -> Scalar:
    """What a scalar stands for: its text, if it is quoted, or what the resolver `how` makes of it.

    Raises:
        BadScalar: Kubernetes refuses the scalar.
    """
    # Of `! yes`, goyaml keeps the text; libyaml calls it implicit.
    text: str = event.value
    if event.tag == "!" or (event.tag is None and not event.implicit[0]):
        return text
    return how(event.tag, text)
