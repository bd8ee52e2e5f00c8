"""The Code Lake: steps and shapes of workflows that somebody has, as JSON in a folder. It holds data only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.generation.form import Form
from couler_plugins.generation.retrieval import Index
from couler_plugins.hookspecs import Built, CatalogueStep, StepInput, StepOutput
from couler_plugins.ir import Operation
from couler_plugins.steps.arguments import checked, passed, text_of

SCHEMA = "couler.lake/v0"
MOST_BYTES = 5_000_000
"""Of one file: a lake is somebody else's text."""

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class LakeStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A step of a workflow that somebody has, to be used like any ready-made one.

    Attributes:
        name, description, tags, inputs, outputs: as for every ready-made step.
        operation: what runs.
    """

    name: str
    description: str
    tags: tuple[str, ...] = ()
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    operation: Operation

    def build(self, arguments: Mapping[str, Any]) -> Built:
        """As for every ready-made step.

        Raises:
            InvalidInput: an argument is missing, unknown or of another type.
        """
        return Built(self.operation, *passed(self, checked(self, arguments)))


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"schema_name": "schema"}):
    """What a lake keeps of one workflow.

    Attributes:
        schema_name: of the file.
        name: the workflow's, unique in the lake.
        engine: where it comes from.
        description: what its owner says of it.
        steps: its steps, ready to be used.
        shape: how it puts them together; None where the flat form has no words for that.
    """

    schema_name: str
    name: str
    engine: str
    description: str = ""
    steps: tuple[LakeStep, ...] = ()
    shape: Form | None = None


def items(folder: Path) -> Iterator[Item]:
    """What is in a lake, by name; nothing where there is no such folder.

    Raises:
        InvalidInput: a file in it is none of a lake.
    """
    return map(_read, sorted(folder.glob("*.json")))


def add(folder: Path, item: Item) -> Path:
    """Puts a workflow into a lake, in place of one of the same name.

    Raises:
        EngineError: it cannot be written.
    """
    path = _path(folder, item.name)
    with restating(OSError, "the lake cannot be written", EngineError, file=str(path)):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(item), indent=1) + b"\n")
    return path


def remove(folder: Path, name: str) -> None:
    """Takes a workflow out of a lake.

    Raises:
        InvalidInput: it is not there.
        EngineError: it cannot be removed.
    """
    path = _path(folder, name)
    with (
        restating(OSError, "the lake cannot be changed", EngineError, file=str(path)),
        restating(
            FileNotFoundError, f"the lake has no {name!r}", reason=False, hint="`couler lake ls` shows what it has"
        ),
    ):
        path.unlink()


def _path(folder: Path, name: str) -> Path:
    """Where a workflow is kept: a name is never a path."""
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r:.80} is no name of a workflow in a lake", hint="letters, digits and dashes")
    return folder / f"{name}.json"


def _read(path: Path) -> Item:
    hint = "take the file out of the lake, or add its workflow anew"
    with restating(OSError, "the lake cannot be read", file=str(path)), path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidInput(f"it is larger than {MOST_BYTES} bytes", file=str(path), hint=hint)
    unreadable = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
    with restating(unreadable, "this is no file of a lake", file=str(path), hint=hint):
        item = msgspec.json.decode(content, type=Item)
    if item.schema_name != SCHEMA:
        raise InvalidInput(f"its schema is {item.schema_name!r:.60}, not {SCHEMA}", file=str(path), hint=hint)
    return item


HIDDEN = frozenset({"image", "packages", "secrets"})
"""Inputs that most steps have, and that models need not know of; whoever asks for them by name may still use them."""

EXAMPLES = 2
"""Workflows of the lake that a model is shown."""


@dataclass(frozen=True, slots=True)
class Library:
    """Steps and workflows.

    Attributes:
        steps: by name.
        workflows: those of the lake whose shape is known.
    """

    steps: Mapping[str, CatalogueStep]
    workflows: Sequence[Item] = ()

    def examples(self, query: str) -> list[dict[str, Any]]:
        """The workflows that are most like a description."""
        by_name = {item.name: item for item in self.workflows}
        index = Index({name: _described(item) for name, item in by_name.items()})
        names = [by_name[name] for name in index.best(query, EXAMPLES)]
        return [{"description": item.description, "workflow": msgspec.to_builtins(item.shape)} for item in names]


def library(steps: Mapping[str, CatalogueStep], lake: Iterable[Item] = ()) -> Library:
    """Steps of plugins together with those of a lake; of two that have one name, the plugin's stays."""
    kept = list(lake)
    own = {step.name: step for item in kept for step in item.steps}
    return Library({**own, **steps}, tuple(item for item in kept if item.shape is not None))


LONGEST_DEFAULT = 100
"""Characters of a default that models are told: those of a lake may be whole programs."""


def listing(steps: Iterable[CatalogueStep]) -> dict[str, Any]:
    """Return what a model is told of steps: `shared`, inputs that several have alike, and the `catalogue` of all."""
    declared = [(step, {item.name: _input(item) for item in _visible_inputs(step)}) for step in steps]
    counts = Counter(
        (item.name, _input(item)) for step, _ in declared for item in _visible_inputs(step) if not item.required
    )
    shared: dict[str, str] = {}
    for (name, text), count in counts.most_common():
        if count > 1:
            shared.setdefault(name, text)
    return {"shared": shared, "catalogue": [_signature(step, inputs, shared) for step, inputs in declared]}


def _visible_inputs(step: CatalogueStep) -> list[StepInput]:
    return [item for item in step.inputs if item.name not in HIDDEN or item.required]


def _signature(step: CatalogueStep, inputs: Mapping[str, str], shared: Mapping[str, str]) -> dict[str, Any]:
    also = [name for name, text in inputs.items() if shared.get(name) == text]
    own = {name: text for name, text in inputs.items() if name not in also}
    outputs = {item.name: f"{item.type}: {item.description}" for item in step.outputs}
    entry = {"name": step.name, "does": step.description, "inputs": own, "also": " ".join(also), "outputs": outputs}
    return {key: value for key, value in entry.items() if value}


def _input(item: StepInput) -> str:
    """The type of an input, what it is where nothing is given, and what it is for."""
    text = text_of(item.default)
    if item.required:
        need = "required"
    elif item.parameter:
        need = f"by default the workflow's input {item.parameter!r}"
    elif item.default in ("", ()):
        need = "optional"
    else:
        need = f"default {text}" if len(text) <= LONGEST_DEFAULT else f"default {text[:LONGEST_DEFAULT]}…"
    choices = f", one of {', '.join(item.choices)}" if item.choices else ""
    return f"{item.type}, {need}{choices}: {item.description}"


def _described(item: Item) -> str:
    steps = item.shape.steps if item.shape is not None else ()
    return " ".join((item.name, item.description, *(f"{step.name} {step.use}" for step in steps)))
