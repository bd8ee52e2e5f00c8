"""A part of a workflow: a graph as a WorkflowTemplate of its own, and the resource template that runs it.

The resource template applies one Workflow for the part (`action: apply`), waits for it, and reads what it hands out
from its status by JSONPath: parameters as they are, artifacts by the key under which they are stored, so that whatever
key a part chose (the repository's default, the one of a memoized result) is the one that the next part reads.
Sources: Argo's docs/resource-template.md and docs/key-only-artifacts.md; `workflow/executor/resource.go`; argo#2784;
`addOutputsToGlobalScope` in `workflow/controller`: a global name counts where a task hands the output out, not where
the workflow's own DAG does, and not on an artifact that a DAG hands on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping

from msgspec.json import encode

from couler_argo.documents import rest_of
from couler_argo.references import native
from couler_argo.split.bonds import calls_elsewhere, claims_of, mounts
from couler_argo.split.part_spec import RUN_ID, Place, key_of, located, part_name, part_rest
from couler_argo.writing import write_workflow
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    PortKind,
    Reference,
    Retry,
    Step,
    Workflow,
    fresh_name,
    map_references,
    replace,
    take_name,
    without_origin,
)

RUN = f"{{{{=workflow.parameters['{RUN_ID}'] == '' ? workflow.uid : workflow.parameters['{RUN_ID}']}}}}"
PART_LABEL = "couler.io/part"
DIGITS = 12
"""Hexadecimal digits of the digest in the name of a part's workflow."""
SHOWN = 13
"""Characters of the part's own name in it: with the digest and a UID, it has at most 63."""
INSTANCE = "workflows.argoproj.io/controller-instanceid"
"""The label that a controller with an instance ID looks for; it leaves workflows without it alone."""
CONDITIONS = {
    "successCondition": "status.phase == Succeeded",
    "failureCondition": "status.phase in (Failed, Error)",
}
AGAIN = Retry(
    limit=Literal(value=5),
    native_extra=native(
        {
            "backoff": {"duration": "5s", "factor": "2"},
            "expression": "!(lastRetry.message contains 'failure condition')",
        }
    ),
)
"""The pod that starts a part and waits for it needs the API server, which may be away for a while: Argo's executor
gives up within a second. Applied again, the same workflow is found. That the part itself has failed is no reason to ask
again: `matchConditions` in `workflow/executor/resource.go` says "failure condition". The variable is there from Argo
3.5 on; before, the retry fails as the pod did."""
SAME_IN_PARTS = frozenset({"namespace", "serviceAccountName"})
"""Facts of a run that are the same in its parts."""
Names = Mapping[tuple[PortKind, str], str]


class Part:
    """One graph of a workflow, with all that it calls.

    Attributes:
        name: of the library that it becomes.
        extra: what it is passed beside the graph's inputs: parameters of the workflow, and facts of the run.
        inputs, outputs: the parameters by which the graph's inputs and outputs cross, by kind and name.
        library: the WorkflowTemplate.
        runner: the resource template.
    """

    def __init__(
        self,
        whole: Workflow,
        graph: Graph,
        content: Iterable[Graph | Operation],
        places: Mapping[str, Place],
        names: Collection[str] = (),
    ) -> None:
        """The part.

        Args:
            whole: the workflow that it leaves.
            graph: the graph.
            content: that graph, and everything that it calls.
            places: where each of the graph's input artifacts lies.
            names: the names of what stays beside the runner.
        """
        self.name = part_name(whole, graph.name)
        self._graph = graph
        self._places = places
        instance = mapping_at(rest_of(whole), "metadata", "labels").get(INSTANCE)
        self._controller = () if instance is None else (f"    {INSTANCE}: {json.dumps(instance)}",)
        self.extra: dict[str, Reference] = {}
        self._facts: dict[Reference, str] = {}
        self._taken = {port.name for port in whole.parameters}
        before = list(content)
        elsewhere = calls_elsewhere([Step(name="", call=Call(name=graph.name))], {item.name: item for item in before})
        if elsewhere:
            # A template of another document may read any of them.
            named = [port.name for port in whole.parameters if port.kind == "parameter"]
            self.extra = {name: Reference(to="parameter", kind="parameter", name=name) for name in named}
        items = [map_references(item, self._passed) for item in before]
        mounted = None if elsewhere or not claims_of(whole) else set().union(*map(mounts, before))
        rest = map_references(part_rest(whole, graph.name, mounted), self._passed)
        self.inputs = _crossing_names(graph.inputs, self.extra)
        self.outputs = _crossing_names(graph.outputs, ())
        self.library = self._library(whole, items, rest)
        self.runner = self._runner(fresh_name(f"run-{graph.name}", names))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all that the part is passed."""
        return (*self.extra, *self.inputs.values())

    def _passed(self, reference: Reference) -> Reference:
        """A reference of the part: what it reads of the run around it comes in as a parameter."""
        if reference.to == "parameter":
            self.extra.setdefault(reference.name, replace(reference, path=(), native=""))
        elif _is_of_whole_run(reference):
            fact = replace(reference, native="")
            if fact not in self._facts:
                wanted = "couler-" + "-".join(part.replace("/", "-") for part in reference.path)
                name = self._facts[fact] = take_name(wanted, self._taken)
                self.extra[name] = fact
            return Reference(to="parameter", kind="parameter", name=self._facts[fact])
        return reference

    def _library(self, whole: Workflow, items: Iterable[Graph | Operation], rest: Native | None) -> Workflow:
        own = [replace(item, outputs=self._exported()) if item.name == self._graph.name else item for item in items]
        start = self._start(item.name for item in own)
        library = Workflow(
            name=self.name,
            namespace=whole.namespace,
            engine=whole.engine,
            kind="WorkflowTemplate",
            library="namespace",
            parameters=tuple(Port(name=name) for name in self.parameters),
            entry=Step(name="entrypoint", call=Call(name=start.name)),
            graphs=(start, *(item for item in own if isinstance(item, Graph))),
            operations=tuple(item for item in own if isinstance(item, Operation)),
            native_extra=rest,
        )
        return without_origin(library)

    def _start(self, names: Iterable[str]) -> Graph:
        """What the part's workflow runs: the graph as a task, since Argo exports only what a task hands out."""
        arguments = []
        for (kind, name), parameter in self.inputs.items():
            passed = Reference(to="parameter", kind="parameter", name=parameter)
            if kind == "artifact":
                key = f"{{{{workflow.parameters.{parameter}}}}}"
                arguments.append(Argument(name=name, kind=kind, value=native(located(self._places[name], key))))
            else:
                arguments.append(Argument(name=name, kind=kind, value=passed))
        task = Step(name=self._graph.name, call=Call(name=self._graph.name), arguments=tuple(arguments))
        return Graph(name=fresh_name("start", set(names)), steps=(task,))

    def _exported(self) -> tuple[Output, ...]:
        """What the graph hands out, under names that the status of the part's workflow has: parameters, and keys."""
        outputs = []
        for output in self._graph.outputs:
            name = self.outputs[output.kind, output.name]
            value = output.value
            if output.kind == "artifact":
                assert isinstance(value, Reference)
                value = key_of(value)
            outputs.append(Output(name=name, value=value, exported=Literal(value=name)))
        return tuple(outputs)

    def _runner(self, name: str) -> Operation:
        manifest = [
            "apiVersion: argoproj.io/v1alpha1",
            "kind: Workflow",
            "metadata:",
            f'  name: "{self._graph.name[:SHOWN]}-{self._identity()}-{RUN}"',
            "  labels:",
            *self._controller,
            f"    {PART_LABEL}: {self.name}",
            f'    {RUN_LABEL}: "{RUN}"',
            "spec:",
            # Whoever submits the parent may choose another account; an empty one is the part's own.
            '  serviceAccountName: "{{workflow.serviceAccountName}}"',
            "  workflowTemplateRef:",
            f"    name: {self.name}",
        ]
        if self.parameters:
            manifest += ["  arguments:", "    parameters:"]
        for passed in self.parameters:
            # As JSON, it is safe in YAML whatever it holds.
            manifest += [f"    - name: {passed}", f"      value: {{{{=toJson(inputs.parameters['{passed}'])}}}}"]
        resource = {"action": "apply", "setOwnerReference": True, **CONDITIONS, "manifest": "\n".join(manifest) + "\n"}
        return Operation(
            name=name,
            kind="resource",
            inputs=tuple(Port(name=passed) for passed in self.parameters),
            outputs=tuple(map(_read, self.outputs.values())),
            retry=AGAIN,
            native_extra=native({"resource": resource}),
        )

    def _identity(self) -> str:
        """What tells this part, as it is and with what it is passed, from every other one: its workflow is named so.

        A run that is started again adopts the workflow of that name; one whose part or inputs have changed does not.
        """
        content = hashlib.sha256(encode(write_workflow(self.library))).hexdigest()
        values = ", ".join([f"'{content}'", *(f"inputs.parameters['{name}']" for name in self.parameters)])
        return f"{{{{=sprig.substr(0, {DIGITS}, sprig.sha256sum(toJson([{values}])))}}}}"


def _read(name: str) -> Output:
    """An output of the part, as the parent reads it from the status of the part's workflow."""
    path = f'{{.status.outputs.parameters[?(@.name=="{name}")].value}}'
    return Output(name=name, value=Native.of({"jsonPath": path}))


def _is_of_whole_run(reference: Reference) -> bool:
    """Whether a reference reads a fact of the run that another workflow would have otherwise."""
    of_run = reference.to == "run" and reference.name == "workflow" and bool(reference.path)
    return of_run and reference.path[0] not in SAME_IN_PARTS


def _crossing_names(ports: Iterable[Port | Output], reserved: Iterable[str]) -> Names:
    """The parameters by which ports cross: one called as they are, and for an artifact one with its key."""
    used = set(reserved)
    return {
        (port.kind, port.name): take_name(port.name if port.kind == "parameter" else f"{port.name}-key", used)
        for port in sorted(ports, key=lambda port: port.kind != "parameter")
    }
