"""Tekton as the judge sees it: what every task depends on, and the keys that the first step of a cached one would make.

It looks at documents alone; `when` always holds. A task of which nobody says that it is pure makes something new in
every run, in its workspaces as well. The service account is in no key of Tekton, as our documentation says, and in no
truth here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from adapters.argo.caching.values import digest
from benchmarks.mutations import tekton_texts
from benchmarks.mutations.declaring import Owner, Sayings
from benchmarks.mutations.judging import Cache, CannotRun, Done, Effect, Path, Situation, Value
from benchmarks.mutations.places import places_in
from benchmarks.mutations.tekton_texts import Scope, filled, is_part, named, text_of, variables

__all__ = ["TektonRun"]

Mapped = Mapping[str, Any]
Files = dict[tuple[str, str], str]

SOURCES = {
    "secret": re.compile(r'"(?:secretKeyRef|secretRef)":'),
    "configured": re.compile(r'"(?:configMapKeyRef|configMapRef)":'),
}
RUN = re.compile(r'\$\(context\.(?!taskRun\.namespace)[\w.]+\)|"(?:fieldRef|resourceFieldRef)":')
MOST, DEEPEST = 500, 12
ACTIONS = "\0actions"
"""What the StepActions of a task are stands among its files."""


class TektonRun:
    """One run of a file.

    Attributes:
        done: what each task has made, by its path; its artifacts are the declared files that it reads.

    Args:
        documents: what the file says.
        situation: what the run has around it.
        rows: the rows of the settings.
        truth: what the tasks make, of a run without a cache; without that, this is one.
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
        self._documents = [item for document in documents for item in tekton_texts.objects(document)]
        self._situation, self._rows, self._truth, self._cache = situation, rows, truth, cache
        self.done: dict[Path, Done] = {}
        self._files: Files = {}
        self._there = situation.there

    def run(self) -> TektonRun:
        """Run every run and every Pipeline; a Task that nothing calls is run by itself."""
        called = json.dumps([document.get("spec") for document in self._documents])
        for number, document in enumerate(self._documents):
            kind, spec, name = document.get("kind"), document.get("spec") or {}, document["metadata"].get("name", "")
            root, self._files = (str(number),), {}
            given = {item["name"]: Value(item.get("value", "")) for item in named(spec.get("params"))}
            around: dict[str, Any] = {"template": {key: spec[key] for key in ("podTemplate",) if key in spec}}
            if kind == "TaskRun":
                task = spec.get("taskSpec") or self._named("Task", (spec.get("taskRef") or {}).get("name"))
                self._leaf(task, document, {"name": ""}, given, {}, around, root, frozenset())
            elif kind in ("Pipeline", "PipelineRun"):
                whole = spec.get("pipelineSpec") or self._named("Pipeline", (spec.get("pipelineRef") or {}).get("name"))
                whole = spec if kind == "Pipeline" else whole
                if whole is not None:
                    around = {
                        "template": spec.get("taskRunTemplate") or {},
                        "specs": spec.get("taskRunSpecs") or [],
                        "workspaces": {},
                    }
                    self._pipeline(whole, document, given, around, root, frozenset())
            elif kind in ("Task", "ClusterTask"):
                by_name = re.search(rf'"taskRef": {{[^}}]*"name": "{re.escape(name)}"', called)
                if root in self._truth if self._truth is not None else by_name is None:
                    self._leaf(spec, document, {"name": ""}, {}, {}, {"template": {}}, root, frozenset())
        return self

    def _named(self, kind: str, name: str | None) -> Mapped | None:
        for document in self._documents:
            if document.get("kind") == kind and document["metadata"].get("name") == name:
                spec: Mapped = document.get("spec") or {}
                return {**spec, "annotations": document["metadata"].get("annotations") or {}, "called": name}
        return None

    def _pipeline(
        self,
        pipeline: Mapped,
        document: Mapped,
        given: Scope,
        around: Mapped,
        path: Path,
        before: frozenset[Effect],
    ) -> Done:
        if len(path) > DEEPEST:
            raise CannotRun("it is too deep")
        submitted = {key: Value(text) for key, text in self._situation.parameters.items()} if len(path) == 1 else {}
        scope: dict[str, Value] = {f"params.{name}": value for name, value in given.items()}
        for port in named(pipeline.get("params")):
            value = given.get(port["name"]) or Value(port.get("default", f"outside {port['name']}"))
            if isinstance(value.text, str) and port["name"] in submitted:
                value = submitted[port["name"]]
            scope[f"params.{port['name']}"] = value
        scope["context.pipelineRun.namespace"] = Value(self._namespace(document))
        for name in ("context.pipelineRun.name", "context.pipelineRun.uid"):
            scope[name] = Value(f"run {self._situation.run}")
        after: dict[str, frozenset[Effect]] = {}
        truths = []
        tasks = list(pipeline.get("tasks") or ())
        for task, direct in tekton_texts.in_order(tasks):
            start = frozenset[Effect]().union(*(after[other] for other in direct)) if direct else before
            truths.append(self._task(task, document, scope, around, path, start, after))
        ended = frozenset[Effect]().union(before, *after.values())
        for task in pipeline.get("finally") or ():
            left = ended | {((*path, "finally"), f"ended {self._situation.run}")}
            self._task(task, document, dict(scope), around, path, left, dict(after))
        results = {item["name"]: filled(item.get("value", ""), scope) for item in named(pipeline.get("results"))}
        return Done(digest(truths), results, {}, ended)

    def _task(
        self,
        task: Mapped,
        document: Mapped,
        scope: Scope,
        around: Mapped,
        path: Path,
        before: frozenset[Effect],
        after: dict[str, frozenset[Effect]],
    ) -> str:
        name = task["name"]
        rows = self._rows_of(task, scope)
        dones = []
        for number, row in enumerate(rows):
            inner = (*path, name) if "matrix" not in task else (*path, name, str(number))
            dones.append(self._called(task, document, scope, row, around, inner, before))
        after[name] = frozenset[Effect]().union(*(done.after for done in dones))
        for result in sorted({result for done in dones for result in done.parameters}):
            values = [done.parameters[result] for done in dones if result in done.parameters]
            whole: Any = values[0].text if "matrix" not in task else [text_of(value.text) for value in values]
            by = frozenset({(*path, name)}).union(*(value.by for value in values))
            scope[f"tasks.{name}.results.{result}"] = Value(whole, by)
        return digest([done.truth for done in dones])

    def _rows_of(self, task: Mapped, scope: Scope) -> list[dict[str, Value]]:
        """Return what each of the tasks of a matrix is given; of a plain task the one."""
        plain = {item["name"]: filled(item.get("value", ""), scope) for item in named(task.get("params"))}
        if "matrix" not in task:
            return [plain]
        lists = {item["name"]: filled(item.get("value", []), scope) for item in named(task["matrix"].get("params"))}
        if not all(isinstance(value.text, list) for value in lists.values()):
            raise CannotRun("a matrix over what is no list")
        combined = [
            {**plain, **{name: Value(text, lists[name].by) for name, text in zip(lists, texts, strict=True)}}
            for texts in product(*(value.text for value in lists.values()))
        ]
        more = [
            {**plain, **{one["name"]: filled(one.get("value", ""), scope) for one in named(item.get("params"))}}
            for item in task["matrix"].get("include") or ()
        ]
        if len(combined) > MOST:
            raise CannotRun("it is too big")
        return combined + more

    def _called(
        self,
        task: Mapped,
        document: Mapped,
        scope: Scope,
        values: Scope,
        around: Mapped,
        path: Path,
        before: frozenset[Effect],
    ) -> Done:
        reference = task.get("taskRef") or {}
        nested = task.get("pipelineSpec") or self._named("Pipeline", (task.get("pipelineRef") or {}).get("name"))
        if nested is not None:
            return self._pipeline(nested, document, values, around, path, before)
        callee = task.get("taskSpec") or (self._named("Task", reference.get("name")) if "name" in reference else None)
        specs = [item for item in around.get("specs") or () if item.get("pipelineTaskName") == task["name"]]
        inner = {**around, "specs": tekton_texts.plain(specs), "workspaces": tekton_texts.workspaces_of(task)}
        if callee is None or "apiVersion" in callee:
            callee = {"steps": [], "unknown": path, "params": [], "results": [], "workspaces": task.get("workspaces")}
        return self._leaf(callee, document, task, values, scope, inner, path, before)

    def _namespace(self, document: Mapped) -> str:
        return str(document["metadata"].get("namespace") or self._situation.namespace)

    def _says(self, task: Mapped, document: Mapped, call: Mapped) -> Sayings:
        metadata = document.get("metadata") or {}
        owner = Owner(self._rows, [metadata.get("name") or str(metadata.get("generateName", "")).rstrip("-")])
        texts, name = metadata.get("annotations") or {}, str(call.get("name", ""))
        own = {**task.get("annotations", {}), **((task.get("metadata") or {}).get("annotations") or {})}
        alone = document.get("kind") in ("Task", "TaskRun")
        own = {**texts, **own} if alone else own
        for key in ("couler.io/cache", "couler.io/cache-allow"):
            own |= {key: texts[f"{key}.{name}"]} if f"{key}.{name}" in texts else {}
        alone_named = "task" if document.get("kind") == "TaskRun" else str(metadata.get("name", ""))
        called = str(task.get("called") or name or alone_named)
        images = [str(step.get("image", "")) for step in task.get("steps") or ()]
        return owner.says(called, [name, f"pipeline/{name}"], images, own, texts)

    def _leaf(
        self,
        task: Mapped | None,
        document: Mapped,
        call: Mapped,
        given: Scope,
        outer: Scope,
        around: Mapped,
        path: Path,
        before: frozenset[Effect],
    ) -> Done:
        if task is None:
            return Done(after=before)
        if len(self.done) > MOST:
            raise CannotRun("it is too big")
        values = {
            port["name"]: given.get(port["name"]) or Value(port.get("default", f"outside {port['name']}"))
            for port in named(task.get("params"))
        }
        scope = {**outer, **{f"params.{name}": value for name, value in values.items()}}
        scope["context.taskRun.namespace"] = Value(self._namespace(document))
        task = tekton_texts.with_actions(task, lambda name: self._named("StepAction", name))
        actions = tekton_texts.actions(task)
        if self._truth is not None and self._cache is not None:
            if path not in self._truth:
                raise CannotRun(f"nothing is known of {'/'.join(path)}")
            self.done[path] = self._truth[path]
            if (key := tekton_texts.key(task, scope, self._truth[path].artifacts)) is not None:
                words = task["steps"][0]["args"]
                at = places_in(words, {name: value.text for name, value in values.items()})
                self._cache.look_up(path, key, self._truth[path].truth, at, self._truth[path].left)
                if not tekton_texts.runs_copies(task) or actions != self._truth[path].artifacts[ACTIONS]:
                    self._cache.stale.append(path)  # it runs what its key does not cover
            return self.done[path]
        says, situation = self._says(task, document, call), self._situation
        pure = says.pure and "unknown" not in task
        at = says.at({name: value.text for name, value in values.items()})
        files = {file: self._content(around, file) for file in says.files[0]}
        text = json.dumps([tekton_texts.body(task), around.get("template"), around.get("specs")], sort_keys=True)
        read = sorted((name, text_of(scope[name].text)) for name in variables(text) if name in scope)
        handed = [scope[name] for name, _ in read if name.startswith("tasks.") and "taskSpec" in call]
        seen = says.sees(before, (by for value in (*values.values(), *handed) for by in value.by))
        unseen = tekton_texts.unseen(task)
        outside = [word for word, pattern in SOURCES.items() if pattern.search(text)] + unseen
        outside = [word for word in outside if word not in says.waived]
        outside += ["volume"] if "volume" not in says.waived and tekton_texts.mounts(task) else []
        truth = digest(
            [
                text,
                sorted((name, value.text) for name, value in values.items()),
                read,
                sorted(files.items()),
                sorted(what for _, what in seen),
                [says.version, self._namespace(document), self._there.read(at)],
                situation.world if outside else "",
                situation.run if "run-context" not in says.waived and (unseen or RUN.search(text)) else "",
            ]
        )
        truth = truth if pure else digest(["chance", situation.run, path])
        shown = truth if pure else digest(["value", path, situation.chance])
        results = {item["name"]: Value(tekton_texts.value_for(item, shown)) for item in named(task.get("results"))}
        self._leave(task, says, around, truth, pure=pure)
        left = says.leaves(before, seen, path, truth) if pure else before | {(path, truth)}
        self.done[path] = Done(truth, results, {**files, ACTIONS: actions}, left, self._there.leave(at, truth))
        return self.done[path]

    def _content(self, around: Mapped, file: str) -> str:
        """What is in a declared file."""
        workspace, _, path = file.partition("/")
        bound = (around.get("workspaces") or {}).get(workspace, workspace)
        base = self._files.get((bound, ""), f"{bound} {self._situation.world}")
        below = sorted(
            (key[1], text) for key, text in self._files.items() if key[0] == bound and key[1] and is_part(path, key[1])
        )
        return digest([base, path, below])

    def _leave(self, task: Mapped, says: Sayings, around: Mapped, truth: str, *, pure: bool) -> None:
        for item in named(task.get("workspaces")):
            bound = str((around.get("workspaces") or {}).get(item["name"], item["name"]))
            if not pure:
                self._files[(bound, "")] = truth
        for file in says.files[1]:
            workspace, _, path = file.partition("/")
            bound = str((around.get("workspaces") or {}).get(workspace, workspace))
            self._files[(bound, path)] = digest([truth, file])
