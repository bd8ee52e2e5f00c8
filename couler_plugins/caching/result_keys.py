"""Keys of results that are known before a run: those of pure steps that depend on constants alone, all the way up."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import digest
from couler_plugins.caching.salts import unsalted
from couler_plugins.caching.switches import Terms, declared_verdicts, steps_of
from couler_plugins.hookspecs.caching import FingerprintCaching
from couler_plugins.hookspecs.verdicts import Verdict
from couler_plugins.ir import Step, Workflow

__all__ = ["keys_of", "result_keys"]


def result_keys(workflow: Workflow, facet: FingerprintCaching, terms: Terms) -> dict[Place, str]:
    """The keys of what steps of a workflow make, of those that have one before a run.

    Args:
        workflow: the workflow, salted or not.
        facet: what its engine knows.
        terms: what the user says.
    """
    bare = unsalted(workflow)
    return keys_of(steps_of(bare), declared_verdicts(bare, facet, terms))


def keys_of(steps: Mapping[Place, Step], verdicts: Mapping[Place, Verdict]) -> dict[Place, str]:
    """The keys of results.

    Args:
        steps: the steps.
        verdicts: what was found about some of them; in each graph, those that run first before the others.
    """
    found: dict[Place, str] = {}
    for place, verdict in verdicts.items():
        if place in steps and (key := _key(place[0], steps[place], verdict, found)) is not None:
            found[place] = key
    return found


def _key(graph: str, step: Step, verdict: Verdict, found: Mapping[Place, str]) -> str | None:
    """The key of what a step makes; None where only a run knows it, and where it may not run, or more than once."""
    if step.loop is not None or step.condition is not None or verdict.objection is not None or verdict.made is None:
        return None
    values = []
    for leaf in verdict.made.leaves:
        made = found.get((graph, leaf.step)) if leaf.to == "output" else None
        if made is None:
            return None
        values.append([leaf.kind, leaf.name, *leaf.path, made])
    return digest(["result", verdict.made.digest, values])
