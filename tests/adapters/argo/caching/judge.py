"""What may not be cached, judged from raw documents: which rules speak against a step, and whether one was cached.

It imports nothing of what it judges, and reads Argo's documents itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adapters.argo.caching.raw import (
    GRAPHS,
    OUTPUTS,
    RUN,
    against_template,
    before,
    hooks_of,
    is_ours,
    steps_of,
    unversioned,
)

__all__ = ["RULES", "Judge", "Place", "complaints", "is_ours"]

Place = tuple[int, str, str]
"""The number of a document, the graph and the step; for what is called from outside, "" and the template."""

RULES = frozenset(
    {
        *("recursion", "clock", "chance", "network", "no inputs", "kind", "daemon", "global output", "global input"),
        *("run", "configured", "volume", "owner", "unversioned", "own place", "handler", "optional", "doubtful"),
        *("unbounded", "poisoned by data", "poisoned by order", "inline", "external"),
    }
)


def spec_of(document: Any) -> dict[str, Any]:
    spec = document.get("spec") or {} if isinstance(document, dict) else {}
    found: Any = spec.get("workflowSpec", spec)
    return dict(found)


@dataclass(frozen=True)
class Site:
    """A call: where, the step, what it calls, and the stages or tasks of its graph."""

    place: Place
    step: dict[str, Any]
    graph: dict[str, Any]
    handler: bool = False


class Judge:
    """Looks at documents that see each other."""

    def __init__(self, documents: Sequence[Any]) -> None:
        self.documents = list(documents)
        self.templates = {
            (number, template["name"]): template
            for number, document in enumerate(documents)
            for template in spec_of(document).get("templates") or ()
        }
        self._libraries = {document["metadata"].get("name"): n for n, document in enumerate(documents) if document}

    @cached_property
    def sites(self) -> list[Site]:
        """Every call by a step, of a handler, or from outside."""
        found: list[Site] = []
        for (number, name), template in self.templates.items():
            found += self._in_graph(number, name, template)
        for number, document in enumerate(self.documents):
            spec = spec_of(document)
            if spec.get("entrypoint"):
                found.append(Site((number, "", spec["entrypoint"]), {"template": spec["entrypoint"]}, {}))
            found += [Site((number, "", "handler"), hook, {}, handler=True) for hook in hooks_of(spec)]
        return found

    def _in_graph(self, number: int, name: str, template: dict[str, Any]) -> Iterator[Site]:
        for step in steps_of(template):
            yield Site((number, name, step["name"]), step, template)
            for hook in hooks_of(step):
                yield Site((number, name, f"{step['name']}.hook"), hook, template, handler=True)
            if "inline" in step:
                yield from self._in_graph(number, f"{name}/{step['name']}", step["inline"])

    def callee(self, site: Site) -> tuple[int, str] | None:
        """The document and name of what is called; None where that is not known, or elsewhere."""
        step = site.step
        number = site.place[0]
        if "templateRef" in step:
            number = self._libraries.get(step["templateRef"]["name"], -1)
            key = (number, step["templateRef"]["template"])
        else:
            key = (number, step.get("template", ""))
        return key if key in self.templates else None

    @cached_property
    def _called(self) -> dict[tuple[int, str], set[tuple[int, str]]]:
        called: dict[tuple[int, str], set[tuple[int, str]]] = {key: set() for key in self.templates}
        for site in self.sites:
            caller = (site.place[0], site.place[1].partition("/")[0])
            callee = self.callee(site)
            if caller in called and callee is not None:
                called[caller].add(callee)
        return called

    def _below(self, start: tuple[int, str]) -> set[tuple[int, str]]:
        seen: set[tuple[int, str]] = set()
        pending = list(self._called.get(start, ()))
        while pending:
            key = pending.pop()
            if key not in seen:
                seen.add(key)
                pending += self._called[key]
        return seen

    @cached_property
    def _handled(self) -> set[tuple[int, str]]:
        starts = {callee for site in self.sites if site.handler and (callee := self.callee(site))}
        return starts.union(*(self._below(start) for start in starts))

    def objections(self) -> dict[Place, set[str]]:
        """The rules that speak against caching each call of something that is no graph."""
        found: dict[Place, set[str]] = {}
        for site in self.sites:
            callee = self.callee(site)
            if callee is None or GRAPHS & self.templates[callee].keys():
                if "inline" in site.step:
                    found[site.place] = {"inline"}
                if "templateRef" in site.step:
                    found[site.place] = {"external"}
                continue
            found.setdefault(site.place, set()).update(self._against(site, callee))
        return found

    def _against(self, site: Site, callee: tuple[int, str]) -> Iterator[str]:
        template, number = self.templates[callee], callee[0]
        yield from against_template(spec_of(self.documents[number]), template)
        caller = (site.place[0], site.place[1].partition("/")[0])
        if caller in self.templates and caller in self._below(caller):
            yield "recursion"
        if site.handler or caller in self._handled:
            yield "handler"
        if "templateRef" in site.step:
            yield "external"
        annotations = template.get("metadata", {}).get("annotations", {})
        printed = f".{site.step.get('name')}.outputs.result" in json.dumps(site.graph)
        if ((template.get("outputs") or {}).get("parameters") or printed) and not annotations.get(MAX):
            yield "unbounded"
        arguments = site.step.get("arguments") or {}
        for pattern, rule in ((RUN, "run"), (OUTPUTS, "global input")):
            if pattern.search(json.dumps(arguments)):
                yield rule
        if any(unversioned(artifact) for artifact in arguments.get("artifacts") or ()):
            yield "unversioned"
        yield from self._upstream(site)

    def _upstream(self, site: Site) -> Iterator[str]:
        """What speaks against a step for what runs before it."""
        steps = {step["name"]: step for step in steps_of(site.graph)}
        if site.step.get("name") not in steps or site.handler:
            return
        for other in before(site.graph, site.step):
            if {"when", "continueOn", "hooks", "onExit"} & steps[other].keys():
                yield "doubtful"
        if re.search(r"\|\||!|\.(Failed|Errored|Omitted|AnySucceeded|AllFailed)", str(site.step.get("depends", ""))):
            yield "doubtful"
        arguments = site.step.get("arguments") or {}
        read = json.dumps(arguments.get("parameters") or ())
        pending, seen = before(site.graph, site.step), set[str]()
        while pending:
            name = pending.pop()
            if name in seen or not self._impure(site, steps[name]):
                continue
            seen.add(name)
            if f".{name}.outputs.artifacts" in json.dumps(arguments.get("artifacts") or ()):
                yield "poisoned by data"
            elif f".{name}.outputs." not in read and f"['{name}'].outputs." not in read:
                yield "poisoned by order"
            else:
                pending += before(site.graph, steps[name])

    def _impure(self, site: Site, step: dict[str, Any]) -> bool:
        here = Site((*site.place[:2], step["name"]), step, site.graph)
        callee = self.callee(here)
        if callee is None or "templateRef" in step:
            return True
        leaves = [key for key in {callee, *self._below(callee)} if not GRAPHS & self.templates[key].keys()]
        return any(set(against_template(spec_of(self.documents[key[0]]), self.templates[key])) for key in leaves)


MAX = "couler.io/max-output-bytes"


def complaints(originals: Sequence[Any], made: Sequence[Any]) -> list[tuple[Place, str]]:
    """The calls that we cache although a rule speaks against it, judged by the documents as they were."""
    against = Judge(originals).objections()
    after = Judge(made)
    found = []
    for site in after.sites:
        callee = after.callee(site)
        if callee is not None and is_ours(after.templates[callee]):
            rules = against.get((*site.place[:2], re.sub(r"-cache(-\d+)?$", "", site.place[2])), {"unknown"})
            found += [(site.place, rule) for rule in sorted(rules)]
        if is_ours(site.step.get("inline") or {}):
            found.append((site.place, "inline"))
    return found
