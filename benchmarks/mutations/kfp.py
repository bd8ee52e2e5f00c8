"""KFP as the judge sees it: what every task depends on, and the fingerprints that the backend would make.

What a fingerprint covers is read from `backend/src/v2/cacheutils/cache.go`: the image, the command, the values that a
task is given (no defaults), the ids of artifacts, the declared outputs, the claims; it is looked up by pipeline and
namespace. An artifact has the id of whoever made it, whatever is in it. Every condition holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.argo.caching.values import digest
from benchmarks.mutations.declaring import Owner, Sayings
from benchmarks.mutations.judging import Cache, CannotRun, Done, Effect, Path, Situation, Value
from benchmarks.mutations.kfp_texts import RUN, content_key, filled, in_order, list_of, value_of

__all__ = ["KfpRun"]

Mapped = Mapping[str, Any]
Artifact = tuple[tuple[str, str, frozenset[Path]], ...]
"""What is in an artifact, its id, and the tasks that handed it on; a list of artifacts has several."""
Scope = dict[str, Value]

SCHEDULING = frozenset(
    {
        *("nodeSelector", "tolerations", "nodeAffinity", "podAffinity", "podMetadata"),
        *("imagePullSecret", "imagePullPolicy", "activeDeadlineSeconds"),
    }
)
SOURCES = {"secret": "secretAs", "configured": "configMapAs", "volume": "pvcMount", "run-context": "fieldPathAs"}
DIGEST = re.compile(r"oci://.+@sha256:[0-9a-f]{64}\Z")
SALT = re.compile(r"couler-salt(-\d+)?\Z")
MOST, DEEPEST = 500, 12


class KfpRun:
    """One run of a file.

    Attributes:
        done: what each task has made, by its path.

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
        spec = next((item for item in documents if isinstance(item, dict) and "pipelineInfo" in item), None)
        if spec is None:
            raise CannotRun("there is no pipeline")
        self._spec: Mapped = spec
        platforms = [item for item in documents if isinstance(item, dict) and "platforms" in item]
        self._platforms: Mapped = platforms[0]["platforms"] if platforms else {}
        self._situation, self._truth, self._cache = situation, truth, cache
        self._owner = Owner(rows, [spec["pipelineInfo"].get("name", "")])
        self.done: dict[Path, Done] = {}

    def run(self) -> KfpRun:
        """Run the pipeline."""
        root = self._spec["root"]
        scope = {}
        for name, port in root.get("inputDefinitions", {}).get("parameters", {}).items():
            value = port.get("defaultValue", value_of(port, f"submitted {name}"))
            submitted = self._situation.parameters.get(name)
            scope[name] = Value(value if submitted is None else submitted + value_of({}, name))
        artifacts: dict[str, Artifact] = {
            name: ((f"outside {name}", f"outside {name}", frozenset()),)
            for name in root.get("inputDefinitions", {}).get("artifacts", {})
        }
        self._graph(root["dag"], scope, artifacts, (), frozenset())
        return self

    def _graph(
        self, dag: Mapped, scope: Scope, artifacts: Mapping[str, Artifact], path: Path, before: frozenset[Effect]
    ) -> tuple[Done, dict[str, Artifact]]:
        if len(path) > DEEPEST or len(self.done) > MOST:
            raise CannotRun("it is too deep, or too big")
        values: dict[tuple[str, str], Value] = {}
        made: dict[tuple[str, str], Artifact] = {}
        after: dict[str, frozenset[Effect]] = {}
        truths = []
        for name, task, direct in in_order(dag.get("tasks", {})):
            start = frozenset[Effect]().union(*(after[other] for other in direct)) if direct else before
            if "strategy" in task.get("triggerPolicy", {}) or "taskFinalStatus" in json.dumps(task):
                start |= {((*path, *direct), f"ended {self._situation.run}")}
            done, contents = self._task(name, task, (scope, artifacts, values, made), path, start)
            truths.append(done.truth)
            after[name] = done.after
            for key, value in done.parameters.items():
                values[name, key] = Value(value.text, value.by | {(*path, name)})
            for key, artifact in contents.items():
                made[name, key] = tuple((text, identity, by | {(*path, name)}) for text, identity, by in artifact)
        outputs = dag.get("outputs", {})
        parameters, ended = {}, frozenset[Effect]().union(before, *after.values())
        for key, source in outputs.get("parameters", {}).items():
            one = source.get("valueFromParameter") or {}
            choices = (source.get("valueFromOneof") or {}).get("parameterSelectors", [one])
            found = [
                values.get((str(item.get("producerSubtask")), str(item.get("outputParameterKey")))) for item in choices
            ]
            known = [value for value in found if value is not None]
            if known:
                parameters[key] = known[0]
        contents = {}
        for key, source in outputs.get("artifacts", {}).items():
            parts = [
                made.get((str(item.get("producerSubtask")), str(item.get("outputArtifactKey"))), ())
                for item in source.get("artifactSelectors", ())
            ]
            contents[key] = tuple(one for part in parts for one in part)
        return Done(digest(truths), parameters, {}, ended), contents

    def _task(
        self, name: str, task: Mapped, around: tuple[Any, ...], path: Path, before: frozenset[Effect]
    ) -> tuple[Done, dict[str, Artifact]]:
        scope, artifacts, values, made = around
        given: Scope = {}
        for key, source in task.get("inputs", {}).get("parameters", {}).items():
            if (value := self._argument(source, scope, values)) is not None:
                given[key] = value
        passed: dict[str, Artifact] = {}
        for key, source in task.get("inputs", {}).get("artifacts", {}).items():
            output = source.get("taskOutputArtifact") or {}
            if "componentInputArtifact" in source:
                passed[key] = artifacts.get(source["componentInputArtifact"], ())
            else:
                passed[key] = made.get((output.get("producerTask"), output.get("outputArtifactKey")), ())
        here = (*path, name)
        if "parameterIterator" in task:
            loop = task["parameterIterator"]
            items = loop["items"]
            listed = given.get(items.get("inputParameter", ""))
            every = json.loads(items["raw"]) if "raw" in items else list_of(listed.text if listed else [])
            by = listed.by if listed else frozenset()
            calls = [({**given, loop["itemInput"]: Value(item, by)}, passed) for item in every]
        elif "artifactIterator" in task:
            loop = task["artifactIterator"]
            calls = [(given, {**passed, loop["itemInput"]: (one,)}) for one in passed[loop["items"]["inputArtifact"]]]
        else:
            return self._called(task, given, passed, here, before)
        dones = [self._called(task, *call, (*here, str(number)), before) for number, call in enumerate(calls)]
        together = {}
        for key in sorted({key for done, _ in dones for key in done.parameters}):
            parts = [done.parameters[key] for done, _ in dones if key in done.parameters]
            together[key] = Value([part.text for part in parts], frozenset[Path]().union(*(part.by for part in parts)))
        contents = {
            key: tuple(one for _, part in dones for one in part.get(key, ()))
            for key in {key for _, part in dones for key in part}
        }
        after = frozenset[Effect]().union(before if not dones else (), *(done.after for done, _ in dones))
        return Done(digest([done.truth for done, _ in dones]), together, {}, after), contents

    def _argument(self, source: Mapped, scope: Scope, values: Mapping[tuple[str, str], Value]) -> Value | None:
        output = source.get("taskOutputParameter") or {}
        found: Value | None
        if "componentInputParameter" in source:
            found = scope.get(source["componentInputParameter"])
        elif output:
            found = values.get((str(output.get("producerTask")), str(output.get("outputParameterKey"))))
        elif "taskFinalStatus" in source:
            found = Value(f"ended {self._situation.run}")
        else:
            constant = (source.get("runtimeValue") or {}).get("constant")
            found = filled(constant, scope, self._situation.run)
        selector = source.get("parameterExpressionSelector")
        return Value(digest([found.text, selector])[:6], found.by) if found is not None and selector else found

    def _called(
        self, task: Mapped, given: Scope, passed: Mapping[str, Artifact], path: Path, before: frozenset[Effect]
    ) -> tuple[Done, dict[str, Artifact]]:
        component = self._spec.get("components", {}).get(task["componentRef"]["name"], {})
        ports = component.get("inputDefinitions", {}).get("parameters", {})
        defaults = {key: Value(port["defaultValue"]) for key, port in ports.items() if "defaultValue" in port}
        if "dag" in component:
            return self._graph(component["dag"], defaults | given, passed, path, before)
        label = component.get("executorLabel", "")
        executor = self._spec.get("deploymentSpec", {}).get("executors", {}).get(label, {})
        if "importer" in executor:
            return self._imported(executor["importer"], component, given, path, before)
        truth = self._truth
        if truth is None:
            done = self._leaf(task, component, executor, label, (defaults | given, passed), path, before)
            identity = done.truth
        else:
            if path not in truth:
                raise CannotRun(f"nothing is known of {'/'.join(path)}")
            done = self.done[path] = truth[path]
            identity = digest([path, self._situation.run])
            options = task.get("cachingOptions", {})
            keys = []
            if options.get("enableCache") and "couler-salt" in given and "cacheKey" not in options:
                keys.append(self._fingerprint(component, executor, label, given, passed))
                identity = digest(keys[0])
            texts = {name: value.text for name, value in (defaults | given).items()}
            contents = {name: [item[:2] for item in one] for name, one in passed.items()}
            if "couler-salt" in given and (key := content_key(component, executor, texts, contents)):
                keys.append((self._situation.namespace, *key))
            for key in keys if self._cache is not None else ():
                assert self._cache is not None
                self._cache.look_up(path, key, done.truth)
                if self._cache.steps[path][1]:  # a result of the backend's own cache starts no pod
                    break
        return done, {key: ((text, digest([identity, key]), frozenset()),) for key, text in done.artifacts.items()}

    def _imported(
        self, importer: Mapped, component: Mapped, given: Scope, path: Path, before: frozenset[Effect]
    ) -> tuple[Done, dict[str, Artifact]]:
        source = importer.get("artifactUri", {})
        value = given.get(source.get("runtimeParameter", ""))
        text = str(source.get("constant", value.text if value is not None else ""))
        content = digest([text] if DIGEST.match(text) else [text, self._situation.world])
        identity = digest(["imported", text, self._situation.run if importer.get("reimport") else ""])
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        self.done[path] = Done(content, {}, dict.fromkeys(outputs, content), before)
        return self.done[path], dict.fromkeys(outputs, ((content, identity, frozenset[Path]()),))

    def _config(self, label: str) -> Mapped:
        found: Mapped = (
            self._platforms.get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {}).get(label, {})
        )
        return found

    def _fingerprint(
        self, component: Mapped, executor: Mapped, label: str, given: Scope, passed: Mapping[str, Artifact]
    ) -> tuple[str, ...]:
        container = executor.get("container", {})
        said = {
            "image": container.get("image"),
            "words": [*container.get("command", ()), *container.get("args", ())],
            "parameters": {key: value.text for key, value in given.items()},
            "artifacts": {key: [identity for _, identity, _ in one] for key, one in passed.items()},
            "outputs": component.get("outputDefinitions", {}),
            "claims": self._config(label).get("pvcMount", []),
        }
        name = self._spec["pipelineInfo"].get("name", "")
        return ("kfp", name, self._situation.namespace, json.dumps(said, sort_keys=True))

    def _leaf(
        self,
        task: Mapped,
        component: Mapped,
        executor: Mapped,
        label: str,
        inputs: tuple[Scope, Mapping[str, Artifact]],
        path: Path,
        before: frozenset[Effect],
    ) -> Done:
        values, passed = inputs
        values = {name: value for name, value in values.items() if not SALT.match(name)}
        says, situation = self._says(task, label), self._situation
        config = {key: part for key, part in self._config(label).items() if key not in SCHEDULING}
        container = {key: part for key, part in executor.get("container", {}).items() if key != "resources"}
        text = json.dumps([container, config, component.get("outputDefinitions")], sort_keys=True)
        handed = [by for value in values.values() for by in value.by]
        handed += [by for one in passed.values() for *_, steps in one for by in steps]
        seen = says.sees(before, handed)
        outside = [word for word, key in SOURCES.items() if word not in says.waived and key in text]
        truth = digest(
            [
                text,
                sorted((name, value.text) for name, value in values.items()),
                sorted((name, [content for content, *_ in one]) for name, one in passed.items()),
                sorted(what for _, what in seen),
                [says.version, situation.namespace],
                situation.world if outside else "",
                situation.run if "run-context" not in says.waived and RUN.search(text) else "",
            ]
        )
        truth = truth if says.pure else digest(["chance", situation.run, path])
        shown = truth if says.pure else digest(["value", path, situation.chance])
        outputs = component.get("outputDefinitions", {})
        self.done[path] = Done(
            truth,
            {name: Value(value_of(port, f"{shown} {name}")) for name, port in outputs.get("parameters", {}).items()},
            {name: digest([truth, name]) for name in outputs.get("artifacts", {})},
            says.leaves(before, seen, path, truth),
        )
        return self.done[path]

    def _says(self, task: Mapped, label: str) -> Sayings:
        near = self._config(label).get("podMetadata", {}).get("annotations", {})
        name = str(task["componentRef"]["name"]).removeprefix("comp-")
        images: list[str] = []
        return self._owner.says(name, [str(task.get("taskInfo", {}).get("name", ""))], images, near, {})
