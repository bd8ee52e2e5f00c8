"""What KFP knows of a task that decides whether its result may be reused, for the optimizer `cache`.

A backend takes a fingerprint of each task whose `cachingOptions` enable it, which the SDK's do by default. The
annotations, on the pod (`kfp.kubernetes.add_pod_annotation`, `couler_kfp.marks`) or on a PipelineVersion:

- `couler.io/cache`: `pure`, `ttl=24h`, `always` or `never`; `native` leaves the task to KFP
- `couler.io/cache-allow`: what does not change the result although no key covers it: `network,secret`
- `couler.io/cache-version`: a version that its owner declares: another one is another key; on a task without inputs,
  it makes one possible
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from couler_kfp.cache.known import IMPORTED, constant, imported
from couler_kfp.cache.objections import importer_objections, reuse_objections
from couler_kfp.cache.programs import programs
from couler_kfp.cache.wrapping import content_of, unwrapped, wrapped, wrapper_objection
from couler_kfp.components import label_of, write_operation
from couler_kfp.documents import ROOT
from couler_kfp.history.endings import deciding, sites_of
from couler_kfp.split.splitting import whole_of
from couler_kfp.structures import rest_of, write_structure
from couler_plugins.caching.calls import unsalted
from couler_plugins.caching.declarations import ALLOW, CACHE, VERSION, annotation_texts, places_of, said_in, with_own
from couler_plugins.caching.key_models.fingerprint import FingerprintKeys
from couler_plugins.caching.keys import SALT
from couler_plugins.caching.known import KnownArtifact
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.hookspecs.caching import Material, Objection, Said
from couler_plugins.ir import (
    Graph,
    Native,
    Operation,
    Output,
    Port,
    Source,
    Step,
    Value,
    Workflow,
    references,
    replace,
    replace_callables,
)
from couler_plugins.plan import Plan

NATIVE = "native"
OPTIONS = "cachingOptions"
POD_ANNOTATIONS = ("platforms", "kubernetes", "podMetadata", "annotations")


def caches(plan: Plan) -> type[KfpCache]:
    """Return what makes the cache of each pipeline of a plan."""
    return KfpCache


class KfpCache(FingerprintKeys):
    """The cache of one pipeline, which KFP's backend keeps."""

    def __init__(self, workflow: Workflow) -> None:
        super().__init__(workflow)
        said = mapping_at(_data(workflow.native_extra), "object", "metadata", "annotations")
        self._annotations = annotation_texts(said)
        self.part_of = whole_of(workflow)

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[Said]:
        """What the annotations say: those of the task's pod first, then those of the PipelineVersion."""
        if IMPORTED.match(operation.name):
            return [Said("the key that it is named after", "pure", itself=True)]
        where = f"the pod's annotation of {operation.name!r}"
        own = said_in(where, _annotations(operation), itself=True, source=operation.source)
        both = [*own, *said_in("the pipeline's annotation", self._annotations, source=self.workflow.source)]
        return [item._replace(cache=None) if item.cache == NATIVE else item for item in both]

    def own_declaration(self, operation: Operation) -> str | None:
        """What the annotation of the pod says."""
        return _annotations(operation).get(CACHE)

    def task_name(self, operation: Operation) -> str:
        """The name of the component, without the prefix that the compiler gives it."""
        return operation.name.removeprefix("comp-")

    def how_to_declare(self, operation: Operation) -> str:
        """What to write in Python, or in the row of the settings that names the component."""
        said = f"kfp.kubernetes.add_pod_annotation(task, {CACHE!r}, 'pure'), or couler_kfp.marks.pure(task)"
        return self.declared.remedy(operation, CACHE, "pure") or said

    def how_to_forbid(self, operation: Operation) -> str:
        """What to write in Python."""
        return f"kfp.kubernetes.add_pod_annotation(task, {CACHE!r}, 'never'), or couler_kfp.marks.never(task)"

    def how_to_allow(self, operation: Operation, words: Sequence[str]) -> str:
        """What to write in Python, or in the row of the settings that names the component."""
        said = f"kfp.kubernetes.add_pod_annotation(task, {ALLOW!r}, {','.join(words)!r})"
        said = f"{said}, or couler_kfp.marks.pure(task, allow={tuple(words)!r})"
        return self.declared.remedy(operation, ALLOW, ",".join(words)) or said

    def how_to_version(self, operation: Operation) -> str:
        """What to write in Python, or in the row of the settings that names the component."""
        said = f"kfp.kubernetes.add_pod_annotation(task, {VERSION!r}, …)"
        return self.declared.remedy(operation, VERSION, "…") or said

    def is_on(self, step: Step) -> bool:
        """What its caching options say; without any, KFP does not cache it."""
        return _options(step).get("enableCache") is True

    def switched(self, step: Step, on: bool) -> Step:
        """The task with these caching options, in the form that the SDK's compiler gives them."""
        options = {**_options(step), "enableCache": True} if on else {}
        return replace(step, native_extra=rest_of({**_data(step.native_extra), OPTIONS: options}))

    def owners(self, step: Step, operation: Operation) -> Objection | None:
        """A cache key of its owner's, or the word that KFP's own cache does what it should."""
        if operation.kind == "importer":
            return Objection("importer", "KFP looks imported artifacts up by their address, whatever its options say")
        own = self.own_declaration(operation)
        if own == "always" or any(said.cache == "never" for said in places_of(self, None, step, operation)):
            return None
        if (own or self._annotations.get(CACHE)) == NATIVE:
            return Objection("cached-by-owner", "its owner leaves it to KFP")
        if "cacheKey" not in _options(step):
            return None
        reason = "its owner gave it a cacheKey"
        if varying := inputs_beside_key(step):
            what = ", ".join(varying)
            reason = (
                f"WARNING: its cacheKey takes the place of its inputs: whatever {what} may be, an old result counts"
            )
        return Objection("cached-by-owner", reason)

    @cached_property
    def bare(self) -> Workflow:
        """The pipeline without any salt or wrapper."""
        return unsalted(_with_operations(self.workflow, unwrapped))

    def wrapper_objection(self, operation: Operation) -> Objection | None:
        """Why its command cannot be wrapped; see `couler_kfp.cache.wrapping`."""
        return wrapper_objection(operation)

    def wrapped(self, workflow: Workflow, names: Collection[str], wrapper: Wrapper) -> Workflow:
        """The pipeline with the commands of these components wrapped, and of those that have the same executor."""
        labels = {label_of(item) for item in workflow.operations if item.name in names}

        def one(operation: Operation) -> Operation:
            return wrapped(operation, wrapper, workflow.name) if label_of(operation) in labels else operation

        return _with_operations(workflow, one)

    def input_for_salt(self, name: str) -> Port:
        """A declared input that is text, and optional: other tasks may share the component."""
        return Port(name=name, kind="parameter", optional=True, native_extra=Native.of({"parameterType": "STRING"}))

    def deciding(self, workflow: Workflow) -> Mapping[tuple[str, str, str], Objection]:
        """Outputs that decide where a run goes, as for `couler resume`."""
        return deciding(sites_of(workflow))

    def constant(self, output: Output, value: Any) -> Value | Objection:
        """A constant; see `couler_kfp.cache.known`."""
        return constant(output, value)

    def imported(
        self, wanted: str, output: Output, artifact: KnownArtifact, key: str
    ) -> tuple[Step, Operation] | Objection:
        """An importer; see `couler_kfp.cache.known`."""
        return imported(wanted, output, artifact, key)

    def material(self, operation: Operation, *, result: bool) -> Material:
        """What a component, its executor and its configuration are, as far as a result depends on them."""
        component, body = write_operation(operation)
        executor = body.executor
        version = with_own(self.declared.annotations(operation), _annotations(operation)).get(VERSION)
        container = executor.get("container", {})
        content: dict[str, Any] = {**content_of(operation), "version": version or ""}
        if VERSION in self._annotations:
            content["version of the pipeline"] = self._annotations[VERSION]
        runs = programs(container)
        ports = [port for port in operation.inputs if not port.name.startswith(SALT)]
        return Material(
            content=content,
            programs=runs.texts if operation.kind == "container" else (),
            source=_executor_source(operation, component),
            inputs=bool(ports) or version is not None or IMPORTED.match(operation.name) is not None,
            warnings=tuple(_warnings(container, runs.packages)),
            objections=tuple(self._objections(operation, component, executor, body.platforms)),
        )

    def _objections(
        self, operation: Operation, component: Mapped, executor: Mapped, platforms: Mapped
    ) -> Iterator[Objection]:
        if operation.name == ROOT:
            yield Objection("kind", "it is the pipeline itself")
        if IMPORTED.match(operation.name):
            return  # it is named after what it imports
        if operation.kind == "importer":
            yield from importer_objections(executor)
        else:
            container = executor.get("container", {})
            yield from reuse_objections(operation, component, container, platforms, references(operation))


def _with_operations(workflow: Workflow, change: Callable[[Operation], Operation]) -> Workflow:
    changed = {item.name: new for item in workflow.operations if (new := change(item)) is not item}
    return replace_callables(workflow, changed) if changed else workflow


def inputs_beside_key(step: Step) -> list[str]:
    """The inputs that may be another in each run of a task with a cache key, which takes the place of all of them."""
    if "cacheKey" not in _options(step):
        return []
    return sorted(item.name for item in step.arguments if any(references(item.value)))


def _warnings(container: Mapped, packages: Sequence[str]) -> Iterator[str]:
    image = str(container.get("image", ""))
    if not re.search(r"@sha256:[0-9a-f]{64}\Z", image):
        yield "its image has no digest, and may change"
    if packages:
        yield f"it installs {', '.join(packages)} in whatever version there is"


def _executor_source(operation: Operation, component: Mapped) -> Source | None:
    """Where the executor of a component is, beside all components."""
    source, label = operation.source, component.get("executorLabel")
    if source is None or label is None or source[-2] != "components":
        return None
    return (*source[:-2], "deploymentSpec", "executors", label)


def _options(step: Step) -> Mapped:
    return mapping_at(_data(step.native_extra), OPTIONS)


def _annotations(operation: Operation) -> dict[str, str]:
    return annotation_texts(mapping_at(_data(operation.native_extra), *POD_ANNOTATIONS))


def _data(rest: Native | None) -> Mapped:
    held: Mapped = write_structure(rest) if rest is not None else {}
    return held
