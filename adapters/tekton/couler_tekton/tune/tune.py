"""What Tekton knows of tasks that may be tuned; the facet for the optimizer `tune`.

The annotations:

- `couler.io/tune`, on a Task or in a `taskSpec.metadata`: what to tune of the tasks of pipelines that run it; for one
  task, on its Pipeline or run: `couler.io/tune.TASK`
- `couler.io/tuned`, on a Pipeline or run: what tuning has done to it
"""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.values import as_text
from couler_plugins.ir import External, Literal, Operation, Port, Step, Workflow, replace
from couler_plugins.plan import Plan
from couler_tekton.cache.declared import annotations_of, mapping_at, rest_of
from couler_tekton.cache.wrapping import has_steps
from couler_tekton.split.detect_split import whole_of
from couler_tekton.tune.fan_out import fanned_out
from couler_tekton.variables import Scope

__all__ = ["TUNED", "TektonTuning"]

TUNED = "couler.io/tuned"


class TektonTuning:
    """The facet for one object.

    Args:
        workflow: the object.
        plan: all objects that it may refer to.
    """

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        self._workflow = workflow
        self._libraries = plan.libraries
        self._annotations = annotations_of(workflow)

    @property
    def part_of(self) -> str:
        """What the annotation of a part says; the Pipeline itself, where parts were taken out of it."""
        return whole_of(self._workflow)

    @property
    def cached(self) -> bool:
        """Whether a task, embedded or referred to, looks a result up."""
        tasks = [self._task(step) for graph in self._workflow.graphs for step in graph.steps]
        holders = [self._workflow, *filter(None, tasks)]
        return any(has_steps(task) for holder in holders for task in holder.operations)

    def _task(self, step: Step) -> Workflow | None:
        """The Task that a step refers to; None where it is not known."""
        call = step.call
        tasks = self._libraries.candidates(self._workflow, call) if isinstance(call, External) else ()
        return tasks[0] if len(tasks) == 1 and tasks[0].kind == "Task" else None

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What annotations say of tasks, and of the Tasks that these run."""
        places = [(graph.name, step) for graph in self._workflow.graphs for step in graph.steps]
        if self._workflow.kind == "TaskRun" and self._workflow.entry is not None:
            places.append(("", self._workflow.entry))
        directives = {(graph, step.name): found for graph, step in places if (found := self._asked(step)) is not None}
        for key in sorted(set(self._annotations) - {f"{ANNOTATION}.{step.name}" for _, step in places}):
            if key.startswith(f"{ANNOTATION}."):
                name = key.removeprefix(f"{ANNOTATION}.")
                directives["pipeline", name] = (f"the annotation {key}", self._annotations[key])
        return directives

    def _asked(self, step: Step) -> tuple[str, str] | None:
        key = f"{ANNOTATION}.{step.name}"
        if key in self._annotations:
            return f"the annotation {key}", self._annotations[key]
        callee = self._libraries.callee(self._workflow, step)
        held_by = self._task(step)
        if isinstance(callee, Operation) and ANNOTATION in (annotations_read := annotations_of(held_by or callee)):
            what = f"the Task {held_by.name!r}" if held_by else f"the task {step.name!r}"
            return f"the annotation of {what}", annotations_read[ANNOTATION]
        return None

    @property
    def tuned(self) -> str:
        """The annotation that tuning has left."""
        return self._annotations.get(TUNED, "")

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The object with that annotation."""
        rest = rest_of(workflow)
        annotations = {
            key: held_by for key, held_by in mapping_at(rest, "metadata", "annotations").items() if key != TUNED
        }
        annotations |= {TUNED: text} if text else {}
        others = {key: content for key, content in mapping_at(rest, "metadata").items() if key != "annotations"}
        metadata = {**others, **({"annotations": annotations} if annotations else {})}
        remainder = {key: content for key, content in rest.items() if key != "metadata"}
        return replace(
            workflow, native_extra=Scope().rest({**remainder, **({"metadata": metadata} if metadata else {})})
        )

    def literal(self, value: Value, port: Port) -> Literal:
        """A value as text."""
        text = as_text(value)
        if "$(" in text:
            reason = f"Tekton, or Kubernetes, may take {text!r:.60} for a variable"
            raise Unsupported(reason, feature="tune", hint="leave $( out of choices")
        return Literal(value=text)

    def prints(self, callee: Operation) -> bool:
        """Nobody reads what a task prints."""
        return False

    def fan_out(self, trials: Trials) -> FanOut:
        """A matrix of settings; see `couler_tekton.tune.fan_out`."""
        return fanned_out(trials, annotations_of(self._task(trials.step) or trials.callee))
