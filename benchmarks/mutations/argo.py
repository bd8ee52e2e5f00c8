"""Argo as the judge sees it: what every step depends on, and the keys that the controller or a wrapper would make.

It looks at documents alone. Every condition holds, so every step runs; what a step makes is a hash of what it depends
on. Whoever is not declared pure makes something new in every run, and leaves something new behind; `world` in the
tests of the adapter says why a value that is handed on cuts what is left behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.argo.caching.values import digest
from benchmarks.mutations import argo_texts
from benchmarks.mutations.argo_holders import Holder, joined, made_by, outside, reads_run, value_for
from benchmarks.mutations.argo_texts import Mapped, Scope, filled, objects, ports, spec_of, text_of
from benchmarks.mutations.declaring import Owner, Sayings
from benchmarks.mutations.judging import Cache, CannotRun, Done, Effect, Path, Situation, Value

__all__ = ["ArgoRun"]

DEEPEST, MOST = 16, 1_000
FROM = re.compile(r"\{\{(?:tasks|steps)\.([^.}]+)\.")


class ArgoRun:
    """One run of a file.

    Attributes:
        done: what each step has made, by its path.

    Args:
        documents: what the file says.
        situation: what the run has around it.
        rows: the rows of the settings.
        truth: what the steps make, of a run without a cache; without that, this is one.
        cache: the results of runs before.
    """

    def __init__(
        self,
        documents: Sequence[Any],
        situation: Situation,
        rows: Sequence[Mapped] = (),
        truth: Mapping[Path, Done] | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._documents = [item for document in documents for item in objects(document)]
        self._situation, self._rows, self._truth, self._cache = situation, rows, truth, cache
        self.done: dict[Path, Done] = {}
        self._there = situation.there

    def run(self) -> ArgoRun:
        """Run everything that somebody may start: the workflow itself, and the templates of a library one by one."""
        for number, document in enumerate(self._documents):
            spec = spec_of(document)
            library = spec.get("workflowTemplateRef")
            if library is not None:
                other = self._library(library.get("name", ""))
                if other is None:
                    continue
                theirs = spec_of(other)
                spec = {**theirs, **spec, "arguments": joined(theirs.get("arguments"), spec.get("arguments"))}
            here = Holder(document, spec, self._globals(document, spec), self._owner(document))
            arguments = {"arguments": spec.get("arguments") or {}}
            root = (str(number),)
            if spec.get("entrypoint"):
                call = {"template": spec["entrypoint"], **arguments}
                self._call(here, call, here.around, {}, root, frozenset(), {})
            hooks = [*(spec.get("hooks") or {}).values(), {"template": spec.get("onExit")}]
            for hook in hooks:
                if hook.get("template"):
                    left = frozenset({(root, f"ended {self._situation.run}")})
                    self._call(here, hook, here.around, {}, (*root, "hook", hook["template"]), left, {})
            if document.get("kind") in ("WorkflowTemplate", "ClusterWorkflowTemplate"):
                for template in spec.get("templates") or ():
                    path = (*root, "outside", template["name"])
                    if self._truth is None or any(other[: len(path)] == path for other in self._truth):
                        self._call(here, {"template": template["name"]}, here.around, {}, path, frozenset(), {})
        return self

    def _library(self, name: str) -> Mapped | None:
        kinds = ("WorkflowTemplate", "ClusterWorkflowTemplate")
        return next(
            (one for one in self._documents if one.get("kind") in kinds and one["metadata"].get("name") == name), None
        )

    def _globals(self, document: Mapped, spec: Mapped) -> Scope:
        situation, metadata = self._situation, document.get("metadata") or {}
        given = (spec.get("arguments") or {}).get("parameters") or ()
        values = {item["name"]: text_of(item.get("value", item.get("default", ""))) for item in given}
        for item in given:
            if "valueFrom" in item:
                values[item["name"]] = f"outside-{situation.world}"
        values |= situation.parameters
        scope = {f"workflow.parameters.{name}": Value(text) for name, text in values.items()}
        scope["workflow.parameters"] = Value(json.dumps(values, sort_keys=True))
        scope["workflow.namespace"] = Value(metadata.get("namespace") or situation.namespace)
        scope["workflow.serviceAccountName"] = Value(spec.get("serviceAccountName") or situation.account)
        for kind in ("labels", "annotations"):
            scope |= {
                f"workflow.{kind}.{name}": Value(text_of(text)) for name, text in (metadata.get(kind) or {}).items()
            }
        for name in ("name", "uid", "creationTimestamp"):
            fixed = metadata.get("name") if name == "name" and document.get("kind") == "Workflow" else None
            scope[f"workflow.{name}"] = Value(fixed or f"{name}-{situation.run}")
        return scope

    def _owner(self, document: Mapped) -> Owner:
        metadata = document.get("metadata") or {}
        return Owner(self._rows, [metadata.get("name") or str(metadata.get("generateName", "")).rstrip("-")])

    def _call(
        self,
        here: Holder,
        step: Mapped,
        scope: Scope,
        there: Mapping[str, str],
        path: Path,
        before: frozenset[Effect],
        graph: Mapped,
    ) -> Done:
        """Run what a step calls."""
        if len(path) > DEEPEST or len(self.done) > MOST:
            raise CannotRun("it is too deep, or too big")
        template, holder = self._callee(here, step)
        given = {
            item["name"]: filled(text_of(item.get("value", item.get("valueFrom", ""))), scope)
            for item in ports(step, "arguments", "parameters")
        }
        artifacts = {
            item["name"]: holder.content(item, there, self._situation) for item in ports(step, "arguments", "artifacts")
        }
        if template is None:
            return self._unknown(path, before, {name: value.text for name, value in given.items()})
        values: Scope = {}
        for port in ports(template, "inputs", "parameters"):
            default = port.get("value", port.get("default"))
            fallback = f"outside {port['name']}" if default is None else text_of(default)
            values[port["name"]] = given.get(port["name"]) or filled(fallback, holder.around)
        inner = (dict(scope) if "inline" in step else dict(holder.around)) | {
            f"inputs.parameters.{name}": value for name, value in values.items()
        }
        says = holder.says(template, step, graph)
        contents = {
            port["name"]: artifacts.get(port["name"]) or holder.content(port, {}, self._situation, says.datasets)
            for port in ports(template, "inputs", "artifacts")
        }
        if "dag" in template or "steps" in template:
            return self._graph(holder, template, inner, contents, path, before)
        sources = [FROM.match(str(item.get("from", ""))) for item in ports(step, "arguments", "artifacts")]
        handed = [(*graph_path, match[1]) for match in sources if match for graph_path in (path[:-1], path[:-2])]
        return self._leaf(holder, template, says, values, inner, contents, path, before, handed)

    def _callee(self, here: Holder, step: Mapped) -> tuple[Mapped | None, Holder]:
        if "inline" in step:
            return step["inline"], here
        name = step.get("template", "")
        if "templateRef" in step:
            other = self._library(step["templateRef"].get("name", ""))
            if other is None:
                return None, here
            name = step["templateRef"].get("template", "")
            # What it is in is the workflow that calls; what it says is its own.
            around = here.around
            here = Holder(other, spec_of(other), around, self._owner(other))
        return here.templates.get(name), here

    def _unknown(self, path: Path, before: frozenset[Effect], values: Mapped) -> Done:
        made = digest(["unknown", path, self._situation.run])
        self.done[path] = Done(made, {}, {}, before | {(path, made)})
        return self.done[path]

    def _leaf(
        self,
        here: Holder,
        template: Mapped,
        says: Sayings,
        values: Scope,
        scope: Scope,
        contents: Mapping[str, str],
        path: Path,
        before: frozenset[Effect],
        handed: Sequence[Path],
    ) -> Done:
        if self._truth is not None and self._cache is not None:
            if path not in self._truth:
                raise CannotRun(f"nothing is known of {'/'.join(path)}")
            done = self._truth[path]
            if (key := argo_texts.key(template, values, scope, contents)) is not None:
                self._cache.look_up(path, key, done.truth, argo_texts.places(template, values), done.left)
            self.done[path] = done
            return done
        situation = self._situation
        waives = "run-context" in says.waived
        text = json.dumps(argo_texts.body(here.spec, template), sort_keys=True)
        read = sorted(
            (name, scope[name].text)
            for name in argo_texts.chains(text)
            if name in scope and not (waives and reads_run(f"{{{{{name}}}}}"))
        )
        at = says.at({name: value.text for name, value in values.items()})
        seen = says.sees(before, [*(by for value in values.values() for by in value.by), *handed])
        truth = digest(
            [
                text,
                sorted((name, value.text) for name, value in values.items()),
                read,
                sorted(contents.items()),
                sorted(what for _, what in seen),
                [scope["workflow.namespace"].text, scope["workflow.serviceAccountName"].text],
                [says.version, sorted(says.datasets.items()), self._there.read(at)],
                situation.world if outside(here, template, text, says) else "",
                situation.run if not waives and reads_run(text) else "",
            ]
        )
        if not says.pure:
            truth = digest(["chance", situation.run, path])
        shown = truth if says.pure else digest(["value", path, situation.chance])
        made, repeated = made_by(ports(template, "outputs", "parameters"), shown, scope)
        self.done[path] = Done(
            truth,
            made,
            {item["name"]: digest([truth, item["name"]]) for item in ports(template, "outputs", "artifacts")},
            says.leaves(before, seen, path, truth),
            self._there.leave(at, truth),
            repeated,
        )
        return self.done[path]

    def _graph(
        self,
        here: Holder,
        template: Mapped,
        scope: Scope,
        contents: Mapping[str, str],
        path: Path,
        before: frozenset[Effect],
    ) -> Done:
        there = {f"inputs.artifacts.{name}": content for name, content in contents.items()}
        after: dict[str, frozenset[Effect]] = {}
        truths, read = [], argo_texts.chains(json.dumps(template))
        for step, direct in argo_texts.in_order(template):
            name = step["name"]
            start = frozenset[Effect]().union(*(after[other] for other in direct)) if direct else before
            done = self._step(here, step, scope, there, (*path, name), start, template)
            truths.append(done.truth)
            after[name] = done.after
            for hook in [*(step.get("hooks") or {}).values(), {"template": step.get("onExit")}]:
                if hook.get("template"):
                    left = done.after | {((*path, name), f"ended {self._situation.run}")}
                    after[name] |= self._call(here, hook, scope, there, (*path, name, "hook"), left, template).after
            for root in ("tasks", "steps"):
                scope |= {f"{root}.{name}.outputs.parameters.{key}": item for key, item in done.parameters.items()}
                if "result" in done.parameters:
                    scope[f"{root}.{name}.outputs.result"] = done.parameters["result"]
                there |= {f"{root}.{name}.outputs.artifacts.{key}": text for key, text in done.artifacts.items()}
            for chain in read:  # of what is in no file, nobody knows what it hands on
                if re.match(rf"(tasks|steps)\.{re.escape(name)}\.outputs\.(parameters|result)", chain):
                    shown = digest(["value", *path, chain, self._situation.chance])
                    scope.setdefault(chain, Value(value_for(shown, chain), frozenset({(*path, name)})))
        outputs = template.get("outputs") or {}
        parameters = {}
        for item in outputs.get("parameters") or ():
            origin = item.get("valueFrom") or {}
            text = origin.get("parameter", "{{=" + str(origin.get("expression", "")) + "}}")
            parameters[item["name"]] = filled(str(text), scope)
        artifacts = {
            item["name"]: here.content(item, there, self._situation) for item in outputs.get("artifacts") or ()
        }
        return Done(digest(truths), parameters, artifacts, frozenset[Effect]().union(*after.values(), before))

    def _step(
        self,
        here: Holder,
        step: Mapped,
        scope: Scope,
        there: Mapping[str, str],
        path: Path,
        before: frozenset[Effect],
        graph: Mapped,
    ) -> Done:
        items = argo_texts.items_of(step, scope)
        if items is None:
            done = self._call(here, step, scope, there, path, before, graph)
            return Done(done.truth, done.handed(path), done.artifacts, done.after)
        dones = []
        for number, item in enumerate(items):
            inner = {**scope, "item": Value(text_of(item))}
            if isinstance(item, dict):
                inner |= {f"item.{key}": Value(text_of(part)) for key, part in item.items()}
            dones.append(self._call(here, step, inner, there, (*path, str(number)), before, graph))
        after = frozenset[Effect]().union(before if not dones else (), *(done.after for done in dones))
        together: dict[str, Value] = {}
        for name in sorted({name for done in dones for name in done.parameters}):
            texts = [done.parameters[name].text for done in dones if name in done.parameters]
            together[name] = Value(json.dumps(texts), frozenset({path}))
        return Done(digest([done.truth for done in dones]), together, {}, after)
