"""One workflow back into its manifest: what is unchanged stays verbatim, what changed is patched field by field."""

from __future__ import annotations

from functools import partial
from typing import Any

from couler_argo.codec import Context, Mapped, present_fields
from couler_argo.directives import expand
from couler_argo.manifests import SPEC_PATHS, at, codec_of
from couler_argo.origins import Origins, with_at
from couler_argo.spelling import Nested, Scope
from couler_argo.steps import STEP
from couler_argo.support import check_callable, check_step
from couler_argo.templates import GRAPH, OPERATION
from couler_plugins.engine_kit.legalize.depends import bare_outcomes, is_bare
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Callable, Graph, Source, Step, Workflow, callables, inline_callees, replace

__all__ = ["lower_workflow"]


def lower_workflow(new: Workflow, original: Workflow | None, data: Any, origins: Origins) -> Any:
    """One workflow as a manifest.

    Args:
        new: the workflow as it is to be.
        original: the workflow as it was lifted; None for one without an origin.
        data: the document that holds the original (ignored without one).
        origins: is told where, in the document, each object was that a changed one was made from.

    Returns:
        The whole document with the workflow in it: the same object where nothing changed; without an original, a
        document of its own.

    Raises:
        Unsupported: Argo cannot say what the workflow is to be.
    """
    if original is None:
        return _Lowering(expand(new), None, {}, origins).generated()
    if new is original:
        return data
    path = (original.source or ())[1:]
    manifest = at(data, path)
    return with_at(data, path, _Lowering(expand(new), expand(original), manifest, origins).patched())


class _Lowering:
    """Lowers one workflow against its original."""

    def __init__(self, new: Workflow, old: Workflow | None, manifest: Mapped, origins: Origins) -> None:
        self._new = new
        self._manifest = manifest
        self._origins = origins
        self._root = ((old.source if old else None) or (0,))[1:]
        self._by_name = callables(new)
        self._old = old
        self._old_nodes: dict[Source, Callable | Step] = {}
        if old is not None:
            for item in (*old.graphs, *old.operations):
                self._note(item)
                for step in item.steps if isinstance(item, Graph) else ():
                    self._note(step)
        kept = {id(node) for node in self._old_nodes.values()}
        changed = {item.name for item in self._by_name.values() if item.inline and id(item) not in kept}
        self._changed_inline = {
            item.name
            for item in self._by_name.values()
            if item.inline and (item.name in changed or self._holds_inline(item, changed))
        }

    def _holds_inline(self, item: Callable, names: set[str]) -> bool:
        """Whether one of these is written somewhere inside of this template."""
        steps = item.steps if names and isinstance(item, Graph) else ()
        return any(callee.name in names for step in steps for callee in inline_callees(step, self._by_name))

    def _note(self, node: Callable | Step) -> None:
        if node.source is not None:
            self._old_nodes[node.source] = node

    def generated(self) -> Mapped:
        """The whole manifest, made from nothing but the IR."""
        written = codec_of(self._new.kind).write(self._new, Context())
        head: Mapped = {"apiVersion": "argoproj.io/v1alpha1", "kind": self._new.kind}
        manifest: Mapped = {**head, **present_fields(written, ("metadata", "spec")), **written}
        spec = manifest
        for key in SPEC_PATHS[self._new.kind]:
            spec = spec.setdefault(str(key), {})
        templates = self._templates([])
        if templates:
            spec["templates"] = templates
        return manifest

    def patched(self) -> Mapped:
        """The original manifest with what changed."""
        assert self._old is not None
        if self._new.kind != self._old.kind:
            raise Unsupported(f"{self._old.label} is a {self._old.kind}", engine="argo", feature="Workflow.kind")
        path = SPEC_PATHS[self._old.kind]
        before = at(self._manifest, path).get("templates") or []
        after = self._templates(before)
        patched = codec_of(self._old.kind).patch(self._manifest, self._old, self._new, Context())
        if after is before:
            return patched
        spec = at(patched, path)
        changed = {**spec, "templates": after} if after else {key: spec[key] for key in spec if key != "templates"}
        result: Mapped = with_at(patched, path, changed)
        return result

    def _templates(self, before: list[Any]) -> list[Any]:
        """All templates: those that have an origin in its order, then the others."""
        named = [item for item in (*self._new.graphs, *self._new.operations) if not item.inline]
        placed: dict[Source, Callable] = {}
        for item in named:
            inside = item.source is not None and isinstance(item.source[-1], str)  # it was written at its call site
            if item.source is not None and item.source in self._old_nodes and not inside:
                placed.setdefault(item.source, item)
        first = {id(item) for item in placed.values()}
        ordered = [placed[source] for source in sorted(placed, key=lambda source: source[-1])]
        ordered += [item for item in named if id(item) not in first]
        return self._listed([self._callable(item) for item in ordered], before)

    def _callable(self, item: Callable, scope: Scope = "tasks") -> Mapped:
        """A template; `scope` is how the graph around one that is written inline refers to its steps."""
        old = self._old_nodes.get(item.source) if item.source is not None else None
        if item is old and not (isinstance(item, Graph) and self._changed_inline):
            return self._native(item)
        if item is not old:
            check_callable(item)
        graph = isinstance(item, Graph)
        context = self._context(item, scope) if isinstance(item, Graph) else Context(scope)
        codec = GRAPH if graph else OPERATION
        if item.inline:  # it has no name in Argo, the IR's is made up
            old, item = old and replace(old, name=""), replace(item, name="")
        if type(old) is not type(item):
            mapping = codec.write(item, context)
            return self._with_steps(mapping, item, context) if isinstance(item, Graph) else mapping
        assert isinstance(old, type(item))
        if isinstance(old, Graph) and (old.stages is None) is not (getattr(item, "stages", None) is None):
            raise Unsupported(
                f"{item.name!r} cannot turn from a dag into steps or back", engine="argo", feature="Graph.stages"
            )
        mapping = codec.patch(self._native(item), old, item, context)
        if isinstance(item, Graph):
            mapping = self._with_steps(mapping, item, context)
        return self._from(mapping, item.source)

    def _with_steps(self, mapping: Mapped, graph: Graph, context: Context) -> Mapped:
        if graph.stages is None:
            dag = mapping.get("dag") or {}
            before = dag.get("tasks") or []
            after = self._listed([self._step(step, context) for step in graph.steps], before)
            return mapping if after is before and "dag" in mapping else {**mapping, "dag": {**dag, "tasks": after}}
        before = mapping.get("steps") or []
        by_name = {step.name: step for step in graph.steps}
        groups = []
        for number, stage in enumerate(graph.stages):
            steps = [self._step(by_name[name], context) for name in stage]
            old_group = before[number] if number < len(before) and isinstance(before[number], list) else []
            groups.append(self._listed(steps, old_group))
        after = self._listed(groups, before)
        return mapping if after is before and "steps" in mapping else {**mapping, "steps": after}

    def _step(self, step: Step, context: Context) -> Mapped:
        old = self._old_nodes.get(step.source) if step.source is not None else None
        inline = getattr(step.call, "name", "") in self._changed_inline
        if not isinstance(old, Step):
            check_step(step)
            return STEP.write(step, context)
        native = self._native(step)
        mapping = native
        if step is not old:
            check_step(step)
            mapping = STEP.patch(native, old, step, context)
        if step.needs is not None and (mapping.get("depends") if context.listed else mapping.get("dependencies")):
            mapping = STEP.rewrite(mapping, step, {"depends", "dependencies"}, context)
        if inline:
            mapping = STEP.rewrite(mapping, step, {"inline"}, context)
        return mapping if mapping is native else self._from(mapping, step.source)

    def _context(self, graph: Graph, outer: Scope) -> Context:
        own = "tasks" if graph.stages is None else "steps"
        scope: Scope = own
        if graph.inline:
            scope = Nested(own, frozenset(step.name for step in graph.steps), outer)
        if graph.stages is not None:
            return Context(scope, write_inline=partial(self._inline, scope))
        accepted = {step.name: bare_outcomes(step.tolerates) for step in graph.steps if step.tolerates}
        usual = bare_outcomes(())

        def bare(name: str) -> tuple[str, ...]:
            return accepted.get(name, usual)

        listed = self._lists_dependencies(graph, bare, bool(accepted))
        return Context(scope, bare, listed, write_inline=partial(self._inline, scope))

    def _lists_dependencies(self, graph: Graph, bare: Any, tolerant: bool) -> bool:
        """Whether the tasks list `dependencies`: they do where they did, and Argo wants it beside `continueOn`."""
        natives = [self._native(step) for step in graph.steps if step.source in self._old_nodes]
        listed = tolerant or any(native.get("dependencies") for native in natives)
        if not listed or (any(native.get("depends") for native in natives) and not tolerant):
            return False
        if all(is_bare(step.needs, bare) for step in graph.steps):
            return True
        if tolerant:
            raise Unsupported(
                f"a task of {graph.name!r} has continueOn, and Argo does not allow depends beside it",
                engine="argo",
                step=graph.name,
                hint="let its dependents name the outcomes that they accept, and remove continueOn",
            )
        return False

    def _inline(self, scope: Scope, name: str) -> Mapped | None:
        item = self._by_name.get(name)
        if item is None or not item.inline:
            return None
        return self._callable(item, scope)

    def _native(self, node: Callable | Step) -> Mapped:
        """What the node was lifted from."""
        mapping: Mapped = at(self._manifest, (node.source or ())[1 + len(self._root) :])
        return self._from(mapping, node.source)

    def _from(self, mapping: Mapped, source: Source | None) -> Mapped:
        if source is not None:
            self._origins.note(mapping, source[1:])
        return mapping

    @staticmethod
    def _listed(after: list[Any], before: list[Any]) -> list[Any]:
        same = len(after) == len(before) and all(one is two for one, two in zip(after, before, strict=True))
        return before if same else after
