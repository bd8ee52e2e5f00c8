"""A world to judge cache keys by: it runs manifests, and every step makes a hash of all that it may have seen.

A step that is declared pure sees its template, its values, its artifacts, and what the steps before it left behind. It
leaves nothing behind itself; a step of which that is not said, or that fails, leaves something new behind in every run.
What is pure for a time makes the same for a time.
What it leaves stays away from a pure step that is handed its value as a parameter (keys rely on that; a wrapped step
may be handed an artifact as well), and from all that runs after a pure step which sees nothing. So two runs of a step
whose key is the same must have made the same.

This imports nothing of what it judges. The keys are computed from the text of `memoize.key` or of a wrapper, as Argo
would, and from what is in the artifacts that a wrapper reads. What is at a place in a bucket is one thing or another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adapters.argo.caching.order import may_start, steps_in_order, tasks_in_order
from adapters.argo.caching.values import Path, Value, digest, key_of, substituted

__all__ = ["Ran", "Submission", "World"]

Effect = tuple[Path, str]
"""What a step left behind: who, and what."""

OURS = re.compile(r"couler-lineage(-\d+)?")
FAILED = re.compile(r"([\w-]+)\.Failed")


@dataclass(frozen=True)
class Submission:
    """How a workflow is run: values for its parameters, the service account, and a number that chance follows."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    chance: int = 0


@dataclass(frozen=True)
class Ran:
    """One run of a template that is no graph.

    Attributes:
        path: the steps that led there.
        template: its name.
        inputs: the values of its parameters.
        artifacts: the names of the artifacts that it got.
        key: its cache key; None where it is not memoized by us.
        made: what it made.
    """

    path: Path
    template: str
    inputs: Mapping[str, str]
    artifacts: tuple[str, ...]
    key: str | None
    made: str


@dataclass(frozen=True)
class Done:
    parameters: Mapping[str, Value]
    artifacts: Mapping[str, Value]
    after: frozenset[Effect]
    status: str = "Succeeded"


class World:
    """One run of a workflow."""

    def __init__(self, document: Mapping[str, Any], submission: Submission) -> None:
        self._spec = document["spec"]
        self._submission = submission
        self._templates = {template["name"]: template for template in self._spec["templates"]}
        given = self._spec.get("arguments", {}).get("parameters", ())
        values = {item["name"]: str(item.get("value", "")) for item in given} | dict(submission.parameters)
        self._workflow = {f"workflow.parameters.{name}": Value(text) for name, text in values.items()}
        self._workflow["workflow.namespace"] = Value(document["metadata"].get("namespace", "default"))
        self._workflow["workflow.serviceAccountName"] = Value(submission.account)
        annotations = document["metadata"].get("annotations", {})
        self._pure = annotations.get("couler.io/cache") == "pure"
        self.ran: list[Ran] = []

    def run(self) -> list[Ran]:
        """Runs it all; what every step made."""
        self._template(self._spec["entrypoint"], dict(self._workflow), {}, (), frozenset())
        return self.ran

    def _chance(self, path: Path) -> str:
        return digest(["chance", self._submission.chance, path])

    def _place(self, content: Mapping[str, Any]) -> Value:
        """What is at a place outside of the workflow."""
        return Value(json.dumps([content, self._submission.chance % 2 if "s3" in content else None]))

    def _template(
        self, name: str, given: dict[str, Value], artifacts: dict[str, Value], path: Path, before: frozenset[Effect]
    ) -> Done:
        template = self._templates[name]
        inputs: dict[str, Value] = {}
        for port in template.get("inputs", {}).get("parameters", ()):
            default = port.get("value", port.get("default"))
            inputs[port["name"]] = given.get(port["name"]) or substituted(str(default), self._workflow)
        held = {
            port["name"]: artifacts.get(port["name"]) or Value(json.dumps(port.get("raw")))
            for port in template.get("inputs", {}).get("artifacts", ())
        }
        scope = self._workflow | {f"inputs.parameters.{key}": value for key, value in inputs.items()}
        if "dag" in template:
            return self._graph(template, scope, held, path, before, list(tasks_in_order(template)))
        if "steps" in template:
            return self._graph(template, scope, held, path, before, list(steps_in_order(template)))
        return self._leaf(template, inputs, scope, held, path, before)

    def _leaf(
        self,
        template: Mapping[str, Any],
        inputs: Mapping[str, Value],
        scope: Mapping[str, Value],
        artifacts: Mapping[str, Value],
        path: Path,
        before: frozenset[Effect],
    ) -> Done:
        wrapper = wrapper_of(template)
        contents = sorted((name, value.text) for name, value in artifacts.items())
        said = template.get("metadata", {}).get("annotations", {}).get("couler.io/cache")
        read = frozenset[Path]().union(*(value.by for name, value in inputs.items() if not OURS.fullmatch(name)))
        if wrapper is not None and wrapper.inputs:
            assert wrapper.inputs == {name for name, _ in contents}
            read |= frozenset[Path]().union(*(value.by for value in artifacts.values()))
        seen = {effect for effect in before if not any(effect[0][: len(by)] == by for by in read)}
        lasting = said == "pure" or (said is None and self._pure)
        pure = lasting or str(said).startswith("ttl=")
        if pure:
            run = template if wrapper is None else {"container": wrapper.container}
            body = json.dumps({key: run[key] for key in ("container", "script") if key in run})
            around = {key: self._spec.get(key) for key in ("podSpecPatch", "artifactRepositoryRef")}
            ports = [sorted(port["name"] for port in template["outputs"].get(kind, ())) for kind in KINDS]
            effects = sorted({what for _, what in seen})
            account = template.get("serviceAccountName", self._submission.account)
            age = None if lasting else self._submission.chance % 2
            made = digest([age, substituted(body, scope).text, contents, effects, account, around, ports])
        else:
            made = self._chance(path)
        values = {name: value.text for name, value in inputs.items()}
        memoized = template if wrapper is None else {"memoize": wrapper.memoize}
        key = key_of(memoized, values, scope) if lasting else None  # one with a time to live may be a hit for that long
        if key is not None and wrapper is not None and wrapper.inputs:
            key = digest([key, contents])
        self.ran.append(Ran(path, template["name"], values, tuple(artifacts), key, made))
        outputs = template.get("outputs", {})
        return Done(
            # Few values, so that different runs often hand on the same.
            {item["name"]: Value(str(int(digest([made, item["name"]]), 16) % 2)) for item in outputs.get(KINDS[0], ())},
            {item["name"]: Value(digest([made, item["name"]])) for item in outputs.get(KINDS[1], ())},
            frozenset() if lasting and not seen else before | {(path, made)},
        )

    def _graph(
        self,
        template: Mapping[str, Any],
        scope: Mapping[str, Value],
        artifacts: Mapping[str, Value],
        path: Path,
        before: frozenset[Effect],
        steps: Sequence[tuple[Mapping[str, Any], list[str]]],
    ) -> Done:
        scope = dict(scope)
        there = {f"inputs.artifacts.{name}": content for name, content in artifacts.items()}
        after: dict[str, frozenset[Effect]] = {}
        failing = {name for step, _ in steps for name in FAILED.findall(str(step.get("depends", "")))}
        status: dict[str, str] = {}
        for step, direct in steps:
            name = step["name"]
            start = frozenset[Effect]().union(*(after[other] for other in direct)) if direct else before
            if not may_start(str(step.get("depends", "")), status):
                after[name], status[name] = start, "Omitted"
                continue
            fails = name in failing or "continueOn" in step
            done = self._step(step, scope, there, (*path, name), start, fails=fails)
            after[name], status[name] = done.after, done.status
            for event, hook in step.get("hooks", {}).items():  # before anything that comes after the step
                after[name] |= self._template(hook["template"], {}, {}, (*path, name, event), done.after).after
            for root in ("tasks", "steps"):
                for output, value in done.parameters.items():
                    scope[f"{root}.{name}.outputs.parameters.{output}"] = value
                for output, content in done.artifacts.items():
                    there[f"{root}.{name}.outputs.artifacts.{output}"] = content
        outputs = template.get("outputs", {})
        parameters = {item["name"]: item["valueFrom"]["parameter"] for item in outputs.get(KINDS[0], ())}
        return Done(
            {name: substituted(text, scope) for name, text in parameters.items()},
            {item["name"]: there.get(item["from"][2:-2], MISSING) for item in outputs.get(KINDS[1], ())},
            frozenset[Effect]().union(*after.values()) if after else before,
        )

    def _step(
        self,
        step: Mapping[str, Any],
        scope: Mapping[str, Value],
        there: Mapping[str, Value],
        path: Path,
        before: frozenset[Effect],
        *,
        fails: bool,
    ) -> Done:
        if fails and int(self._chance((*path, "fails")), 16) % 3 == 0:
            return Done({}, {}, before | {(path, self._chance(path))}, "Failed")
        if "when" in step:
            left, _, right = substituted(step["when"], scope).text.partition(" == ")
            if left != right:
                return Done({}, {}, before | {(path, "skipped")}, "Skipped")
        items: list[Any] | None = step.get("withItems")
        if "withParam" in step:
            items = json.loads(substituted(step["withParam"], scope).text)
        dones = []
        for number, item in enumerate([None] if items is None else items):
            here = {**scope, "item": Value(str(item))}
            arguments = step.get("arguments", {})
            given = {x["name"]: substituted(str(x["value"]), here) for x in arguments.get(KINDS[0], ())}
            artifacts = {
                x["name"]: there.get(x["from"][2:-2], MISSING) if "from" in x else self._place(x)
                for x in arguments.get(KINDS[1], ())
            }
            inner = path if items is None else (*path, str(number))
            dones.append(self._template(step["template"], given, artifacts, inner, before))
        after = frozenset[Effect]().union(*(done.after for done in dones)) if dones else before
        if items is None:
            values, files = (
                {name: Value(value.text, value.by | {path}) for name, value in made.items()}
                for made in (dones[0].parameters, dones[0].artifacts)
            )
            return Done(values, files, after)
        names = {name for done in dones for name in done.parameters}
        together = {name: json.dumps([done.parameters[name].text for done in dones]) for name in names}
        return Done({name: Value(text, frozenset({path})) for name, text in together.items()}, {}, after)


KINDS = ("parameters", "artifacts")
MISSING = Value("missing")


class Wrapper(NamedTuple):
    """What a wrapped template says of its command, of its key, and of the artifacts whose contents are in that."""

    container: dict[str, Any]
    memoize: dict[str, Any]
    inputs: set[str]


def wrapper_of(template: Mapping[str, Any]) -> Wrapper | None:
    """The wrapper of a template; None where it has none."""
    for one in template.get("initContainers", ()):
        if one["name"] == "couler-restore":
            (key,) = (text.partition("=")[2] for text in one["args"] if text.startswith("--key="))
            inputs = {text.split("=")[1] for text in one["args"] if text.startswith("--input=")}
            bare = {key: part for key, part in template["container"].items() if key != "volumeMounts"}
            bare["command"] = bare["command"][bare["command"].index("--") + 1 :]
            return Wrapper(bare, {"key": key, "cache": {"configMap": {"name": "couler-cache"}}}, inputs)
    return None
