"""What Argo knows of a step that decides whether its result may be reused, for the optimizer `cache`.

The annotations, on a template or on the workflow:

- `couler.io/cache`: `pure`, `ttl=24h`, `always` or `never`; for one step, on the workflow: `couler.io/cache.GRAPH.STEP`
- `couler.io/cache-allow`: what does not change the result although no key covers it: `network,secret`; for one step, on
  the workflow: `couler.io/cache-allow.GRAPH.STEP`
- `couler.io/cache-version`: a version that its owner declares: another one is another key; on a template without
  inputs, it makes one possible
- `couler.io/dataset.NAME`: the version of what is at the place that the template's input artifact NAME comes from
- `couler.io/cache-place.NAME`: what the template does at the place whose URL its input parameter NAME has: it reads it
  (`in`), writes it (`out`), or both (`in,out`)
- `couler.io/max-output-bytes`: how many bytes all output parameters of one run have at most
- `couler.io/max-items`: how often a loop runs the template at most, where only the run knows
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from couler_argo.cache.fetching import fetched_inputs
from couler_argo.cache.material import (
    content_of,
    mutable_images,
    programs,
    reads_of,
    repeats_inputs,
    without_defaults,
    without_places,
)
from couler_argo.cache.memoize import SHARDS, entry_bytes
from couler_argo.cache.objections import (
    patched_by,
    patching_callers,
    place_objection,
    repeated_objections,
    reuse_objections,
    url_of,
    volumes_of,
)
from couler_argo.cache.traces import COPY, KEY_SPEC, without_traces
from couler_argo.cache.wrappable import inputs_of, later_by, limit_of, places_objection, wrapper_objection
from couler_argo.cache.wrapping import YES, places_text
from couler_argo.documents import annotations_of, rest_of, spec_of, with_annotation
from couler_argo.footprint import items_of
from couler_argo.spelling import write
from couler_argo.split.part_spec import PART_OF, SPLIT
from couler_plugins.caching.declarations import ALLOW, CACHE, DATASET, VERSION, declared_places, said_in, with_own
from couler_plugins.caching.key_models.written import WrittenKeys
from couler_plugins.caching.rows import DECLARED
from couler_plugins.documents.mappings import Mapped, entries, mapping_at
from couler_plugins.engine_kit.volumes import read_only_volumes
from couler_plugins.hookspecs.caching import Material, Objection, Said, Shards
from couler_plugins.ir import (
    Argument,
    Graph,
    Operation,
    Output,
    Step,
    Workflow,
    callables,
    callee_of,
    replace,
)
from couler_plugins.plan import Plan

__all__ = ["ALLOW", "CACHE", "DATASET", "KNOWN", "ArgoCache", "caches", "lost_annotations"]

MAX_OUTPUT = "couler.io/max-output-bytes"
MAX_ITEMS = "couler.io/max-items"
KNOWN = frozenset({CACHE, ALLOW, VERSION, DECLARED, MAX_OUTPUT, MAX_ITEMS, KEY_SPEC, SPLIT, PART_OF})
"""Our annotations, beside those that name a step or an artifact."""

LARGEST_OUTPUT = 16 * 1024
SHARD_BYTES = 1024 * 1024

NEEDS_RIGHTS = Objection(
    "controller-rights",
    "Argo's controller may lack the permission to write ConfigMaps, and then the step fails",
    "storage",
    "cache{via=memoize} to the pipeline where `couler doctor` says that it may, or cache{via=wrapper,…}",
)
"""Both the cluster install and the namespace install grant no more than `get`, `list` and `watch` on ConfigMaps
(manifests/*/workflow-controller-rbac of Argo 4.0.5), and a memoized step that cannot be saved ends in an error."""


def caches(plan: Plan) -> Callable[[Workflow], ArgoCache]:
    """Return what makes the cache of each workflow of a plan, which may call others."""
    patchers = patching_callers(plan)
    return lambda workflow: ArgoCache(workflow, patchers.get(id(workflow), ""))


class ArgoCache(WrittenKeys):
    """The cache of one workflow: ConfigMaps, or a store that wrappers use.

    Args:
        workflow: the workflow.
        patcher: a workflow that calls a template of this one, and changes the pods of all that it runs; empty for none.
    """

    needs_rights = NEEDS_RIGHTS
    hit_note = "keep the artifacts of cached results: Argo does not check them"
    shards = Shards(number=SHARDS, bytes=SHARD_BYTES)

    def __init__(self, workflow: Workflow, patcher: str = "") -> None:
        super().__init__(workflow)
        self._patcher = patcher
        self._spec = spec_of(workflow)
        self._annotations = annotations_of(workflow)
        self.part_of = self._annotations.get(PART_OF, "")
        self._callables = callables(workflow)
        self._covers: dict[str, bool] = {}
        self._lost = [key for key in lost_annotations(workflow, self._annotations) if self._annotations[key] == "never"]

    def without_traces(self, workflow: Workflow) -> Workflow:
        """The workflow without what earlier caching left at places that its owner has edited since."""
        return self.with_record(without_traces(workflow), None)

    def with_record(self, workflow: Workflow, text: str | None) -> Workflow:
        """The workflow with the rows of the settings that its keys depend on; None takes them away."""
        return with_annotation(workflow, DECLARED, text) if text or DECLARED in annotations_of(workflow) else workflow

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        """What the annotations say, those of the step first, then of its template, of its graph, of the workflow."""
        whole = self.workflow.source
        said = [Said(f"the annotation {key}, which names no step,", "never") for key in self._lost]
        if graph is not None:
            where = f"the workflow's annotation for {graph.name}/{step.name}"
            said += said_in(where, self._annotations, f".{graph.name}.{step.name}", itself=True, source=whole)
        own = annotations_of(operation)
        said += said_in(f"the template {operation.name!r}", own, itself=True, source=operation.source)
        if graph is not None:
            said += said_in(f"the template {graph.name!r}", annotations_of(graph), source=graph.source)
        return [*said, *said_in("the workflow", self._annotations, source=whole)]

    def task_name(self, operation: Operation) -> str:
        """The name of the template; that of its original for a private copy that is still the same."""
        name = operation.name
        while match := COPY.fullmatch(name):
            original, item = self._bare_templates.get(match[1]), self._bare_templates.get(name)
            if original is None or item is None or replace(item, name=original.name) != original:
                break
            name = original.name
        return name

    @cached_property
    def _bare_templates(self) -> dict[str, Graph | Operation]:
        return callables(self.bare)

    def own_declaration(self, operation: Operation) -> str | None:
        """What the template's own annotation says."""
        return annotations_of(operation).get(CACHE)

    def how_to_annotate(self, operation: Operation, key: str, text: str) -> str:
        """The annotation to paste into the template."""
        return f"metadata: {{annotations: {{{key}: {text}}}}}, in the template {operation.name!r}"

    def how_to_bound(self, operation: Operation) -> str:
        """The annotation to paste."""
        return self.how_to_say(operation, MAX_ITEMS)

    def items(self, step: Step) -> int | None:
        """How often a step runs for its loop at most; None where only the run knows."""
        counted = items_of(step)
        callee = callee_of(step, self._callables) if counted is None else None
        return counted if callee is None else _number(self._words(callee).get(MAX_ITEMS))

    def repeats_inputs(self, output: Output) -> bool:
        """See `couler_argo.cache.material`."""
        return repeats_inputs(output)

    def place_objection(self, argument: Argument) -> Objection | None:
        """Why an artifact from outside of the workflow forbids caching."""
        content = write(argument.value)
        where = f"its argument {argument.name!r}"
        objection = place_objection(content if isinstance(content, dict) else {}, where, self)
        if objection is None and "{{" in json.dumps(content):
            return Objection("unversioned-input", f"{where} is at a place that is only known at run time")
        return objection

    def wrapper_objection(self, operation: Operation, material: Material) -> Objection | None:
        """Why a wrapper cannot keep what memoization cannot; see `couler_argo.cache.wrappable`."""
        refusal = wrapper_objection(operation, self._spec)
        return refusal or (places_objection(operation, self._spec) if material.places else None)

    def wrapper_options(self, operation: Operation, material: Material) -> Mapping[str, str]:
        """Return what its key covers of input artifacts, which of them we fetch, its places, and if it is printed."""
        said = {"contents": inputs_of(operation, self._spec), "printed": material.content.get("result")}
        datasets = fetched_inputs(operation, material.content.get("datasets", {})) if said["contents"] else ""
        options = {name: YES if holds else "" for name, holds in said.items()}
        return {**options, "datasets": datasets, "places": places_text(material.places)}

    def covers_contents(self, operation: Operation) -> bool:
        """Whether a wrapper can be put around its command, and has its input artifacts."""
        if operation.name not in self._covers:
            wraps = wrapper_objection(operation, self._spec) is None
            self._covers[operation.name] = wraps and inputs_of(operation, self._spec) is not None
        return self._covers[operation.name]

    def wrapper_note(self, operation: Operation, options: Mapping[str, str]) -> str:
        """What a wrapper does to the deadlines of a template, or which of its input artifacts it fetches."""
        limit = limit_of(operation, int(options["timeout"]))
        if more := later_by(operation, limit):
            return f"its deadline is {more} s later, since the store may take {limit} s before it and after"
        said = options["datasets"]
        return f"these inputs come out of the store: {', '.join(json.loads(said))}" if said else ""

    def material(self, operation: Operation, *, result: bool) -> Material:
        """What a template is; see `couler_argo.cache.material`."""
        content = content_of(self.workflow, operation, self._spec)
        template = content["template"]
        annotations = self._words(operation)
        read = [item for item in reads_of(content) if item.to == "parameter"]
        if (version := annotations.get(VERSION)) is not None:
            content["version"] = version
        if VERSION in self._annotations:
            content["version of the workflow"] = self._annotations[VERSION]
        if datasets := self._datasets(operation, annotations, template):
            content["datasets"] = datasets
        if places := declared_places(annotations):
            content["places"] = places
        if result:  # Argo keeps what is printed only where the workflow that runs reads it
            content["result"] = True
        storage = tuple(self._storage(operation, annotations, result=result))
        patched = [patched_by(self._patcher)] if self._patcher else []
        judged = without_defaults(content, places)  # a default that names the run is judged for each call
        storage = storage if result else (*repeated_objections(operation, places, self), *storage)
        objections = [*patched, *reuse_objections(self._spec, operation, judged, self), *storage]
        by_content = [*patched, *reuse_objections(self._spec, operation, without_places(judged), self), *storage]
        return Material(
            content=content,
            programs=tuple(programs(template, self._spec)),
            reads=tuple(read),
            inputs=bool(operation.inputs or read or version is not None),
            entry_bytes=entry_bytes(operation, self._bound(annotations), result=result),
            warnings=tuple(mutable_images(operation)),
            objections=tuple(objections),
            by_content=tuple(by_content),
            places=places,
            workspaces=read_only_volumes(volumes_of(self._spec, operation), template),
        )

    def _words(self, operation: Graph | Operation) -> Mapped:
        """What is said of a template, in its annotations or else in the settings."""
        declared = self.declared.annotations(operation) if isinstance(operation, Operation) else {}
        return with_own(declared, annotations_of(operation))

    def _datasets(self, operation: Operation, annotations: Mapped, template: Mapped) -> dict[str, str]:
        """The versions that are declared of what is outside of the workflow, by input artifact."""
        places = {port.get("name"): url_of(port) for port in entries(mapping_at(template, "inputs"), "artifacts")}
        said: dict[str, str] = {}
        for name in (port.name for port in operation.inputs if port.kind == "artifact"):
            url = places.get(name, "")
            said[name] = annotations.get(DATASET + name) or (self.declared.version_at(url) if "://" in url else "")
        return {name: version for name, version in said.items() if version}

    def _storage(self, operation: Operation, annotations: Mapped, *, result: bool) -> Iterator[Objection]:
        """Why Argo cannot keep a result, although it may be reused."""
        parameters = [output.name for output in operation.outputs if output.kind == "parameter"]
        artifacts = [output for output in operation.outputs if output.kind == "artifact"]
        if parameters or result:
            what = f"its output {parameters[0]!r}" if parameters else "what it prints"
            bound = self._bound(annotations)
            if bound is None:
                reason = f"{what} has no size limit, and a too large result fails the step"
                yield Objection("unbounded-output", reason, "storage", self.how_to_say(operation, MAX_OUTPUT))
            elif not 0 < bound <= LARGEST_OUTPUT:
                reason, remedy = f"{MAX_OUTPUT} has to be 1 to {LARGEST_OUTPUT}", self.how_to_say(operation, MAX_OUTPUT)
                yield Objection("unbounded-output", reason, "storage", remedy, seen=MAX_OUTPUT)
        yield from (
            Objection("collected", f"its output {output.name!r} is garbage-collected", "storage")
            for output in artifacts
            if mapping_at(rest_of(output), "artifactGC").get("strategy") not in (None, "", "Never")
        )
        if artifacts and self.workflow.kind == "Workflow" and self.workflow.name:
            reason = "a later run of the same name would overwrite its artifacts"
            remedy = "metadata: {generateName: …} instead of name, in the Workflow"
            yield Objection("fixed-name", reason, "storage", remedy)
        location = json.dumps(rest_of(operation).get("archiveLocation") or {})
        if artifacts and '"key":' in location and not ("pod.name" in location and "workflow." in location):
            yield Objection("own-place", "its archiveLocation is the same in every run")

    def _bound(self, annotations: Mapped) -> int | None:
        return _number(annotations.get(MAX_OUTPUT, self._annotations.get(MAX_OUTPUT)))


def lost_annotations(workflow: Workflow, annotations: Iterable[str], prefix: str = f"{CACHE}.") -> list[str]:
    """The annotations of a workflow that are meant for a step which it does not have."""
    per_step = {key for key in annotations if key.startswith(prefix)}
    if not per_step:
        return []
    steps = {f"{prefix}{graph.name}.{step.name}" for graph in workflow.graphs for step in graph.steps}
    return sorted(per_step - steps)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else None
