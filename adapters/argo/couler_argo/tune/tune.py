"""What Argo knows of steps that may be tuned; the facet for the optimizer `tune`.

The annotations:

- `couler.io/tune`, on a template: what to tune of the steps that call it; for one step, on the workflow:
  `couler.io/tune.GRAPH.STEP`
- `couler.io/tuned`, on the workflow: what tuning has done to it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain

from couler_argo.metadata import annotations_of, with_annotation
from couler_argo.references import TAG
from couler_argo.split.part_spec import PART_OF, SPLIT
from couler_argo.tune.fan_out import fanned_out
from couler_plugins.caching.calls import is_cache
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.values import as_text
from couler_plugins.ir import Literal, Operation, Port, Step, Workflow
from couler_plugins.plan import Plan

__all__ = ["TUNED", "ArgoTuning"]

TUNED = "couler.io/tuned"
PRINTING = ("container", "script")


class ArgoTuning:
    """The facet for one workflow.

    Args:
        workflow: the workflow.
        plan: all workflows that it may call templates of.
    """

    def __init__(self, workflow: Workflow, plan: Plan) -> None:
        self._workflow = workflow
        self._libraries = plan.libraries
        self._annotations = annotations_of(workflow)
        self._texts: dict[int, str | None] = {}

    @property
    def part_of(self) -> str:
        """What the annotation of a part says; the workflow itself, where that starts parts."""
        return self._annotations.get(PART_OF) or (self._workflow.label if SPLIT in self._annotations else "")

    @property
    def cached(self) -> bool:
        """Whether a step or a template looks a result up for us."""
        said = [step.directives for graph in self._workflow.graphs for step in graph.steps]
        said += [operation.directives for operation in self._workflow.operations]
        return any(map(is_cache, chain(*said)))

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What annotations say of steps, and of the templates that these call."""
        workflow = self._workflow
        places = [(graph.name, step) for graph in workflow.graphs for step in graph.steps]
        called = {id(self._libraries.callee(workflow, step)) for _, step in places}
        if workflow.entry and id(self._libraries.callee(workflow, workflow.entry)) not in called:
            places.append(("", workflow.entry))
        directives = {
            (graph, step.name): found for graph, step in places if (found := self._asked(graph, step)) is not None
        }
        lost = set(self._annotations) - {f"{ANNOTATION}.{graph}.{step.name}" for graph, step in places}
        for key in sorted(key for key in lost if key.startswith(f"{ANNOTATION}.")):
            graph, _, name = key.removeprefix(f"{ANNOTATION}.").partition(".")
            directives[graph, name] = (f"the annotation {key}", self._annotations[key])
        return directives

    def _asked(self, graph: str, step: Step) -> tuple[str, str] | None:
        key = f"{ANNOTATION}.{graph}.{step.name}"
        if key in self._annotations:
            return f"the annotation {key}", self._annotations[key]
        callee = self._libraries.callee(self._workflow, step)
        if callee is None:
            return None
        if id(callee) not in self._texts:  # thousands of steps may call one template
            self._texts[id(callee)] = annotations_of(callee).get(ANNOTATION)
        text = self._texts[id(callee)]
        return None if text is None else (f"the annotation of the template {callee.name!r}", text)

    @property
    def tuned(self) -> str:
        """The annotation that tuning has left."""
        return self._annotations.get(TUNED, "")

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The workflow with that annotation."""
        return with_annotation(workflow, TUNED, text or None)

    def literal(self, value: Value, port: Port) -> Literal:
        """A value as text; in the items of a loop, Argo leaves what JSON escapes as it is."""
        text = as_text(value)
        if TAG.search(text) or json.dumps(text, ensure_ascii=False)[1:-1] != text:
            reason = f"Argo would not pass {text!r:.60} to {port.name!r} as it is"
            raise Unsupported(reason, feature="tune", hint="leave quotes, backslashes, newlines and {{ out of choices")
        return Literal(value=text)

    def prints(self, callee: Operation) -> bool:
        """Whether a template has a result."""
        return callee.kind in PRINTING

    def fan_out(self, trials: Trials) -> FanOut:
        """A loop over settings; see `couler_argo.tune.fan_out`."""
        return fanned_out(trials)
