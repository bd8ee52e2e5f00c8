"""Conversations with a model: what it is told, what it answers, and no more of it than is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import msgspec

from couler_plugins.generation.form import Form
from couler_plugins.generation.generation_options import GenerationOptions
from couler_plugins.llm.client import Client, Malformed, Message, Request, cleaned, read_answer
from couler_plugins.llm.prompts import prompt

ANSWER_TOKENS = 4_000
LONGEST_ANSWER = 50_000
"""Characters of an answer that a model is shown again."""

prompt_text = partial(prompt, "couler_plugins.generation.prompts")


class Subtasks(msgspec.Struct, frozen=True):
    """What a description was taken apart into."""

    MOST: ClassVar[int] = 15
    subtasks: tuple[str, ...]

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """What a model's answer has to be."""
        return _object(subtasks={"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": cls.MOST})


class _Score(msgspec.Struct, frozen=True):
    score: float


class Talk:
    """One conversation: a question, the latest answer, and what was said of that.

    Args:
        client: the model.
        manner: how it is asked.
    """

    def __init__(self, client: Client, manner: GenerationOptions) -> None:
        self._client, self._manner = client, manner
        self._question: tuple[Message, ...] = ()
        self._reply: tuple[Message, ...] = ()
        self._schema: dict[str, Any] = {}
        self.last = ""
        """The latest answer."""

    def begin(self, name: str, document: Mapping[str, Any], schema: dict[str, Any]) -> None:
        """Asks about a document, whose texts are cleaned of secrets; what was said before is forgotten."""
        system = "\n\n".join(map(prompt_text, ("guard",) if name == "decompose" else ("system", "guard")))
        text = _lines(cleaned(document))
        self._question = (Message("system", system), Message("user", prompt_text(name, document=text)))
        self._reply, self._schema = (), schema

    def say(self, name: str, **values: str) -> None:
        """Says something of the latest answer."""
        answer = Message("assistant", self.last[:LONGEST_ANSWER])
        self._reply = (answer, Message("user", prompt_text(name, **values)))

    def answer(self) -> str:
        """What the model says.

        Raises:
            ModelUnavailable: nothing, again and again.
            BudgetReached: it may not be asked any more.
            InvalidInput: its server is not set up as it has to be.
        """
        request = Request(
            messages=(*self._question, *self._reply),
            schema=self._schema if self._manner.stages.constrain else {"type": "object"},
            seed=self._manner.seed,
            max_tokens=ANSWER_TOKENS,
            temperature=self._manner.temperature,
        )
        self.last = self._client.complete(request).text
        return self.last


def judged(talk: Talk, description: str, form: Form) -> float:
    """The model's own score of a workflow; 0 where it gives none."""
    document = {"description": description, "workflow": msgspec.to_builtins(form)}
    talk.begin("judge", document, _object(score={"type": "number"}))
    try:
        score = read_answer(talk.answer(), _Score).score
    except Malformed:
        return 0.0
    return score if 0 <= score <= 1 else 0.0


def printable(text: str) -> str:
    """A text of a model's without what would do something to a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)


def _lines(document: Mapping[str, Any]) -> str:
    """A document as JSON with a line for each of its keys, and for each item of a list: people read records of it."""
    return "{" + ",\n".join(f"{_json(key)}:{_items(value)}" for key, value in document.items()) + "}"


def _items(value: Any) -> str:
    return "[\n" + ",\n".join(map(_json, value)) + "]" if isinstance(value, list) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
