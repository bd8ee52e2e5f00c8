"""Requests to a language model and its answers: cleaned before they are sent, and read as JSON."""

from __future__ import annotations

import re
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from couler_plugins.net.redacting import HIDDEN, redact


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model is asked.

    Attributes:
        messages: the conversation so far.
        schema: what the answer has to be, as a JSON schema.
        seed: of what the model draws; a server may ignore it.
        max_tokens: of the answer.
        temperature: how freely it draws; not at all at 0.
    """

    messages: tuple[Message, ...]
    schema: dict[str, Any]
    seed: int
    max_tokens: int
    temperature: float = 0.0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered.

    Attributes:
        text: the answer.
        model: which one it was, by its server's word.
        tokens_in, tokens_out: of the question and of the answer; 0 where the server does not say.
    """

    text: str
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class ModelUnavailable(Exception):
    """A model gave no answer, though it was asked again and again; who asks goes on with what there is."""


class Client(Protocol):
    """A language model."""

    def complete(self, request: Request) -> Reply:
        """The answer to a request.

        Raises:
            ModelUnavailable: there is none.
            InvalidInput: the server is not set up as it has to be; asking again would not help.
            BudgetReached: there is nothing left to ask for.
        """


LONGEST = 100_000
"""Characters of an answer that are looked at."""

T = TypeVar("T")


class Malformed(Exception):
    """An answer is not what was asked for; the text says why, and may be told to the model."""


def read_answer(text: str, wanted: type[T]) -> T:
    """The object in an answer. Text around it is passed over, as models like to explain themselves.

    Args:
        text: what the model said.
        wanted: what the object has to be.

    Raises:
        Malformed: there is none, or it is another one.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise Malformed("there is no JSON object in it")
    try:
        return msgspec.json.decode(text[start : end + 1][:LONGEST], type=wanted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from None


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
