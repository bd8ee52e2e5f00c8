"""Algorithm 4: a model predicts the training log of each candidate, and the candidate whose log ends best is chosen."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec

from couler_plugins.hookspecs.cards import DataCard
from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.trials import Task, Trial, Values
from couler_plugins.llm.access import BudgetReached
from couler_plugins.llm.client import (
    LONGEST_TEXT,
    Client,
    Malformed,
    Message,
    ModelUnavailable,
    Request,
    cleaned,
    read_answer,
)
from couler_plugins.llm.prompts import prompt

# Predicted training logs: what one is, and what is wrong with what a model said instead.

ENTRIES = 200
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "log": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": {
                "type": "object",
                "properties": {
                    "epoch": {"type": "integer"},
                    "loss": {"type": "number"},
                    "metric": {"type": "number"},
                },
                "required": ["epoch", "loss", "metric"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["log"],
    "additionalProperties": False,
}
"""What a model's answer has to be; only what all servers know of JSON schemas. `read_log` is stricter."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known at the end of an epoch.

    Attributes:
        epoch: which one, from 0.
        loss: of the training.
        metric: the Data Card's.
    """

    epoch: int
    loss: float
    metric: float


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log: list[Entry]


def read_log(text: str, data: DataCard) -> tuple[Entry, ...]:
    """The training log in an answer. Text around the object is passed over, as models like to explain themselves.

    Args:
        text: what the model said.
        data: the Data Card, which says what the metric can be.

    Raises:
        Malformed: it is empty, malformed, out of range, or contradicts itself.
    """
    log = read_answer(text, _Answer).log
    if not log:
        raise Malformed("the log is empty")
    if len(log) > ENTRIES:
        raise Malformed(f"the log has {len(log)} entries, more than {ENTRIES}")
    low, high = data.bounds
    for entry in log:
        if not (math.isfinite(entry.loss) and math.isfinite(entry.metric)) or entry.epoch < 0:
            raise Malformed(f"epoch {entry.epoch} has a number that cannot be")
        if not low <= entry.metric <= high:
            raise Malformed(f"{data.metric:.40} is {entry.metric:g}, and can be from {low:g} to {high:g} only")
    if any(later.epoch <= earlier.epoch for earlier, later in pairwise(log)):
        raise Malformed("its epochs do not rise")
    return tuple(log)


ANSWER_TOKENS = 600
prompt_text = partial(prompt, "couler_plugins.hpo.predictions.prompts")

MEASURED = 10
"""Trials that a model is told of: the best ones."""

log = logging.getLogger(__name__)


class Prediction(msgspec.Struct, frozen=True):
    """A candidate and what a model expects of it.

    Attributes:
        values: the candidate.
        metric: at the end of the log.
        loss: at the end of the log.
    """

    values: tuple[tuple[str, Value], ...]
    metric: float
    loss: float


def best_predictions(task: Task, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Predictions, the best first: by the metric, then by the loss, then in the order in which they were made."""
    return sorted(predictions, key=lambda one: (task.cost(one.metric), one.loss))


def predict(
    client: Client, task: Task, candidates: Sequence[Values], trials: Sequence[Trial], seed: int
) -> Iterator[Prediction]:
    """What a model expects of candidates. Those that it gives no usable log for are dropped.

    It ends early where the budget does, or where the model does not answer any more.

    Args:
        client: the model.
        task: what is tuned.
        candidates: settings of its space.
        trials: what was measured so far, which the model is told.
        seed: for the model.
    """
    for candidate in candidates:
        try:
            entries = _asked(client, task, candidate, trials, seed)
        except (BudgetReached, ModelUnavailable) as error:
            log.warning("no more predictions: %s", error)
            return
        except Malformed as error:
            log.info("the prediction for %s is dropped: %s", dict(candidate), error)
            continue
        yield Prediction(tuple(candidate.items()), entries[-1].metric, entries[-1].loss)


def _asked(client: Client, task: Task, candidate: Values, trials: Sequence[Trial], seed: int) -> tuple[Entry, ...]:
    """The log that the model gives for a candidate; asked once more where the first is none."""
    document = json.dumps(_document(task, candidate, trials), indent=1, ensure_ascii=False)
    messages = (
        Message("system", prompt_text("system")),
        Message("user", prompt_text("question", document=document)),
    )
    text = client.complete(_request(messages, seed)).text
    try:
        return read_log(text, task.data)
    except Malformed as error:
        repair = (
            Message("assistant", text[:LONGEST_TEXT]),
            Message("user", prompt_text("repair", problem=str(error))),
        )
        return read_log(client.complete(_request((*messages, *repair), seed)).text, task.data)


def _request(messages: tuple[Message, ...], seed: int) -> Request:
    return Request(messages=messages, schema=SCHEMA, seed=seed, max_tokens=ANSWER_TOKENS)


def _document(task: Task, candidate: Values, trials: Sequence[Trial]) -> dict[str, Any]:
    done = sorted(
        (trial for trial in trials if trial.state == "complete" and trial.value is not None),
        key=lambda trial: task.cost(trial.value or 0.0),
    )
    model = {**msgspec.to_builtins(task.model), "architecture": dict(task.model.architecture)} if task.model else None
    document: dict[str, Any] = cleaned(
        {
            "data-card": {**msgspec.to_builtins(task.data), "direction": task.data.goal},
            "model-card": model,
            "search-space": task.space.schema()["properties"],
            "measured": [{"setting": dict(trial.values), "metric": trial.value} for trial in done[:MEASURED]],
            "candidate": dict(candidate),
        }
    )
    return document
