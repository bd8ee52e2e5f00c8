"""A stand-in for a language model, which knows the right workflow and makes mistakes as often as it is told to.

It proves that the scores tell better from worse, and that every stage is reached. What it says of pipelines is what was
put into it: that a model which is told of a mistake makes it half as often.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from benchmarks.nl_task import Task
from couler_plugins.llm.client import Reply, Request

__all__ = ["StandIn", "tokens_of"]

Document = dict[str, Any]
Mistake = Callable[[Document, random.Random], None]

TOKEN = re.compile(r"\n\s*|[A-Za-z]{1,10}|[0-9]{1,3}|[^\sA-Za-z0-9]{1,4}")
"""About what a tokenizer takes for one token: its counts of our questions are within 2 % of those by `cl100k_base`."""


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has, the same wherever it is counted."""
    return sum(1 for _ in TOKEN.finditer(text))


class StandIn:
    """A client.

    Args:
        tasks: what it knows the right workflows of.
        noise: how often it makes each kind of mistake in a first answer, from 0 to 1.
    """

    def __init__(self, tasks: Sequence[Task], noise: float) -> None:
        self._tasks = {task.description: task for task in tasks}
        self._noise = noise

    def complete(self, request: Request) -> Reply:
        """The right answer, with the mistakes that were drawn for this question."""
        question = request.messages[1].content
        task = self._tasks[json.loads(question[question.index("\n\n{") :])["description"]]
        said = "".join(message.content for message in request.messages[2:])
        rng = random.Random(f"{task.name} {request.seed} {said}")
        if '{"subtasks"' in question:
            text = json.dumps({"subtasks": [f"{step.name} by {step.use}" for step in task.oracle.steps]})
        else:
            text = self._answer(task, rng, self._noise / 2 if said else self._noise, request)
        tokens_in = sum(tokens_of(message.content) for message in request.messages)
        return Reply(text=text, model="stand-in", tokens_in=tokens_in, tokens_out=tokens_of(text))

    def _answer(self, task: Task, rng: random.Random, noise: float, request: Request) -> str:
        document: Document = json.loads(msgspec.json.encode(task.oracle))
        for mistake in MISTAKES:
            if rng.random() < noise:
                mistake(document, rng)
        text = json.dumps(document)
        is_free = "properties" not in request.schema
        return text[: len(text) // 2] if is_free and rng.random() < noise else text


def _misspelt(document: Document, rng: random.Random) -> None:
    step = rng.choice(document["steps"])
    step["use"] = f"{step['use']}-step"


def _ungiven(document: Document, rng: random.Random) -> None:
    rng.choice(document["steps"]).pop("inputs", None)


def _dangling(document: Document, rng: random.Random) -> None:
    rng.choice(document["steps"]).setdefault("needs", []).append("preparation")


def _unneeded(document: Document, rng: random.Random) -> None:
    for step in document["steps"]:
        step.pop("needs", None)


def _unconditional(document: Document, rng: random.Random) -> None:
    for step in document["steps"]:
        step.pop("when", None)


def _unfinished(document: Document, rng: random.Random) -> None:
    document["steps"] = document["steps"][:-1] or document["steps"]
    document.pop("outputs", None)


def _once(document: Document, rng: random.Random) -> None:
    for step in document["steps"]:
        step.pop("retries", None)


MISTAKES: tuple[Mistake, ...] = (_misspelt, _ungiven, _dangling, _unneeded, _unconditional, _unfinished, _once)
"""The first three are seen by the validator; of the others, some show in the score of calibration."""
