"""One workflow as a manifest: made from nothing but the IR, or merged into what it was lifted from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from couler_argo.codec import Codec, Context, present_fields
from couler_argo.directives import expand
from couler_argo.documents import SPEC_PATHS, codec_of
from couler_argo.spelling import Nested, Scope
from couler_argo.steps import STEP
from couler_argo.support import check_callable, check_step
from couler_argo.templates import GRAPH, OPERATION
from couler_argo.unstaging import spell_anew
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import Mapped, part_at
from couler_plugins.engine_kit.legalize.depends import bare_outcomes, is_bare
from couler_plugins.engine_kit.merge import Merge, Sources, nodes_of, with_part
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Callable, Graph, Source, Step, Workflow, callables, inline_callees, replace

N = TypeVar("N", bound=Callable | Step)


def write_workflow(workflow: Workflow) -> Mapped:
    """A workflow as a manifest of its own.

    Raises:
        Unsupported: Argo cannot say what the workflow is to be.
    """
    return _Writing(expand(workflow), Sources()).manifest()


def merge_workflow(new: Workflow, original: Workflow, document: int, data: Any) -> tuple[Any, Mapping[int, Path]]:
    """The document that a workflow was lifted from, with the workflow as it is to be.

    Args:
        new: the workflow as it is to be.
        original: the workflow as it was lifted.
        document: the number of the document.
        data: what the document holds.

    Returns:
        The document, the same object where nothing changed; and for its objects, by their `id`, where in `data` that
        was which they were made from.

    Raises:
        Unsupported: Argo cannot say what the workflow is to be.
    """
    if new is original:
        return data, {}
    if new.kind != original.kind:
        raise Unsupported(f"{original.label} is a {original.kind}", engine="argo", feature="Workflow.kind")
    source, sources = original.source or (document,), Sources({document: data})
    native = part_at(data, source[1:])
    written = _Writing(expand(new), sources, expand(original)).manifest(native)
    merge = Merge(Sources(), sources)
    return with_part(data, source[1:], merge.merged(native, native, written, source)), merge.origins


class _Writing:
    """Writes one workflow: what it has in common with the original as what that was lifted from.

    Args:
        workflow: the workflow.
        sources: is told what that was read from which is written.
        original: what it was lifted as; None for one without an origin.
    """

    def __init__(self, workflow: Workflow, sources: Sources, original: Workflow | None = None) -> None:
        self._workflow = workflow
        self._sources = sources
        self._original = original
        self._by_name = callables(workflow)
        nodes = nodes_of(original) if original else ()
        self._old: dict[Source | None, Callable | Step] = {
            node.source: node for node in nodes if node.source is not None
        }
        kept = {id(node) for node in self._old.values()}
        changed = {name for name, item in self._by_name.items() if item.inline and id(item) not in kept}
        self._around = {
            id(node)
            for graph in (workflow.graphs if changed else ())
            for step in graph.steps
            if any(item.name in changed for item in inline_callees(step, self._by_name))
            for node in (graph, step)
        }
        """Nodes with a template inside, written inline, that changed."""

    def manifest(self, native: Mapped | None = None) -> Mapped:
        """The whole manifest; `native` is what the original was lifted from, if there is one."""
        workflow, codec = self._workflow, codec_of(self._workflow.kind)
        if native is not None and self._original is not None:
            manifest = codec.update(native, self._original, workflow, Context())
        else:
            written = codec.write(workflow, Context())
            head: Mapped = {"apiVersion": "argoproj.io/v1alpha1", "kind": workflow.kind}
            manifest = {**head, **present_fields(written, ("metadata", "spec")), **written}
        spec = manifest
        for key in SPEC_PATHS[workflow.kind]:
            spec = spec.setdefault(str(key), {})
        rest = {key: content for key, content in spec.items() if key != "templates"}
        templates = [self._callable(item) for item in self._ordered()]
        whole = {**rest, "templates": templates} if templates else rest
        result: Mapped = with_part(manifest, SPEC_PATHS[workflow.kind], whole)
        return result

    def _ordered(self) -> Iterator[Callable]:
        """All templates: those that have an origin in its order, then the others."""
        named = [item for item in (*self._workflow.graphs, *self._workflow.operations) if not item.inline]
        placed: dict[Source, Callable] = {}
        for item in named:
            # One whose place ends with a name was written at its call site.
            if item.source is not None and item.source in self._old and not isinstance(item.source[-1], str):
                placed.setdefault(item.source, item)
        first = {id(item) for item in placed.values()}
        yield from (placed[source] for source in sorted(placed, key=lambda source: source[-1]))
        yield from (item for item in named if id(item) not in first)

    def _callable(self, item: Callable, scope: Scope = "tasks") -> Mapped:
        """A template; `scope` is how the graph around one that is written inline refers to its steps."""
        old = self._old.get(item.source)
        if item is not old:
            check_callable(item)
        elif id(item) not in self._around:
            native: Mapped = self._sources.native(item)
            return native
        if not isinstance(item, Graph):
            return self._written(OPERATION, old, item, Context(scope))
        turned = isinstance(old, Graph) and old.stages is not None and item.stages is None
        item = spell_anew(item) if turned else item
        context = self._context(item, scope)
        mapping = self._written(GRAPH, None if turned else old, item, context)
        if item.stages is None:
            tasks = [self._step(step, context, anew=turned) for step in item.steps]
            whole = {**mapping, "dag": {**(mapping.get("dag") or {}), "tasks": tasks}}
        else:
            steps = {step.name: step for step in item.steps}
            groups = [[self._step(steps[name], context) for name in stage] for stage in item.stages]
            whole = {**mapping, "steps": groups}
        if not isinstance(old, Graph):
            return self._sources.note(whole, None)
        if turned:  # the tasks stand where the steps did
            keys = ("dag" if key == "steps" else key for key in self._sources.native(item))
            whole = {key: whole[key] for key in keys if key in whole}
            self._sources.ordered.add(id(whole))
        if old.stages is None and item.stages is not None:
            raise Unsupported(
                f"{_nameless(item).name!r} cannot turn from a dag into steps",
                engine="argo",
                feature="Graph.stages",
            )
        return self._sources.note_made(whole, item.source)

    def _step(self, step: Step, context: Context, *, anew: bool = False) -> Mapped:
        old = self._old.get(step.source)
        if step is not old:
            check_step(step)
        if anew and isinstance(old, Step):
            return self._sources.note_made(STEP.write(step, context), step.source)
        keys = {"inline", "hooks"} if id(step) in self._around else set()
        if isinstance(old, Step):
            native: Mapped = self._sources.native(step)
            if step.needs is not None and native.get("depends" if context.listed else "dependencies"):
                keys |= {"depends", "dependencies"}
            if step is old and not keys:
                return native
        return self._written(STEP, old, step, context, keys)

    def _written(self, codec: Codec, old: N | None, new: N, context: Context, keys: Collection[str] = ()) -> Mapped:
        """A node: what it was lifted from, with what differs and these keys written anew."""
        if type(old) is not type(new):
            return self._sources.note(codec.write(_nameless(new), context), None)
        native = self._sources.native(new)
        return self._sources.note_made(codec.update(native, _nameless(old), _nameless(new), context, keys), new.source)

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
        sources = [step.source for step in graph.steps if step.source in self._old]
        natives = [part_at(self._sources.documents, source or ()) for source in sources]
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
        return self._callable(item, scope) if item is not None and item.inline else None


def _nameless(node: N) -> N:
    """The node as it is written: an inline template has no name in Argo, the IR's is made up."""
    return replace(node, name="") if getattr(node, "inline", False) else node
