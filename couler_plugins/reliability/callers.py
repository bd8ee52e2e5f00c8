"""What callers forbid of what they reach in other objects; what they allow counts for themselves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.ir import Call, CallSite, External, Workflow, call_sites, callables
from couler_plugins.plan import Plan
from couler_plugins.reliability.rules import Rule

Target = tuple[int, str]
"""A workflow, by its identity, and a graph or an operation of it."""


def forbidden(plan: Plan, judge: Callable[[Workflow, CallSite], Rule]) -> Mapping[Target, Rule]:
    """Return what callers forbid, by what they reach in other objects of the plan, directly or through others.

    Args:
        plan: all workflows.
        judge: returns what a workflow itself says of a call into another one.
    """
    by_id = {id(workflow): workflow for workflow in plan.workflows}
    names = {number: callables(workflow) for number, workflow in by_id.items()}
    sites = {
        number: by_key((site.graph.name if site.graph is not None else "", site) for site in call_sites(workflow))
        for number, workflow in by_id.items()
    }

    def called(workflow: Workflow, site: CallSite) -> Iterator[Target]:
        call = site.step.call
        if isinstance(call, Call):
            yield id(workflow), call.name
        elif isinstance(call, External):
            for number in map(id, plan.libraries.candidates(workflow, call)):
                is_one = site.graph is not None and call.name in names[number]  # an entry brings its handlers along
                yield from ((number, name) for name in ([call.name] if is_one else names[number]))

    said: dict[tuple[bool, Target], str] = {}

    def onward(node: tuple[bool, Target]) -> Iterator[tuple[bool, Target]]:
        refuses, (number, name) = node
        ahead = (target for site in sites[number].get(name, ()) for target in called(by_id[number], site))
        return ((refuses, target) for target in ahead if (refuses, target) not in said)

    for workflow in plan.workflows:
        for site in call_sites(workflow):
            if isinstance(site.step.call, External) and (targets := list(called(workflow, site))):
                rule = judge(workflow, site)
                if rule.refusal or rule.idempotent is False:
                    starts = [(bool(rule.refusal), one) for one in targets if (bool(rule.refusal), one) not in said]
                    reason = f"a caller keeps it as it is, {workflow.label}: {rule.refusal}"
                    said.update(dict.fromkeys(reached(starts, onward), reason))
    return {
        target: Rule(said.get((True, target), ""), False if (False, target) in said else None) for _, target in said
    }
