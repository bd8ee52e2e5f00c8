"""Tekton's objects that hold steps, and plans of these with settings of steps changed."""

from __future__ import annotations

from typing import Any

from adapters.subjects import TEKTON, lift_source, lower_and_write
from couler_plugins.api import lint
from couler_plugins.documents import read
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import Literal, SettableStep, with_settings
from couler_plugins.plan import Plan
from support import SHARED

STEP = "{name: s, image: busybox}"
PIPELINE = f"""\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {{name: p}}
spec:
  tasks:
    - name: inline   # ours
      taskSpec:
        steps: [{STEP}]
    - name: far
      taskRef: {{name: build}}
    - name: chosen
      taskRef: {{resolver: git, params: [{{name: url, value: u}}]}}
    - name: may-fail
      onError: continue
      taskRef: {{name: build}}
  finally:
    - name: last
      taskRef: {{name: build}}
"""
RUN = PIPELINE.replace("kind: Pipeline\n", "kind: PipelineRun\n").replace(
    "metadata: {name: p}\nspec:\n", "metadata: {name: p}\nspec:\n  pipelineSpec:\n"
)
RUN = RUN[: RUN.index("  tasks:")] + "".join(f"  {line}\n" for line in RUN[RUN.index("  tasks:") :].splitlines())
TASK = f"""\
apiVersion: tekton.dev/v1
kind: Task
metadata: {{name: t}}
spec:
  steps: [{STEP}]
"""
TASK_RUN = f"""\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{generateName: t-}}
spec:
  taskSpec:
    steps: [{STEP}]
"""
FAR_RUN = TASK_RUN.replace(f"taskSpec:\n    steps: [{STEP}]", "taskRef: {name: build}")
ACTION = """\
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: a}
spec: {image: busybox}
"""


def plan_of(text: str) -> Plan:
    return lift_source(TEKTON, read(text, "t.yaml"))


def set_at(plan: Plan, names: str = "", **settings: Any) -> Plan:
    """The plan with settings of the steps of these names (or all)."""

    def change(step: SettableStep) -> SettableStep:
        return with_settings(step, **settings) if step.name in (names.split() or [step.name]) else step

    return plan.map_steps("me", change, action="set", reason="to see")


def seen(plan: Plan) -> dict[str, SettableStep]:
    """The steps of a plan, as optimizers see them."""
    steps: dict[str, SettableStep] = {}
    plan.map_steps("me", lambda step: steps.setdefault(step.name, step), action="", reason="")
    return steps


def written(plan: Plan) -> tuple[Any, Plan]:
    """The only document of a plan, and what is lifted from its text; every edit is traced, and lint takes it."""
    lowered, texts = lower_and_write(TEKTON, plan)
    assert not lowered.refused
    assert all(traced.decision is not None for traced in lowered.edits)
    text = texts.texts.get(0, plan.bundle.files[0].text)
    schemas = [SHARED / "schemas" / "tekton"] if SHARED.is_dir() else []
    assert [
        finding for finding in lint(Text(text, "t.yaml"), schemas=schemas).findings if finding.severity == "error"
    ] == []
    again = plan_of(text)
    assert again.workflows == plan.workflows
    return lowered.documents[0], again


def literals(**settings: Any) -> Any:
    """Settings as call sites have them."""
    (value,) = settings.values()
    return (
        tuple((name, Literal(value=text)) for name, text in value.items())
        if isinstance(value, dict)
        else Literal(value=value)
    )
