"""Templates of `steps` that become a `dag`: what Argo does in another way in the two, and how steps are referred to.

Source: `workflow/controller/steps.go`, `dag.go` and `operator.go`, `workflow/validate/validate.go` (Argo 4.0.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    ANY_STEP,
    Call,
    CallSite,
    External,
    Graph,
    Operation,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    callee_of,
    map_references,
    needed,
    references,
    replace,
)
from couler_plugins.plan import Plan

FAILURES = frozenset({"failed", "errored"})


def keep_order(workflow: Workflow, graph: Graph, plan: Plan) -> str:
    """Return why a template of `steps` cannot become a `dag`; empty where it can, or is none."""
    return "" if graph.stages is None else next(_reasons(workflow, graph, plan), "")


def _reasons(workflow: Workflow, graph: Graph, plan: Plan) -> Iterator[str]:
    if graph.inline:
        yield "it is written inline"
    if graph.retry is not None:
        yield "it is retried as a whole, and a dag tells errors from failures where steps do not"
    for site in call_sites(workflow):
        if isinstance(site.step.call, Call) and site.step.call.name == graph.name and _tells_failures(site):
            yield f"{site.label} tells its errors from its failures, which only a dag does"
    by_name = callables(workflow)
    skippable = {step.name for step in graph.steps if step.condition is not None}
    looped = {step.name for step in graph.steps if step.condition is not None and step.loop is not None}
    for step in graph.steps:
        if step.tolerates:
            yield f"its step {step.name!r} has continueOn, which a dag does not allow beside depends"
        if step.handlers:
            yield f"its step {step.name!r} has a hook, for which steps wait in another way than tasks"
        if step.name[:1].isdigit():
            yield f"the name of its step {step.name!r} begins with a digit, which depends does not allow"
        read = references((step.arguments, step.loop, step.condition))
        if name := next((item.step for item in read if item.step in skippable), ""):
            yield f"{step.name!r} reads what {name!r} makes, which may be skipped: a dag then passes empty texts"
        yield from _of_callee(workflow, step, by_name, plan)
    if any(item.step in looped for item in references(graph.outputs)):
        yield "an output is made of the items of a loop that may be skipped, which a dag does not leave out"
    if any(item.step == ANY_STEP for item in references(graph)):
        yield "it reads all of its steps at once"


def _tells_failures(site: CallSite) -> bool:
    """Whether what becomes of a call depends on whether it has failed or ended in an error."""
    if len(FAILURES.intersection(site.step.tolerates)) == 1:
        return True
    steps = site.graph.steps if site.graph is not None else ()
    needs = (need for step in steps for need in needed(step.needs))
    return any(need.step == site.step.name and len(FAILURES.intersection(need.outcomes)) == 1 for need in needs)


def _of_callee(workflow: Workflow, step: Step, by_name: Mapping[str, Graph | Operation], plan: Plan) -> Iterator[str]:
    """Why a step calls what would not know its name any more: `steps.name` is `tasks.name` in a dag."""
    callee = callee_of(step, by_name)
    bodies: list[Graph | Operation] = [callee] if callee is not None else []
    if isinstance(step.call, External):
        libraries = plan.libraries.candidates(workflow, step.call)
        bodies = [item for one in libraries for item in callables(one).values() if item.name == step.call.name]
        if not bodies:
            what = step.call.description
            yield f"its step {step.name!r} calls {what}, which is not read here, and may use steps.name"
    if any(item.to == "status" and item.step == "name" and not item.name for item in references(tuple(bodies))):
        yield f"what its step {step.name!r} calls uses steps.name, which is tasks.name in a dag"


def spell_anew(graph: Graph) -> Graph:
    """Return a graph whose references to steps are spelt anew: what was `steps.A` becomes `tasks.A`.

    Raises:
        Unsupported: only the run knows which steps it reads.
    """

    def spelt(reference: Reference) -> Reference:
        if reference.step == ANY_STEP:
            hint = "name the step that is read"
            raise Unsupported(f"{graph.name!r} reads steps that only the run knows", engine="argo", hint=hint)
        return replace(reference, native="") if reference.step and reference.native else reference

    return map_references(graph, spelt)
