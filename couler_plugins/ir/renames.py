"""Names that change, and second callables and call sites under new names: written once for all engines.

Each edit returns a new workflow, rewrites every reference that it touches, and raises `Unsupported` where it cannot see
all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir.edits import fresh_name, redirect_calls, replace_callables
from couler_plugins.ir.needs import Need, map_needs
from couler_plugins.ir.values import ANY_STEP, Reference, replace
from couler_plugins.ir.walk import call_sites, callables, callee_of, inline_callees, map_references, references
from couler_plugins.ir.workflow import Call, Dynamic, Graph, Operation, Step, Workflow


def rename_callable(workflow: Workflow, old: str, new: str) -> Workflow:
    """`workflow` with a graph or operation renamed, and every call of it.

    Raises:
        Unsupported: `new` is taken, or others could call it by its old name.
    """
    by_name = callables(workflow)
    if new in by_name:
        raise Unsupported(f"{new!r} is taken", engine=workflow.engine, step=old, hint="choose another name")
    if workflow.library:
        raise Unsupported(
            f"{old!r} can be called from outside {workflow.label}",
            engine=workflow.engine,
            step=old,
            hint="clone it under the new name instead",
        )
    for _, step in call_sites(workflow):
        if isinstance(step.call, Dynamic) and any(references(step.call)):
            raise Unsupported(
                f"{step.name!r} chooses what it calls at run time",
                engine=workflow.engine,
                step=step.name,
                hint="name what it calls",
            )
    return redirect_calls(replace_callables(workflow, {old: replace(by_name[old], name=new)}), {old: new})


def rename_steps(workflow: Workflow, graph_name: str, names: Mapping[str, str]) -> Workflow:
    """`workflow` with steps of one graph renamed, and every reference to them.

    Args:
        workflow: the workflow.
        graph_name: the graph that the steps belong to.
        names: new names by old names.

    Raises:
        Unsupported: two steps would share a name, or an expression chooses a step at run time.
    """
    by_name = callables(workflow)
    graph = by_name[graph_name]
    assert isinstance(graph, Graph)
    new_names = [names.get(step.name, step.name) for step in graph.steps]
    unknown = names.keys() - {step.name for step in graph.steps}
    if unknown:
        raise ValueError(f"{graph_name!r} has no step {min(unknown)!r}")
    if len(set(new_names)) != len(new_names):
        raise Unsupported("two steps would share a name", engine=workflow.engine, step=graph_name)
    inline = {callee.name: callee for step in graph.steps for callee in inline_callees(step, by_name)}
    refuse_hidden_references(workflow, graph, tuple(inline.values()), names.values())

    def renamed(reference: Reference) -> Reference:
        return replace(reference, step=names[reference.step], native="") if reference.step in names else reference

    def renamed_step(step: Step) -> Step:
        new = map_references(step, renamed)
        needs = new.needs and map_needs(new.needs, renamed_need)
        if new is step and needs is step.needs and step.name not in names:
            return step
        return replace(new, name=names.get(step.name, step.name), needs=needs)

    def renamed_need(need: Need) -> Need:
        return replace(need, step=names[need.step]) if need.step in names else need

    def many(old: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in old)

    steps = tuple(renamed_step(step) for step in graph.steps)
    changed: dict[str, Graph | Operation] = {name: map_references(callee, renamed) for name, callee in inline.items()}
    rest = map_references(replace(graph, steps=()), renamed)
    changed[graph_name] = replace(
        rest,
        steps=steps,
        stages=graph.stages and tuple(many(stage) for stage in graph.stages),
        finalizers=many(graph.finalizers),
        targets=tuple(names.get(name, name) if isinstance(name, str) else name for name in rest.targets),
        regions=tuple(replace(region, steps=many(region.steps)) for region in rest.regions),
    )
    return replace_callables(workflow, changed)


def refuse_hidden_references(
    workflow: Workflow, graph: Graph, inline: tuple[Graph | Operation, ...], new: Iterable[str] = ()
) -> None:
    """Raises `Unsupported` where a reference to a step of `graph`, also by a `new` name, cannot be told apart."""
    own = {step.name for step in graph.steps}.union(new)
    for callee in inline:
        inner = {step.name for step in callee.steps} if isinstance(callee, Graph) else set()
        if inner & own:
            raise Unsupported(
                f"{graph.name!r} and the graph inside it both have a step {min(inner & own)!r}",
                engine=workflow.engine,
                step=graph.name,
                hint="give the steps different names first",
            )
    chosen = any(not isinstance(name, str) for name in graph.targets)
    if chosen or any(reference.step == ANY_STEP for reference in references((graph, inline))):
        raise Unsupported(
            f"an expression in {graph.name!r} chooses a step at run time",
            engine=workflow.engine,
            step=graph.name,
            hint="name the step in the expression",
        )


def clone_callable(workflow: Workflow, name: str, new: str) -> Workflow:
    """`workflow` with a copy of a graph or operation under a new name, which nothing calls yet.

    Raises:
        Unsupported: `new` is taken, or something in it is written inline (a copy would be called from two places).
    """
    by_name = callables(workflow)
    original = by_name[name]
    steps = original.steps if isinstance(original, Graph) else ()
    if new in by_name:
        raise Unsupported(f"{new!r} is taken", engine=workflow.engine, step=name, hint="choose another name")
    if original.inline or any(inline_callees(step, by_name) for step in steps):
        raise Unsupported(
            f"{name!r} is, or holds, something written inline",
            engine=workflow.engine,
            step=name,
            hint="give the inline template a name of its own first",
        )
    return replace_callables(workflow, {}, [replace(original, name=new)])


def clone_step(workflow: Workflow, graph_name: str, step_name: str, new: str) -> Workflow:
    """`workflow` with a second call site that does what the first does, beside it in its stage or with its needs.

    Raises:
        Unsupported: `new` is taken, or a graph, or what a handler runs, is written inside the step.
    """
    by_name = callables(workflow)
    graph = by_name[graph_name]
    assert isinstance(graph, Graph)
    step = next(step for step in graph.steps if step.name == step_name)
    if any(other.name == new for other in graph.steps):
        raise Unsupported(f"{new!r} is taken", engine=workflow.engine, step=step_name, hint="choose another name")
    body = callee_of(step, by_name)
    own_body = body if isinstance(body, Operation) and body.inline else None
    if inline_callees(step, by_name) != ((own_body,) if own_body is not None else ()):
        raise Unsupported(
            f"what {step_name!r} runs is written inline",
            engine=workflow.engine,
            step=step_name,
            hint="give the inline template a name of its own first",
        )

    def own(reference: Reference) -> Reference:
        return replace(reference, step=new, native="") if reference.step == step_name else reference

    def beside(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for old in names for name in ((old, new) if old == step_name else (old,)))

    copy = replace(map_references(step, own), name=new)
    bodies = []
    if own_body is not None:
        bodies = [
            replace(map_references(own_body, own), name=fresh_name(_renamed(own_body.name, step_name, new), by_name))
        ]
        copy = replace(copy, call=Call(name=bodies[0].name))
    steps = tuple(item for old in graph.steps for item in ((old, copy) if old is step else (old,)))
    stages = graph.stages and tuple(beside(stage) for stage in graph.stages)
    cloned = replace(
        graph,
        steps=steps,
        stages=stages,
        finalizers=beside(graph.finalizers),
        targets=tuple(item for old in graph.targets for item in ((old, new) if old == step_name else (old,))),
        regions=tuple(replace(region, steps=beside(region.steps)) for region in graph.regions),
    )
    return replace_callables(workflow, {graph_name: cloned}, bodies)


def _renamed(callee: str, step: str, new: str) -> str:
    """The name of a copy of what is written inside a step: that is often called after the step."""
    return callee.removesuffix(step) + new if callee.endswith(step) else new
