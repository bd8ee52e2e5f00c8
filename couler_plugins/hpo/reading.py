"""Reads cards and search spaces from documents: strictly, with errors that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.hookspecs.cards import DataCard, ModelCard
from couler_plugins.hookspecs.parameters import Choice, Number, Value
from couler_plugins.hookspecs.trials import Space, Task

T = TypeVar("T")

NUMBERS = ("float", "log-float", "int", "log-int")
TYPES = (*NUMBERS, "categorical")
FIELDS = ("data", "model", "space", "candidates", "metric-from")


def read_task(document: Any) -> Task:
    """What to tune, from a mapping with `data`, `space` and, if there are such, `model`, `candidates`, `metric-from`.

    Raises:
        InvalidInput: a field is missing, unknown, or not what it has to be; `path` says which.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("a tuning task is a mapping", hint=f"with {', '.join(FIELDS)}")
    for field in document:
        if field not in FIELDS:
            raise InvalidInput(
                f"{field}: there is no such field", path=(str(field),), hint=closest(str(field), FIELDS) or None
            )
    for field in ("data", "space"):
        if field not in document:
            raise InvalidInput(f"{field} is missing", hint=f"a tuning task has {', '.join(FIELDS)}")
    model = read_model_card(document["model"]) if "model" in document else None
    space = read_space(document["space"])
    candidates = _candidates(document.get("candidates", []), space)
    metric_from = document.get("metric-from", "")
    if not isinstance(metric_from, str):
        raise InvalidInput("metric-from: it is the name of an output", path=("metric-from",))
    data = read_data_card(document["data"])
    return Task(data=data, model=model, space=space, candidates=candidates, metric_from=metric_from)


def read_data_card(data: Any) -> DataCard:
    """A Data Card from what a document says.

    Raises:
        InvalidInput: a field is missing, unknown, or not what it has to be.
    """
    return _convert(data, DataCard, ("data",))


def read_model_card(data: Any) -> ModelCard:
    """A Model Card from what a document says; `architecture` is a mapping there.

    Raises:
        InvalidInput: a field is missing, unknown, or not what it has to be.
    """
    if isinstance(data, Mapping) and isinstance(architecture := data.get("architecture"), Mapping):
        data = {**data, "architecture": list(architecture.items())}
    return _convert(data, ModelCard, ("model",))


def read_space(data: Any) -> Space:
    """A search space from a mapping of parameters: `{rate: {type: log-float, low: 1e-5, high: 1, default: 1e-3}}`.

    Raises:
        InvalidInput: a field is missing, unknown, or not what it has to be.
    """
    if not isinstance(data, Mapping):
        raise InvalidInput("space: it is a mapping of parameters by name", path=("space",))
    return Space.of({str(name): _parameter(str(name), given) for name, given in data.items()})


def _candidates(items: Any, space: Space) -> tuple[tuple[tuple[str, Value], ...], ...]:
    if not isinstance(items, list):
        raise InvalidInput("candidates: it is a list of settings", path=("candidates",))
    candidates = []
    for number, values in enumerate(items):
        problems = space.problems(values) if isinstance(values, Mapping) else ["it is no mapping of values"]
        if problems:
            raise InvalidInput(f"candidates.{number}: {problems[0]}", path=("candidates", number))
        candidates.append(tuple(space.tidy(values).items()))
    return tuple(candidates)


def _parameter(name: str, data: Any) -> Number | Choice:
    path = ("space", name)
    if not isinstance(data, Mapping):
        raise InvalidInput(f"space.{name}: it is a mapping with a type", path=path, hint=f"type: {' or '.join(TYPES)}")
    kind = data.get("type")
    if kind not in TYPES:
        hint = " ".join(filter(None, (closest(str(kind), TYPES), f"there are {', '.join(TYPES)}")))
        raise InvalidInput(f"space.{name}.type: {kind!r:.40} is no type", path=(*path, "type"), hint=hint)
    fields = {**data, "when": _conditions(name, data["when"])} if "when" in data else data
    return _convert(fields, Number, path) if kind in NUMBERS else _convert(fields, Choice, path)


def _conditions(name: str, data: Any) -> list[tuple[str, list[Any]]]:
    if not isinstance(data, Mapping) or not data:
        message = f"space.{name}.when: it is a mapping of parameters to the values that they have to have"
        raise InvalidInput(message, path=("space", name, "when"))
    return [(str(other), wanted if isinstance(wanted, list) else [wanted]) for other, wanted in data.items()]


def _convert(data: Any, wanted: type[T], path: tuple[str, ...]) -> T:
    place = ".".join(path)
    try:
        return msgspec.convert(data, wanted)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        field = where.rstrip("`").lstrip(".")
        full = ".".join(filter(None, (place, field)))
        hint = f"its fields are {', '.join(known.encode_name for known in msgspec.structs.fields(wanted))}"  # type: ignore[arg-type]  # every T here is a Struct
        at = tuple(filter(None, (*path, *field.split("."))))
        raise InvalidInput(f"{full}: {message[:1].lower()}{message[1:]}", path=at, hint=hint) from None
