"""Messages of the studio about other engines, models and runs."""

from __future__ import annotations

from typing import Literal

from couler_plugins.studio.messages import Work
from couler_plugins.studio.state_messages import Message


class ConvertRequest(Work, kw_only=True):
    """Convert the file for another engine: `to` is its name with options; see `--on-unsupported` of the command."""

    to: str
    on_unsupported: Literal["error", "warn", "drop", "todo"] = "error"


class Converted(Message, kw_only=True):
    """The converted text, empty where it is refused, and what is left out or refused: a kind and a sentence each."""

    text: str
    differences: list[tuple[str, str]]


class GenerateRequest(Message, kw_only=True):
    """Ask the model for a workflow of an engine from a description."""

    description: str
    engine: str


class Generated(Message, kw_only=True):
    """A workflow that a model wrote, as text, with remarks on it."""

    text: str
    remarks: list[str] = []


class RunRequest(Work, kw_only=True):
    """Submit the file as it stands, with the pipeline's changes.

    Attributes:
        context, namespace: of the cluster; empty for the current ones.
        local: whether it runs in this process instead.
        parameters: of the workflow.
    """

    context: str = ""
    namespace: str = ""
    local: bool = False
    parameters: dict[str, str] = {}


class StepState(Message, kw_only=True):
    """Where one step of a run stands; `node` is the id of the node, empty where the engine's name is not ours."""

    step: str
    node: str
    phase: Literal["pending", "running", "succeeded", "failed", "skipped", "cached"]
    message: str = ""
    has_log: bool = False


class RunView(Message, kw_only=True):
    """A run.

    Attributes:
        run: its identity.
        engine: its engine.
        place: what the engine calls it.
        phase: where it stands.
        message: what the engine says of that.
        steps: its steps, as far as the engine tells.
        outputs: what it handed out, by name, once it has succeeded.
    """

    run: str
    engine: str
    place: str
    phase: Literal["pending", "running", "succeeded", "failed"]
    message: str = ""
    steps: list[StepState] = []
    outputs: dict[str, str] = {}


class Log(Message, kw_only=True):
    """The last lines that a step printed, and why there are none."""

    lines: list[str]
    note: str = ""
