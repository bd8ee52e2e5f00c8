"""What splitting has to know of a workflow: its size as Argo counts it, what holds its steps together, its parts,
and the permissions that these need.

Sources: `maxItems` in the CRDs of Argo 4.0 and later; `workflow/packer/packer.go` (1 MiB with status); argo#7121.

Finds again what was split: the parts that a workflow starts, and what crosses between them.

A workflow that starts parts says so (`couler.io/split` names the DAG that does), and so does a part that was split
again.
"""

from __future__ import annotations

import re
import sys
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.json import encode

from couler_argo.documents import annotations_of, rest_of
from couler_argo.footprint import Footprints
from couler_argo.split.bonds import argo_bonds, refuse_undetachable
from couler_argo.split.detaching import detach
from couler_argo.split.part_spec import SPLIT, account_of
from couler_argo.split.parts import Part as PartMaker
from couler_argo.writing import write_workflow
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL
from couler_plugins.hookspecs.splitting import Extent, Load, Parts
from couler_plugins.ir import (
    Bond,
    Call,
    Graph,
    Native,
    Operation,
    Reference,
    Step,
    Workflow,
    bonds,
    callables,
    callee_of,
    callees_of,
    graph_of,
    move_into_graphs,
    references,
    without_origin,
)
from couler_plugins.parallelism.cuts import DocumentSplitting, base_name, links_between
from couler_plugins.plan import Link, Part, Plan

PART = re.compile(r"^ +couler\.io/part: (\S+)$", re.MULTILINE)


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of a plan with these workflows; none for what nobody has split."""
    every = list(workflows)
    libraries = {workflow.name: workflow for workflow in every if workflow.library}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        if not workflow.library:
            parts += _parts(workflow, workflow.label, libraries)
    for workflow in every:
        links += _links(workflow, libraries)
    return tuple(parts), tuple(links)


def _parts(workflow: Workflow, label: str, libraries: Mapping[str, Workflow]) -> Iterator[Part]:
    """The parts of a workflow, those inside of its parts first."""
    names = {library.name for library in _started(workflow, libraries).values()}
    # A plan has its workflows in an order in which they may start.
    started = [library for name, library in libraries.items() if name in names]
    for library in started:
        yield from _parts(library, label, libraries)
    for library in started:
        task = _task(library)
        graph = callee_of(task, callables(library)) if task is not None else None
        if isinstance(graph, Graph):
            yield Part(workflow=label, name=graph.name, steps=tuple(step.name for step in graph.steps))


def _links(workflow: Workflow, libraries: Mapping[str, Workflow]) -> Iterator[Link]:
    """What crosses between the parts that one workflow starts."""
    started = _started(workflow, libraries)
    keys = {library.name: _keys(library) for library in started.values()}
    for link in links_between(_coordinating(workflow), {step: library.name for step, library in started.items()}):
        yield msgspec.structs.replace(link, kind="artifact" if link.input in keys[link.consumer] else "parameter")


def _coordinating(workflow: Workflow) -> tuple[Step, ...]:
    """The steps of the DAG that starts parts."""
    graph = callables(workflow).get(annotations_of(workflow).get(SPLIT, ""))
    return graph.steps if isinstance(graph, Graph) else ()


def _started(workflow: Workflow, libraries: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The parts that steps of a workflow start, by the names of those steps."""
    by_name = callables(workflow)
    started = {}
    for step in _coordinating(workflow):
        runner = callee_of(step, by_name)
        manifest = mapping_at(rest_of(runner), "resource").get("manifest") if isinstance(runner, Operation) else None
        named = PART.search(manifest) if isinstance(manifest, str) else None
        if named is not None and named[1] in libraries:
            started[step.name] = libraries[named[1]]
    return started


def _task(library: Workflow) -> Step | None:
    """The one task of what a part's workflow runs."""
    start = callee_of(library.entry, callables(library)) if library.entry is not None else None
    return start.steps[0] if isinstance(start, Graph) and len(start.steps) == 1 else None


def _keys(library: Workflow) -> set[str]:
    """The parameters of a part that are keys of artifacts."""
    task = _task(library)
    stored = [argument.value for argument in task.arguments if argument.kind == "artifact"] if task is not None else []
    return {item.name for item in references(tuple(value for value in stored if isinstance(value, Native)))}


# What the service account of a parent has to be allowed, so that it can run its parts.

RULES = [
    {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get", "patch"]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflows/finalizers"], "verbs": ["update"]},
]
"""`kubectl apply` of a workflow, and reading its status; see Argo's docs/workflow-rbac.md for what every pod needs.

The second is what clusters ask for that check owner references (the admission plugin
OwnerReferencesPermissionEnforcement, as on OpenShift): a part says that it holds up the deletion of its parent.
"""
API = "rbac.authorization.k8s.io"


def permissions(workflow: Workflow) -> tuple[dict[str, Any], ...]:
    """A Role and its binding to the workflow's service account, in the workflow's namespace."""
    name = f"{base_name(workflow)}-parts"
    namespace = {"namespace": workflow.namespace} if workflow.namespace else {}
    metadata = {"name": name, **namespace}
    role = {"apiVersion": f"{API}/v1", "kind": "Role", "metadata": metadata, "rules": RULES}
    binding = {
        "apiVersion": f"{API}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": API, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account_of(workflow), **namespace}],
    }
    return role, binding


LIMITS = Extent(bytes=700_000, steps=200, definitions=200)
"""Tasks of a DAG and templates of a workflow as the CRDs limit them; a mebibyte less room for the status of a run."""
OUT, IN = 128, 128
"""Upper estimates of what a parameter takes where it is handed out and where it comes in, beside its name."""
KEY_OUT, KEY_IN = 256, 320
"""The same for an artifact: the expression for its key, and where it lies."""
NOTES = (
    ("stop it with couler stop", "argo stop and argo terminate let its parts run on"),
    ("retry its parts first", f"argo retry finds failed ones as they are (-l {RUN_LABEL}=UID)"),
)
"""What whoever runs a split workflow does otherwise; docs/split.md has the commands."""
NAMED = 4
"""How often its name is written in either place."""


def splitting_of(workflow: Workflow, plan: Plan) -> ArgoSplitting | None:
    """The facet of a workflow that runs a DAG or steps; None for every other one."""
    entry = callee_of(workflow.entry, callables(workflow)) if workflow.entry is not None else None
    return ArgoSplitting(workflow, entry) if isinstance(entry, Graph) else None


class ArgoSplitting(DocumentSplitting):
    """One workflow, and the DAG or the steps that it runs."""

    nests = True  # templates call templates

    def __init__(self, workflow: Workflow, entry: Graph) -> None:
        super().__init__(workflow)
        self._entry = entry
        self.coordinates = SPLIT in annotations_of(workflow)
        self._footprints = Footprints(workflow)
        self._closures: dict[str, dict[str, int]] = {}

    @property
    def graph(self) -> str:
        """The DAG, or the steps, that the workflow runs."""
        return self._entry.name

    @property
    def limits(self) -> Extent:
        """What the CRDs and the controller take: they do not limit how many steps there are, other than tasks."""
        return LIMITS if self._entry.stages is None else LIMITS._replace(steps=sys.maxsize)

    def extent(self, workflow: Workflow) -> Extent:
        """How large a workflow is when it is submitted."""
        data = write_workflow(without_origin(workflow))
        staged = self._entry.stages is not None
        graphs = [len(graph.steps) for graph in workflow.graphs if staged or graph.stages is None]
        named = [item for item in (*workflow.graphs, *workflow.operations) if not item.inline]
        return Extent(len(encode(data)), max(graphs, default=0), len(named))

    def load(self, step: Step) -> Load:
        """A task, and the templates that it calls."""
        measured = self._footprints(step)
        sites = (step, *(handler.step for handler in step.handlers))
        called = {site.call.name for site in sites if isinstance(site.call, Call)}
        templates = [self._closure(name) for name in sorted(called)]
        return Load(measured.bytes, measured.pods, templates[0] if len(templates) == 1 else dict(ChainMap(*templates)))

    @property
    def wrapper(self) -> Extent:
        """A part without tasks: what all parts get of the spec, and all parameters of the workflow."""
        empty = Graph(name=self._entry.name)
        probe = PartMaker(self._workflow, empty, (empty,), {})
        written = write_workflow(probe.library)
        passed = sum(IN + NAMED * len(port.name) for port in self._workflow.parameters)
        return Extent(len(encode(written)) + passed, 0, len(probe.library.graphs) + len(probe.library.operations))

    def crossing(self, value: Reference, size: int | None) -> tuple[int, int]:
        """An output of the part's DAG; an input and an argument of the part."""
        named = NAMED * len(f"{value.step}-{value.name}")
        out, read = (KEY_OUT, KEY_IN) if value.kind == "artifact" else (OUT, IN)
        return out + named, read + named

    def bonds(self) -> Sequence[Bond]:
        """What the IR knows, and what only Argo has; see `couler_argo.split.bonds`."""
        return [*bonds(self._workflow, self.graph), *argo_bonds(self._workflow, self._entry)]

    def detach(self, parts: Mapping[str, Sequence[str]]) -> Parts:
        """A WorkflowTemplate for each part, a parent that runs them, and what that is allowed to do."""
        workflow = move_into_graphs(self._workflow, self.graph, parts).workflow
        refuse_undetachable(workflow, graph_of(workflow, self.graph))
        parent, parts_made = detach(workflow, self.graph, parts)
        libraries = tuple(part.library for part in parts_made)
        # What starts parts of a workflow that was split is nothing that a person runs.
        notes = () if self.coordinates else NOTES
        return Parts(parent, libraries, joined((parent, *libraries))[1], permissions(workflow), notes)

    def _closure(self, name: str) -> dict[str, int]:
        """The bytes of a template and of each that it calls, by name."""
        if name not in self._closures:
            content = callees_of([Step(name="", call=Call(name=name))], self._by_name)
            own = [item for item in sorted(content) if not content[item].inline]
            self._closures[name] = {item: self._footprints.size(content[item]) for item in own}
        return self._closures[name]
