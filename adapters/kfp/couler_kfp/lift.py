"""From KFP's documents to the IR.

Documents are read as they are, without `kfp`: what is not touched then keeps its text, comments included, and a file
can be optimised where `kfp` is not installed. KFP's own protos say, in the tests, that the documents mean the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any, NoReturn

from couler_kfp.components import Body, label_of, read_graph, read_operation
from couler_kfp.documents import ROOT, Pipeline, Place, pipelines, stray
from couler_kfp.homes import HOMES
from couler_kfp.split.splitting import joined
from couler_kfp.structures import mapping, rest_of, structure, write_structure
from couler_kfp.tasks import read_task
from couler_kfp.writing import check_bound, check_names, check_version
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.engine_kit.lifting import lift_objects
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import Bundle, Call, Graph, Native, Operation, Step, Workflow, calls_by_callee, replace
from couler_plugins.plan import Plan


def lift(bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
    """The pipelines of all documents of the bundle.

    Args:
        bundle: the files of the call.
        refuse: is told the number and the error of each file that is not what it claims to be; the pipelines of such a
            file are left out, so that it passes through untouched.
    """
    strays = ((number, partial(_refuse_stray, bundle, number, *words)) for number, *words in stray(bundle))
    own = ((pipeline.holder.document, partial(_lift, bundle, pipeline)) for pipeline in pipelines(bundle))
    return lift_objects(bundle, chain(strays, own), refuse, HOMES, joined)


def _refuse_stray(bundle: Bundle, document: int, message: str, hint: str) -> NoReturn:
    raise InvalidInput(message, engine="kfp", line=bundle.documents[document].line, hint=hint)


def _lift(bundle: Bundle, pipeline: Pipeline) -> Workflow:
    lifter = _Lifter(bundle, pipeline)
    try:
        return lifter.workflow()
    except CoulerError as error:  # which may be about the platform document
        error.line = bundle.documents[lifter.document].line_of(error.path)
        raise


class _Lifter:
    """Lifts one pipeline.

    Attributes:
        document: the number of the document that is being read.
    """

    def __init__(self, bundle: Bundle, pipeline: Pipeline) -> None:
        self._bundle = bundle
        self._pipeline = pipeline
        self._sharers: Counter[str] = Counter()
        self.document = pipeline.spec.document

    def workflow(self) -> Workflow:
        pipeline, path = self._pipeline, self._pipeline.spec.path
        spec = self._at(pipeline.spec, "PipelineSpec")
        check_version(spec, path)
        information = mapping(spec, "pipelineInfo", path)
        name = information.get("name")
        if not isinstance(name, str) or not name:
            raise InvalidInput("the pipeline has no name", engine="kfp", path=path, hint="give it a pipelineInfo.name")
        components = mapping(spec, "components", path)
        deployment = mapping(spec, "deploymentSpec", path)
        executors = mapping(deployment, "executors", (*path, "deploymentSpec"))
        check_names(components, (*path, "components"))
        if ROOT in components:
            message = f"a component is called {ROOT!r}, as the pipeline itself is"
            raise InvalidInput(message, engine="kfp", path=(*path, "components", ROOT), hint="rename it")
        self._sharers = Counter(_labels(components, spec[ROOT]))
        platforms = self._platforms()
        self.document = pipeline.spec.document
        graphs: list[Graph] = []
        operations: list[Operation] = []
        places = {ROOT: (*path, ROOT), **{key: (*path, "components", key) for key in components}}
        for key, place in places.items():
            component = mapping(spec if key == ROOT else components, key, place[:-1])
            if isinstance(component.get("dag"), dict) and "executorLabel" not in component:
                graphs.append(self._graph(key, component, place))
            else:
                operations.append(self._operation(key, component, place, executors, platforms))
        check_bound(graphs, operations)
        labels = {label_of(operation) for operation in operations}
        remainder = {
            "spec": _left_of_spec(spec, labels),
            "platform": self._left_of_platform(platforms, labels),
            "object": self._left_of_object(),
        }
        root = next(item for item in (*graphs, *operations) if item.name == ROOT)
        workflow = Workflow(
            engine="kfp",
            kind=pipeline.kind,
            name=name,
            parameters=root.inputs,
            entry=Step(name=ROOT, call=Call(name=ROOT)),
            graphs=tuple(graphs),
            operations=tuple(operations),
            native_extra=rest_of({key: content for key, content in remainder.items() if content}),
            source=(pipeline.holder.document, *pipeline.holder.path),
        )
        return _with_memoized(workflow)

    def _at(self, place: Place, what: str) -> Mapped:
        data: Any = self._bundle.documents[place.document].data
        for key in place.path:
            data = data.get(key) if isinstance(data, dict) else None
        if not isinstance(data, dict):
            message = f"there is no {what} here"
            raise InvalidInput(message, engine="kfp", path=place.path, hint="compile the pipeline again")
        return data

    def _platforms(self) -> Mapped:
        """The PlatformSpec, checked as far as it is looked into; empty where there is none."""
        place = self._pipeline.platform
        if place is None:
            return {}
        self.document = place.document
        spec = self._at(place, "PlatformSpec")
        platforms = mapping(spec, "platforms", place.path)
        for name in platforms:
            where = (*place.path, "platforms", name)
            deployment = mapping(mapping(platforms, name, where[:-1]), "deploymentSpec", where)
            mapping(deployment, "executors", (*where, "deploymentSpec"))
        return spec

    def _graph(self, name: str, component: Mapped, path: Path) -> Graph:
        where = (*path, "dag", "tasks")
        tasks = mapping(mapping(component, "dag", path), "tasks", where[:-1])
        check_names(tasks, where)
        steps = tuple(
            read_task(task, mapping(tasks, task, where), (*where, task), (self.document, *where, task))
            for task in tasks
        )
        return read_graph(name, component, path, steps, (self.document, *path))

    def _operation(self, name: str, component: Mapped, path: Path, executors: Mapped, platforms: Mapped) -> Operation:
        label = component.get("executorLabel")
        if not isinstance(label, str):
            hint = (
                "give it a dag, or an executorLabel" if component else "compile the pipeline again: it may be cut off"
            )
            raise InvalidInput(f"{name!r} has nothing to run", engine="kfp", path=path, hint=hint)
        if label not in executors:
            message = f"{name!r} runs {label!r}, which deploymentSpec.executors do not hold"
            hint = "correct the executorLabel, or add the executor"
            raise InvalidInput(message, engine="kfp", path=(*path, "executorLabel"), hint=hint)
        where = (*self._pipeline.spec.path, "deploymentSpec", "executors")
        configured = {
            platform: content["deploymentSpec"]["executors"][label]
            for platform, content in platforms.get("platforms", {}).items()
            if label in content.get("deploymentSpec", {}).get("executors", {})
        }
        body = Body(label, mapping(executors, label, where), configured)
        shared = self._sharers[label] > 1
        return read_operation(name, component, path, body, (*where, label), (self.document, *path), shared=shared)

    def _left_of_platform(self, spec: Mapped, labels: set[str]) -> Mapped:
        platforms = {}
        for name, content in spec.get("platforms", {}).items():
            deployment = content.get("deploymentSpec", {})
            executors = without(deployment.get("executors", {}), *labels)
            remainder = {**without(deployment, "executors"), **({"executors": executors} if executors else {})}
            remainder = {**without(content, "deploymentSpec"), **({"deploymentSpec": remainder} if remainder else {})}
            if remainder:
                platforms[name] = remainder
        return {**without(spec, "platforms"), **({"platforms": platforms} if platforms else {})}

    def _left_of_object(self) -> Mapped:
        pipeline = self._pipeline
        if pipeline.spec == pipeline.holder:
            return {}
        whole = self._at(pipeline.holder, pipeline.kind)
        spec = without(whole["spec"], "pipelineSpec", "platformSpec")
        return {**without(whole, "apiVersion", "kind", "spec"), **({"spec": spec} if spec else {})}


def _labels(components: Mapped, root: Any) -> Iterator[str]:
    """The labels of executors that components name, each as often as they do."""
    for component in (*components.values(), root):
        if isinstance(component, dict) and isinstance(component.get("executorLabel"), str):
            yield component["executorLabel"]


def _left_of_spec(spec: Mapped, labels: set[str]) -> Mapped:
    deployment = spec.get("deploymentSpec", {})
    executors = without(deployment.get("executors", {}), *labels)
    beside = {
        "pipelineInfo": without(spec["pipelineInfo"], "name"),
        "deploymentSpec": {**without(deployment, "executors"), **({"executors": executors} if executors else {})},
    }
    remainder = without(spec, "components", "schemaVersion", ROOT, *beside)
    return {**remainder, **{key: content for key, content in beside.items() if content}}


def _memoized(workflow: Workflow) -> dict[str, Native]:
    """The caching options of operations whose tasks all have a cache key of their owner's, and the same one."""
    options = {
        name: [
            write_structure(step.native_extra).get("cachingOptions") if step.native_extra else None for _, step in sites
        ]
        for name, sites in calls_by_callee(workflow).items()
    }
    return {
        name: structure(option[0])
        for name, option in options.items()
        if isinstance(option[0], dict)
        and option[0].get("enableCache") is True
        and "cacheKey" in option[0]
        and all(item == option[0] for item in option)
    }


def _with_memoized(workflow: Workflow) -> Workflow:
    options = _memoized(workflow)
    operations = tuple(
        replace(operation, memoized=options[operation.name]) if operation.name in options else operation
        for operation in workflow.operations
    )
    return replace(workflow, operations=operations)
