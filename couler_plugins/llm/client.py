"""What is asked of a language model, whoever serves it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

__all__ = ["Client", "Message", "ModelUnavailable", "Reply", "Request"]


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
