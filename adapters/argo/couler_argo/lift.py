"""From Argo manifests to the IR."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from couler_argo.codec import Context
from couler_argo.directives import fold
from couler_argo.documents import Manifest, codec_of, manifests
from couler_argo.homes import HOMES
from couler_argo.split.splitting import joined
from couler_argo.steps import NOTHING, STEP
from couler_argo.templates import GRAPH, OPERATION, operation_kind
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, part_at
from couler_plugins.engine_kit.legalize.depends import bare_outcomes
from couler_plugins.engine_kit.lifting import lift_objects
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import Bundle, Graph, Operation, Source, Step, Workflow
from couler_plugins.plan import Plan


def lift(bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
    """The workflows of all documents of the bundle.

    Args:
        bundle: the files of the call.
        refuse: is told the number and the error of each file that is not what it claims to be; the workflows of
            such a file are left out, so that it passes through untouched.
    """
    objects = (
        (number, partial(lift_manifest, manifest, number))
        for number, document in enumerate(bundle.documents)
        for manifest in manifests(document.data)
    )
    return lift_objects(bundle, objects, refuse, HOMES, joined)


def lift_manifest(manifest: Manifest, document: int) -> Workflow:
    """The workflow of one object.

    Args:
        manifest: the object and its place.
        document: the number of its document in the bundle.

    Raises:
        InvalidInput: it is not built like a workflow; the error's `path` says where in the document.
    """
    return fold(lift_unfolded(manifest, document))


def lift_unfolded(manifest: Manifest, document: int) -> Workflow:
    """As `lift_manifest`, with what directives were expanded to left where it is."""
    return _Lifter(manifest, document).workflow()


class _Lifter:
    """Lifts one object; collects the templates found in it, inline ones included."""

    def __init__(self, manifest: Manifest, document: int) -> None:
        self._manifest = manifest
        self._document = document
        self._graphs: list[Graph] = []
        self._operations: list[Operation] = []
        self._inline = 0

    def workflow(self) -> Workflow:
        manifest = self._manifest
        try:
            spec = part_at(manifest.data, manifest.spec_path)
        except (KeyError, TypeError):
            spec = None
        if not isinstance(spec, dict):
            place = (*manifest.path, *manifest.spec_path)
            raise self._error(place, f"this {manifest.kind} has no {'.'.join(map(str, manifest.spec_path))}")
        self._check_ports(spec, (*manifest.path, *manifest.spec_path), "arguments")
        path = (*manifest.path, *manifest.spec_path, "templates")
        for number, template in enumerate(self._list(spec.get("templates"), path, "templates")):
            self._template(self._mapping(template, (*path, number), "template"), (*path, number))
        fields = codec_of(manifest.kind).lift(manifest.data, Context())
        return Workflow(
            engine="argo",
            kind=manifest.kind,
            library=manifest.library,
            graphs=tuple(sorted(self._graphs, key=lambda graph: graph.inline)),
            operations=tuple(sorted(self._operations, key=lambda operation: operation.inline)),
            source=self._source(manifest.path),
            **fields,
        )

    def _template(self, template: Mapped, path: Path, inline: str = "") -> None:
        if inline:
            template = {"name": inline, **{key: content for key, content in template.items() if key != "name"}}
        else:
            self._check_name(template, path, "template")
        self._check_ports(template, path, "inputs", "outputs")
        dag, steps = template.get("dag"), template.get("steps")
        if dag is not None and steps is not None:
            raise self._error(path, f"template {template['name']!r} is both a dag and steps")
        if dag is not None:
            tasks_path = (*path, "dag", "tasks")
            tasks = self._mapping(dag, (*path, "dag"), "dag").get("tasks")
            items = self._list(tasks, tasks_path, "tasks")
            self._dag(
                template, path, [(item, (*tasks_path, number)) for number, item in enumerate(items)], bool(inline)
            )
        elif "steps" in template:
            groups = self._list(steps, (*path, "steps"), "steps")
            self._steps(template, path, groups, bool(inline))
        else:
            fields = OPERATION.lift(template, Context())
            kind = operation_kind(template)
            source = self._source(path)
            self._operations.append(Operation(kind=kind, inline=bool(inline), source=source, **fields))

    def _dag(self, template: Mapped, path: Path, items: list[tuple[Any, Path]], inline: bool) -> None:
        tolerated = {
            item["name"]: bare_outcomes(_tolerated(item["continueOn"]))
            for item, _ in items
            if isinstance(item, dict) and "continueOn" in item and isinstance(item.get("name"), str)
        }
        usual = bare_outcomes(())
        context = Context("tasks", lambda name: tolerated.get(name, usual))
        place = len(self._graphs)
        steps = tuple(self._step(item, where, context) for item, where in items)
        fields = GRAPH.lift(template, context)
        self._graphs.insert(place, Graph(inline=inline, steps=steps, source=self._source(path), **fields))

    def _steps(self, template: Mapped, path: Path, groups: list[Any], inline: bool) -> None:
        context = Context("steps")
        place = len(self._graphs)
        steps: list[Step] = []
        stages: list[tuple[str, ...]] = []
        for number, group in enumerate(groups):
            where = (*path, "steps", number)
            stage = [
                self._step(item, (*where, position), context)
                for position, item in enumerate(self._list(group, where, "group of steps"))
            ]
            steps.extend(stage)
            stages.append(tuple(step.name for step in stage))
        fields = GRAPH.lift(template, context)
        source = self._source(path)
        graph = Graph(inline=inline, steps=tuple(steps), stages=tuple(stages), source=source, **fields)
        self._graphs.insert(place, graph)

    def _step(self, item: Any, path: Path, context: Context) -> Step:
        mapping = self._mapping(item, path, "step")
        self._check_name(mapping, path, "step")
        self._check_ports(mapping, path, "arguments")
        if "inline" in mapping:
            context = context._replace(lift_inline=lambda template: self._lift_inline(template, (*path, "inline")))
        try:
            fields = STEP.lift(mapping, context)
        except InvalidInput as error:
            raise self._error(path, f"step {mapping['name']!r}: {error.message}", error.hint) from error
        fields.setdefault("call", NOTHING)
        return Step(source=self._source(path), **fields)

    def _lift_inline(self, template: Mapped, path: Path) -> str:
        self._inline += 1
        name = f"inline.{self._inline}"
        self._template(template, path, name)
        return name

    def _source(self, path: Path) -> Source:
        return (self._document, *path)

    def _list(self, content: Any, path: Path, what: str) -> list[Any]:
        if content is None:
            return []
        if not isinstance(content, list):
            raise self._error(path, f"{what}: a list is expected here")
        return content

    def _check_name(self, mapping: Mapped, path: Path, what: str) -> None:
        name = mapping.get("name")
        if name is None or name == "":
            raise self._error(path, f"a {what} has no name")
        if not isinstance(name, str):
            message = f"the name of a {what} is not text: Kubernetes reads it as {json.dumps(name)[:40]}"
            raise self._error((*path, "name"), message, "put the name in quotes")

    def _check_ports(self, mapping: Mapped, path: Path, *holders: str) -> None:
        """Refuses ports whose names are no texts, as others would look for them in vain: n and y are booleans."""
        for holder in holders:
            lists = mapping.get(holder)
            for key, what in (("parameters", "parameter"), ("artifacts", "artifact")):
                items = lists.get(key) if isinstance(lists, dict) else None
                for number, item in enumerate(items if isinstance(items, list) else ()):
                    if isinstance(item, dict) and item.get("name") not in (None, ""):
                        self._check_name(item, (*path, holder, key, number), what)

    def _mapping(self, content: Any, path: Path, what: str) -> Mapped:
        if not isinstance(content, dict):
            raise self._error(path, f"{what}: a mapping is expected here")
        return content

    def _error(self, path: Path, message: str, hint: str | None = None) -> InvalidInput:
        return InvalidInput(message, engine="argo", path=path, hint=hint or "see what `argo lint` says of it")


def _tolerated(content: Any) -> list[str]:
    """The outcomes that a `continueOn` accepts."""
    if not isinstance(content, dict):
        return []
    return [outcome for key, outcome in (("error", "errored"), ("failed", "failed")) if content.get(key) is True]
