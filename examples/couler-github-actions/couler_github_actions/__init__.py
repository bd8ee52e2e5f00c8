"""The adapter of GitHub Actions, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from couler_plugins.hookspecs import Adapter, Capability, hookimpl

OTHERS = "every other field"


def _rows(kind: str, support: Any = "full", /, **native: str) -> tuple[Capability, ...]:
    return tuple(Capability(f"{kind}.{name}", support, text) for name, text in native.items())


CAPABILITIES = (
    *_rows("Workflow", name="name"),
    *_rows("Workflow", "derived", engine="", kind="", entry="jobs", graphs="jobs", operations="jobs"),
    *_rows("Workflow", "kept", library="on.workflow_call", parameters="on.workflow_dispatch, on.workflow_call"),
    Capability("Workflow.native_extra", "full", OTHERS, "with the triggers that say its parameters"),
    *_rows("Graph", outputs="on.workflow_call.outputs"),
    Capability("Graph.steps", "full", "jobs", "at least one"),
    *_rows("Graph", "derived", name="jobs"),
    *_rows("Step", name="jobs.NAME", loop="strategy.matrix"),
    Capability("Step.call", "full", "steps, uses", "one job is one call; only another workflow takes arguments"),
    Capability("Step.arguments", "full", "with", "of another workflow"),
    Capability("Step.needs", "full", "needs", "all succeeded; any end where the condition asks for a status"),
    Capability("Step.condition", "full", "if", "asks for a status only where the needs accept any end"),
    Capability("Step.tolerates", "full", "continue-on-error", "a failure, of a job of its own"),
    Capability("Step.timeout", "full", "timeout-minutes", "whole minutes, given in seconds, of a job of its own"),
    Capability("Step.native_extra", "full", OTHERS, "of a call of another workflow; elsewhere its operation has them"),
    *_rows("Operation", outputs="outputs", containers="steps", native_extra=OTHERS),
    *_rows("Operation", "derived", name="jobs.NAME", kind="", inline=""),
    *_rows("Container", name="id", env="env", native_extra=OTHERS),
    Capability("Container.image", "full", "uses: docker://IMAGE", "not beside a script"),
    Capability("Container.script", "full", "run", "not beside an image"),
    *_rows("Port", "kept", name="inputs.NAME", default="default", optional="required"),
    *_rows("Output", name="outputs.NAME"),
    Capability("Output.value", "full", "outputs.NAME", "a job's output has one"),
    Capability("Output.native_extra", "full", OTHERS, "of outputs of a reusable workflow"),
    *_rows("Argument", name="with.NAME", value="with.NAME"),
    *_rows("Loop", limit="strategy.max-parallel"),
    *_rows("Loop", "derived", combine="strategy.matrix"),
    Capability("Loop.axes", "full", "strategy.matrix", "a whole matrix, as one axis without a name, stands alone"),
)
"""What is not named here is refused."""

GENERATED = (
    *_rows("Workflow", name="name", prefix="name", engine="", kind="", parameters="on.workflow_dispatch.inputs"),
    *_rows("Workflow", entry="jobs", graphs="jobs", operations="jobs"),
    *_rows("Graph", name="", inputs="", steps="jobs", stages="needs"),
    *_rows("Operation", name="", kind="", inputs="", containers="container, steps", timeout="timeout-minutes"),
    *_rows("Step", name="jobs.NAME", call="jobs.NAME", arguments="env", needs="needs", loop="strategy.matrix"),
    *_rows("Step", tolerates="continue-on-error", timeout="timeout-minutes"),
    *_rows("Container", name="", image="container", command="run", args="run", script="run, shell", env="env"),
    *_rows("Port", name="", value="", default=""),
    *_rows("Argument", name="", value="env"),
    *_rows("Loop", combine="", axes="strategy.matrix", limit="strategy.max-parallel"),
)


@dataclass(frozen=True)
class Options:
    """Options of `--to 'github-actions{…}'`.

    Attributes:
        runs_on: the runner for jobs of other engines' workflows.
    """

    runs_on: str = "ubuntu-latest"


class GithubActionsAdapter(Adapter):
    """Workflows of GitHub Actions: what is in `.github/workflows`."""

    engine: ClassVar[str] = "github-actions"
    options: ClassVar[type] = Options
    suffix: ClassVar[str] = ".yml"
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED
    marks: ClassVar[tuple[str, ...]] = ("runs-on", "uses:")

    facets: ClassVar[dict[str, str]] = {
        "claims": "couler_github_actions.lift:claims",
        "lift": "couler_github_actions.lift:lift",
        "portable": "couler_github_actions.lift:portable",
        "lower": "couler_github_actions.lower:lower",
    }


@hookimpl
def couler_adapters() -> list[Adapter]:
    return [GithubActionsAdapter()]
