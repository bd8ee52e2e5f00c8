"""Runs Argo manifests in symbols, without adapter code: what each leaf computes is a hash of its body and its inputs.

Conditions, loops and hooks cannot be decided without a cluster: everything runs once, and what it depends on (the
condition with its variables filled in, the list that is looped over) becomes part of the hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.argo.objects import ROOTS, Mapping, chain_spans, objects, spec_of, tasks_of

__all__ = ["CannotRun", "computed"]

MAX_DEPTH = 12


class CannotRun(Exception):
    """The manifest recurses, or has no entry of its own."""


class Outcome(NamedTuple):
    """What a step gives: its digest, and its outputs by kind and name."""

    digest: str
    outputs: Mapping


def computed(documents: Sequence[Any]) -> Counter[str]:
    """What the leaves of all workflows that can be run compute: digests, each as often as it runs.

    Raises:
        CannotRun: one of the workflows cannot be run.
    """
    every = [item for document in documents for item in objects(document)]
    found: Counter[str] = Counter()
    for item in every:
        spec = spec_of(item)
        if not spec.get("entrypoint") or spec.get("workflowTemplateRef"):
            raise CannotRun("no entry of its own")
        run = _Run(every)
        given = spec.get("arguments") or {}
        run.call({"template": spec["entrypoint"], "arguments": given}, spec, _Scope({}), ("entry",))
        for name, hook in [*(spec.get("hooks") or {}).items(), ("onExit", {"template": spec.get("onExit")})]:
            if hook.get("template"):
                run.call(hook, spec, _Scope({}), ("hook", name, hook.get("expression")), given)
        found += run.leaves
    return found


def digest(*parts: Any) -> str:
    """A short name for some JSON-like data."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Scope:
    """Where variables are looked up: the inputs of a template, its steps, and (for an inline one) what is around it."""

    def __init__(self, inputs: Mapping, outer: _Scope | None = None) -> None:
        self.inputs = inputs
        self.outer = outer
        self.root = ""
        self.sites: dict[str, Mapping] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.run_site: Any = None

    def look_up(self, segments: tuple[str, ...]) -> Any:
        """The value of a variable; None where it is none of ours."""
        match segments:
            case ("inputs", "parameters" | "artifacts" as plural, name, *rest) if name in self.inputs.get(plural, {}):
                return _picked(self.inputs[plural][name], rest)
            case ("tasks" | "steps" as root, name, *rest) if root == self.root and name in self.sites:
                outcome: Outcome = self.run_site(name)
                match rest:
                    case ["outputs", "parameters" | "artifacts" as plural, port, *path]:
                        return _picked(outcome.outputs.get(plural, {}).get(port, f"<{outcome.digest}.{port}>"), path)
                return f"<{outcome.digest}.{'.'.join(rest)}>"
        return self.outer.look_up(segments) if self.outer is not None else None

    def fill(self, data: Any) -> Any:
        """`data` with every variable that is known here filled in."""
        match data:
            case dict():
                return {str(self.fill(key)): self.fill_field(key, content) for key, content in data.items()}
            case list():
                return [self.fill(content) for content in data]
            case str():
                return re.sub(r"\{\{(.*?)\}\}", lambda tag: self._tag(tag[0], tag[1]), data, flags=re.DOTALL)
        return data

    def fill_field(self, key: str, content: Any) -> Any:
        """A field's content; some fields hold an expression without braces."""
        if key in ("expression", "fromExpression") and isinstance(content, str):
            return self._expression(content)
        return self.fill(content)

    def _tag(self, whole: str, inner: str) -> str:
        if inner.startswith("="):
            return "{{=" + self._expression(inner[1:]) + "}}"
        value = self.look_up(tuple(inner.strip().split(".")))
        return whole if value is None else str(value)

    def _expression(self, text: str) -> str:
        pieces, end = [], 0
        for segments, start, stop in chain_spans(text, ROOTS):
            value = self.look_up(segments)
            known = text[start:stop] if value is None else json.dumps(value)
            pieces += [text[end:start], known]
            end = stop
        return "".join([*pieces, text[end:]])


def _picked(value: Any, path: Sequence[str]) -> Any:
    return f"<{value}.{'.'.join(path)}>" if path else value


class _Run:
    def __init__(self, every: Sequence[Mapping]) -> None:
        self.every = every
        self.leaves: Counter[str] = Counter()
        self.depth = 0

    def find(self, site: Mapping, spec: Mapping) -> tuple[Mapping | None, Mapping]:
        """The template that a site calls, and the spec that it belongs to."""
        if "inline" in site:
            return site["inline"], spec
        name = site.get("template")
        if "templateRef" in site:
            reference = site["templateRef"]
            name = reference["template"]
            kind = "ClusterWorkflowTemplate" if reference.get("clusterScope") else "WorkflowTemplate"
            named = [
                item
                for item in self.every
                if item["kind"] == kind and item["metadata"].get("name") == reference["name"]
            ]
            if not named:
                return None, spec
            spec = spec_of(named[0])
        found = [template for template in spec.get("templates") or [] if template["name"] == name]
        return (found[0] if found else None), spec

    def call(
        self, site: Mapping, spec: Mapping, scope: _Scope, guards: tuple[Any, ...], also: Mapping | None = None
    ) -> Outcome:
        """Runs what a site calls."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CannotRun("recursion")
        template, spec = self.find(site, spec)
        given = {
            plural: {
                item["name"]: scope.fill(item.get("value", item.get("from", item)))
                for item in [*((also or {}).get(plural) or []), *((site.get("arguments") or {}).get(plural) or [])]
            }
            for plural in ("parameters", "artifacts")
        }
        if template is None:
            outcome = self.leaf({"templateRef": site.get("templateRef")}, given, guards)
        else:
            for plural in ("parameters", "artifacts"):
                for port in (template.get("inputs") or {}).get(plural) or []:
                    held = {key: content for key, content in port.items() if key not in ("name", "path")}
                    given[plural].setdefault(port["name"], port.get("value", port.get("default", digest(held))))
            inner = _Scope(given, scope if "inline" in site else None)
            if "dag" in template or "steps" in template:
                outcome = self.graph(template, spec, inner, guards)
            else:
                body = {key: content for key, content in template.items() if key != "name"}
                outcome = self.leaf(inner.fill(body) if "inline" in site else body, given, guards, template)
        self.depth -= 1
        return outcome

    def leaf(self, body: Mapping, given: Mapping, guards: tuple[Any, ...], template: Mapping | None = None) -> Outcome:
        name = digest(body, given, guards)
        self.leaves[name] += 1
        outputs = {
            plural: {port["name"]: f"<{name}.{port['name']}>" for port in ports}
            for plural, ports in ((template or {}).get("outputs") or {}).items()
            if isinstance(ports, list)
        }
        return Outcome(name, outputs)

    def graph(self, template: Mapping, spec: Mapping, scope: _Scope, guards: tuple[Any, ...]) -> Outcome:
        scope.root = "tasks" if "dag" in template else "steps"
        scope.sites = {site["name"]: site for site in tasks_of(template)}
        before = self.leaves.copy()

        def run_site(name: str) -> Outcome:
            if name not in scope.outcomes:
                scope.outcomes[name] = self.site(scope.sites[name], spec, scope, guards)
            return scope.outcomes[name]

        scope.run_site = run_site
        for name in scope.sites:
            run_site(name)
        outputs: Mapping = {}
        for plural, ports in (template.get("outputs") or {}).items():
            for port in ports if isinstance(ports, list) else ():
                content = port.get("valueFrom") or {key: port[key] for key in ("from", "fromExpression") if key in port}
                filled = scope.fill(content)
                plain = filled.get("parameter", filled.get("from"))
                outputs.setdefault(plural, {})[port["name"]] = digest(filled) if plain is None else plain
        return Outcome(digest(sorted((self.leaves - before).keys())), outputs)

    def site(self, site: Mapping, spec: Mapping, scope: _Scope, guards: tuple[Any, ...]) -> Outcome:
        looped = {key: scope.fill(site[key]) for key in ("withItems", "withParam", "withSequence") if site.get(key)}
        own = [scope.fill(site["when"])] if site.get("when") else []
        outcome = self.call(site, spec, scope, (*guards, *own, *([looped] if looped else [])))
        if looped:
            outcome = Outcome(digest(outcome.digest, "all"), outcome.outputs)
        scope.outcomes[site["name"]] = outcome  # its hooks refer to it
        hooks = [*(site.get("hooks") or {}).items(), ("onExit", {"template": site.get("onExit")})]
        for event, hook in hooks:
            if hook.get("template") or hook.get("templateRef"):
                condition = scope.fill_field("expression", hook.get("expression"))
                self.call(hook, spec, scope, (*guards, *own, "hook", event, condition, outcome.digest))
        return outcome
