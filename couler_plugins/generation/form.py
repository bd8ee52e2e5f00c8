r"""The flat form of a workflow: what a language model writes, and what oracles of task sets are written in.

It is JSON without recursion, so that constrained decoders cope with it. An example, with all that there is:

    {
      "name": "churn",
      "inputs": [{"name": "day", "value": "2026-01-01"}],
      "steps": [
        {"name": "load", "use": "load-table",
         "inputs": [{"name": "table", "value": "usage"}, {"name": "day", "from": "inputs.day"}]},
        {"name": "train", "use": "train-xgboost", "over": [0.1, 0.3], "retries": 2,
         "inputs": [{"name": "data", "from": "load.data"}, {"name": "rate", "from": "item"}]},
        {"name": "best", "use": "python", "needs": ["train"], "outputs": ["accuracy"],
         "inputs": [{"name": "folder", "value": "s3://models/churn"}],
         "code": "def run(folder: str):\n    return {'accuracy': 0.93}"},
        {"name": "publish", "use": "container", "image": "registry.example.com/push:2",
         "command": ["push", "--from={{inputs.folder}}"],
         "inputs": [{"name": "folder", "value": "s3://models/churn"}],
         "when": {"left": "best.accuracy", "op": ">", "right": 0.9}}
      ],
      "outputs": [{"name": "accuracy", "from": "best.accuracy"}]
    }

A *reference* is a text of one of three forms: `step.output` (what an earlier step gives), `inputs.name` (what the
workflow is given), `item` (of this step's own fan-out; only in its inputs). No step is called `inputs` or `item`.

Where an input takes a list, `from` may be a list of references, of what several steps give: `["a.model", "b.model"]`.

Data flows as texts, such as URIs and numbers: that is what every engine can pass on. Where a step reads what another
gives (`from`, `over`, `when`), it waits for it; `needs` is for all other order, and repeating there what is read
changes nothing. A step runs once all that it waits for have succeeded; one that waits for a step that was skipped is
skipped as well.

`over` runs a step once for each item; who needs it waits for all of its runs. What a step with `over` gives can be read
by no other step, as each run gives its own; let it write to a place that the next step is told.

`when` compares, and its step is skipped where that does not hold. `==` and `!=` compare texts, the others numbers.

What a step uses is the name of an entry of the catalogue, whose inputs and outputs it has then, or one of two words:

- `python`: `code` is one function `run`, with all that it imports inside of it; its parameters are the step's inputs,
  each annotated as `str`, `int`, `float`, `bool`, `list` or `dict`. With `outputs`, it returns a mapping with a value
  for each of them; the output `result` alone is what it returns.
- `container`: `image` and `command`, in which `{{inputs.name}}` stands for an input and `{{outputs.name}}` for the file
  that an output is read from once the command has ended.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Scalar = str | int | float | bool

CODE = ("python", "container")
"""What a step may use that is in no catalogue."""

WORKFLOW, ITEM = "inputs", "item"
"""The first words of references that name no step."""

NOTES = ("title", "description", "default")
"""What is said in a schema for people only; the question tells the model what the form means."""

NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
Name = Annotated[str, Meta(pattern=NAME, max_length=50)]
PortName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=60)]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """An input of the whole workflow, with the value that it has unless a run is given another.

    Attributes:
        name: unique among the workflow's inputs.
        value: its default; a run has to be given one where there is none.
    """

    name: PortName
    value: Scalar | None = None


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a step passes to an input, or what the workflow gives out: a value or a reference, one of the two.

    Attributes:
        name: of the input, or of the workflow's output (which is always a reference).
        value: a constant: a text, a number, a truth value, or a list of these.
        source: a reference, or several that make a list; `from` in JSON.
    """

    name: PortName
    value: Scalar | tuple[Scalar, ...] | None = None
    source: str | tuple[str, ...] | None = msgspec.field(default=None, name="from")

    @property
    def sources(self) -> tuple[str, ...]:
        """All of its references."""
        return (self.source,) if isinstance(self.source, str) else self.source or ()


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has to hold for a step to run.

    Attributes:
        left: a reference.
        op: `==` and `!=` compare texts, the others numbers.
        right: a constant.
    """

    left: str
    op: Literal["==", "!=", "<", "<=", ">", ">="]
    right: Scalar


class FormStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One step.

    Attributes:
        name: unique in the workflow.
        use: the name of an entry of the catalogue, `python` or `container`.
        inputs: what it is given.
        needs: the names of steps that it waits for without reading what they give.
        when: what has to hold; always runs where there is nothing.
        over: constants, or a reference to a text that is a JSON list: it runs once for each.
        retries: how often it is tried again where it fails.
        outputs: the names of what it gives; only for `python` and `container`, the catalogue says it of all others.
        code: of `python`.
        image, command: of `container`.
    """

    name: Name
    use: str
    inputs: tuple[Taken, ...] = ()
    needs: tuple[str, ...] = ()
    when: Comparison | None = None
    over: tuple[Scalar, ...] | str | None = None
    retries: Annotated[int, Meta(ge=0, le=10)] = 0
    outputs: tuple[PortName, ...] = ()
    code: str = ""
    image: str = ""
    command: tuple[str, ...] = ()


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A workflow.

    Attributes:
        name: of the workflow.
        inputs: what a run may be given.
        steps: in any order; those before their readers read best.
        outputs: what the workflow gives out, each a reference to an output of a step that always runs, and once.
    """

    name: Name
    inputs: tuple[Given, ...] = ()
    steps: tuple[FormStep, ...]
    outputs: tuple[Taken, ...] = ()


def schema_for(uses: tuple[str, ...]) -> dict[str, Any]:
    """The JSON schema of forms whose steps use these names only; without `$ref`, which not every decoder follows.

    Args:
        uses: names of the catalogue, and those words of `CODE` that are allowed.
    """
    (schema,), definitions = msgspec.json.schema_components([Form])
    flat: dict[str, Any] = _inlined(schema, definitions)
    flat["properties"]["steps"]["items"]["properties"]["use"] = {"enum": list(uses)}
    return flat


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """A schema with each reference replaced by what it refers to, and without what only documents."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    return {key: _inlined(value, definitions) for key, value in node.items() if key not in NOTES}


Code = Literal[
    "bad-code",
    "bad-command",
    "bad-value",
    "cycle",
    "dangling-reference",
    "duplicate-name",
    "empty",
    "fan-out-read",
    "missing-input",
    "misplaced-field",
    "reserved-name",
    "unknown-input",
    "unknown-step",
    "unreachable-output",
    "unreachable-step",
    "unused-item",
    "wrong-type",
]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps a form from being a workflow.

    Attributes:
        code: what kind of thing it is.
        step: the step concerned; empty where it is the whole workflow.
        message: what is wrong.
        remedy: what to do.
    """

    code: Code
    message: str
    remedy: str
    step: str = ""

    def __str__(self) -> str:
        place = f"step {self.step!r}: " if self.step else ""
        return f"{place}{self.message} ({self.code}): {self.remedy}"
