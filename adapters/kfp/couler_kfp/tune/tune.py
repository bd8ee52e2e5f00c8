"""What KFP knows of tasks that may be tuned; the facet for the optimizer `tune`.

- `couler.io/tune`, an annotation of a task's pod (`couler_kfp.marks.tune`, `kfp.kubernetes.add_pod_annotation`): what
  to tune of the tasks that call its component
- a line `couler.io/tuned: …` at the end of the pipeline's description: what tuning has done. A PipelineSpec has no
  other place for a note that nothing is run with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_kfp.mappings import Mapped, rest_of, without
from couler_kfp.specs import rest_part
from couler_kfp.split.detect_split import whole_of
from couler_kfp.structures import write_structure
from couler_kfp.tune.fan_out import fanned_out, type_of
from couler_plugins.caching.salts import salts_of
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.parameters import Value
from couler_plugins.hookspecs.tuning import FanOut, Trials
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.values import as_text
from couler_plugins.ir import Call, Literal, Operation, Port, Workflow, replace
from couler_plugins.plan import Plan

__all__ = ["KfpTuning", "tuning_of"]

TUNED = "couler.io/tuned: "
TYPES: Mapping[str, tuple[type, ...]] = {
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
}


def tuning_of(workflow: Workflow, plan: Plan) -> KfpTuning:
    """The facet of a pipeline, which refers to no other."""
    return KfpTuning(workflow)


class KfpTuning:
    """The facet for one pipeline."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow

    @property
    def part_of(self) -> str:
        """The pipeline itself, where parts were taken out of it; some other pipeline for a part."""
        return whole_of(self._workflow)

    @property
    def cached(self) -> bool:
        """Whether a task has a salt."""
        return any(salts_of(step) for graph in self._workflow.graphs for step in graph.steps)

    def requests(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What the annotations of pods say of the tasks that run in them."""
        said = {
            item.name: (f"the pod's annotation of {item.name!r}", text)
            for item in self._workflow.operations
            if isinstance(text := _annotations(item).get(ANNOTATION), str)
        }
        return {
            (graph.name, step.name): said[step.call.name]
            for graph in self._workflow.graphs
            for step in graph.steps
            if isinstance(step.call, Call) and step.call.name in said
        }

    @property
    def tuned(self) -> str:
        """What the description ends with."""
        last = _description(self._workflow).rpartition("\n")[2]
        return last.removeprefix(TUNED) if last.startswith(TUNED) else ""

    def with_tuned(self, workflow: Workflow, text: str) -> Workflow:
        """The workflow with such a last line in its description."""
        own = _description(workflow)
        before, _, last = own.rpartition("\n")
        kept = before.removesuffix("\n") if last.startswith(TUNED) else own
        note = f"{TUNED}{text}" if text else ""
        new = "\n\n".join(filter(None, (kept, note)))
        return _with_description(workflow, new)

    def literal(self, value: Value, port: Port) -> Literal:
        """A value of the type that the component declares."""
        declared = type_of(port)
        if "{{$" in str(value):
            hint = "leave {{$ out of choices"
            raise Unsupported(f"KFP would take {as_text(value)!r:.60} for a placeholder", feature="tune", hint=hint)
        if declared == "STRING":
            return Literal(value=as_text(value))
        types = TYPES.get(declared, ())
        if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
            return Literal(value=value)
        reason = f"{port.name!r} is declared as {declared or 'nothing'}, and {as_text(value)!r:.60} is not that"
        raise Unsupported(reason, feature="tune", hint="give the parameter the type that the component declares")

    def prints(self, callee: Operation) -> bool:
        """What a component prints is in its log, and nowhere else."""
        return False

    def fan_out(self, trials: Trials) -> FanOut:
        """A ParallelFor over settings; see `couler_kfp.tune.fan_out`."""
        return fanned_out(trials)


def _annotations(operation: Operation) -> Mapped:
    content: Any = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    for key in ("platforms", "kubernetes", "podMetadata", "annotations"):
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _description(workflow: Workflow) -> str:
    info = rest_part(workflow, "spec").get("pipelineInfo", {})
    text = info.get("description", "") if isinstance(info, dict) else ""
    return text if isinstance(text, str) else ""


def _with_description(workflow: Workflow, text: str) -> Workflow:
    rest: Mapped = write_structure(workflow.native_extra) if workflow.native_extra is not None else {}
    spec = rest.get("spec", {})
    info = without(spec.get("pipelineInfo", {}), "description")
    info = {**info, "description": text} if text else info
    spec = {**without(spec, "pipelineInfo"), **({"pipelineInfo": info} if info else {})}
    return replace(workflow, native_extra=rest_of({**without(rest, "spec"), **({"spec": spec} if spec else {})}))
