"""Small workflows at random, each made of a list of choices, so that another list makes nearly the same workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

__all__ = ["ALL", "Choices", "wild"]

ALL = frozenset({"loops", "conditions", "failures", "nesting", "expressions", "defaults", "graph-outputs", "hooks"})
"""What workflows may have beside steps, artifacts, parameters and order."""


class Choices:
    """Choices that are read from a list as far as it goes, and then made at random."""

    def __init__(self, random: Random, made: Sequence[int] = ()) -> None:
        self._random = random
        self._given = list(made)
        self.made: list[int] = []

    def pick(self, count: int) -> int:
        """A number below `count`."""
        position = len(self.made)
        number = self._given[position] if position < len(self._given) else self._random.randrange(1 << 16)
        self.made.append(number)
        return number % count

    def of(self, *options: Any) -> Any:
        """One of the options."""
        return options[self.pick(len(options))]

    def chance(self, percent: int) -> bool:
        """True in that many cases out of a hundred."""
        return self.pick(100) < percent

    def some(self, options: Sequence[Any]) -> list[Any]:
        """Some of the options, in order."""
        return [option for option in options if self.chance(50)]

    def changed(self, count: int = 1) -> Choices:
        """The same choices, but for some."""
        made = list(self.made)
        for _ in range(count):
            made[self._random.randrange(len(made))] = self._random.randrange(1 << 16)
        return Choices(self._random, made)


@dataclass
class Signature:
    """What a template takes and gives."""

    name: str
    parameters: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)
    gives: list[str] = field(default_factory=list)
    makes: list[str] = field(default_factory=list)


def wild(choices: Choices, features: frozenset[str] = ALL) -> dict[str, Any]:
    """A workflow of at most three graphs that call each other and some templates that do the work."""
    leaves = [_leaf(choices, f"leaf-{number}", features) for number in range(choices.of(2, 3, 4))]
    known = [signature for signature, _ in leaves]
    templates = [template for _, template in leaves]
    for name in ("inner", "outer")[: choices.pick(3)] if "nesting" in features else ():
        signature, template = _graph(choices, name, known, features)
        known = [*known, signature, signature]
        templates.append(template)
    _, main = _graph(choices, "main", known, features)
    spec: dict[str, Any] = {"entrypoint": "main", "templates": [main, *templates]}
    spec["arguments"] = {"parameters": [{"name": "p", "value": choices.of("0", "1")}, {"name": "q", "value": "0"}]}
    if choices.chance(5):
        spec["podSpecPatch"] = choices.of('{"a":1}', '{"a":2}')
    if choices.chance(5):
        spec["artifactRepositoryRef"] = {"key": choices.of("one", "other")}
    annotations = {"couler.io/max-output-bytes": "64"} | ({"couler.io/cache": "pure"} if choices.chance(10) else {})
    metadata = {"generateName": "wild-", "annotations": annotations}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def _leaf(choices: Choices, name: str, features: frozenset[str]) -> tuple[Signature, dict[str, Any]]:
    parameters = choices.some(["x", "y"])
    artifacts = choices.some(["a", "b"]) if choices.chance(60) else []
    signature = Signature(name, parameters, [], artifacts, ["r"] if choices.chance(60) else [], ["o"])
    if choices.chance(20):
        signature.makes.append("o2")
    ports: list[dict[str, Any]] = [{"name": port} for port in parameters]
    if "defaults" in features and "y" in parameters and choices.chance(50):
        ports[-1]["default"] = choices.of("0", "1", "{{workflow.parameters.q}}")
        signature.optional.append("y")
    body = [f"{{{{inputs.parameters.{port}}}}}" for port in parameters]
    body += ["{{workflow.parameters.p}}"] if choices.chance(25) else []
    template: dict[str, Any] = {
        "name": name,
        "inputs": {"parameters": ports, "artifacts": [{"name": port, "path": f"/{port}"} for port in artifacts]},
        "outputs": {
            "parameters": [{"name": port, "valueFrom": {"path": f"/{port}"}} for port in signature.gives],
            "artifacts": [{"name": port, "path": f"/{port}"} for port in signature.makes],
        },
        "container": {"image": "i", "command": [choices.of("one", "other")], "args": body},
    }
    said = choices.of(*["pure"] * 12, *[""] * 5, "always", "never", "ttl=1h")
    annotations = {"couler.io/cache": said} if said else {}
    annotations["couler.io/cache-version"] = choices.of(*"1111112")
    template["metadata"] = {"annotations": annotations}
    if choices.chance(5):
        template["serviceAccountName"] = "own"
    return signature, template


def _graph(
    choices: Choices, name: str, known: Sequence[Signature], features: frozenset[str]
) -> tuple[Signature, dict[str, Any]]:
    signature = Signature(name)
    if name != "main":
        signature.parameters = choices.some(["n"])
        signature.artifacts = choices.some(["c"])
    staged = choices.chance(40)
    root = "steps" if staged else "tasks"
    stages: list[list[dict[str, Any]]] = []
    earlier: list[tuple[str, Signature]] = []
    for number in range(choices.of(2, 3, 4)):
        step, callee = _step(choices, f"s{number}", signature, known, earlier, root, features)
        if staged and stages and choices.chance(30) and not _reads(step, stages[-1]):
            stages[-1].append(step)
        else:
            stages.append([step])
        if not staged:
            others = [name for name, _ in earlier if _reads(step, [{"name": name}]) or choices.chance(35)]
            _order(choices, step, others, features)
        earlier = [*earlier, (step["name"], callee)]
    template: dict[str, Any] = {"name": name}
    ports = [{"name": port} for port in signature.parameters]
    template["inputs"] = {"parameters": ports, "artifacts": [{"name": port} for port in signature.artifacts]}
    template |= {"steps": stages} if staged else {"dag": {"tasks": [step for stage in stages for step in stage]}}
    if name != "main" and "graph-outputs" in features:
        template["outputs"] = _outputs(choices, signature, stages, earlier, root)
    return signature, template


def _outputs(
    choices: Choices,
    signature: Signature,
    stages: list[list[dict[str, Any]]],
    steps: list[tuple[str, Signature]],
    root: str,
) -> dict[str, Any]:
    whole = {step["name"] for stage in stages for step in stage if not {"withItems", "when"} & step.keys()}
    outputs: dict[str, Any] = {}
    gives = [(step, port) for step, callee in steps if step in whole for port in callee.gives]
    if gives:
        step, port = choices.of(*gives)
        source = {"parameter": f"{{{{{root}.{step}.outputs.parameters.{port}}}}}"}
        outputs["parameters"] = [{"name": "r", "valueFrom": source}]
        signature.gives = ["r"]
    makes = [(step, port) for step, callee in steps if step in whole for port in callee.makes]
    if makes:
        step, port = choices.of(*makes)
        outputs["artifacts"] = [{"name": "o", "from": f"{{{{{root}.{step}.outputs.artifacts.{port}}}}}"}]
        signature.makes = ["o"]
    return outputs


def _step(
    choices: Choices,
    name: str,
    around: Signature,
    known: Sequence[Signature],
    earlier: list[tuple[str, Signature]],
    root: str,
    features: frozenset[str],
) -> tuple[dict[str, Any], Signature]:
    callee: Signature = choices.of(*known)
    step: dict[str, Any] = {"name": name, "template": callee.name}
    if "loops" in features and choices.chance(10):
        step["withItems"] = choices.of(["0", "1"], ["1"], ["1", "2"])
    texts = [
        "0",
        "1",
        "{{workflow.parameters.q}}",
        *(f"{{{{inputs.parameters.{port}}}}}" for port in around.parameters),
    ]
    texts += [f"{{{{{root}.{step}.outputs.parameters.{port}}}}}" for step, one in earlier for port in one.gives] * 2
    texts += ["{{item}}"] * 3 if "withItems" in step else []
    if "expressions" in features:
        texts.append("{{=workflow.parameters.q == '0' ? 'u' : 'v'}}")
        texts += [f"k{text}" for text in texts[3:]]
    places: list[dict[str, Any]] = [{"from": f"{{{{inputs.artifacts.{port}}}}}"} for port in around.artifacts]
    places += [
        {"from": f"{{{{{root}.{step}.outputs.artifacts.{port}}}}}"} for step, one in earlier for port in one.makes
    ] * 2
    places.append({"raw": {"data": choices.of("0", "1")}})
    wanted = [port for port in callee.parameters if port not in callee.optional or choices.chance(50)]
    step["arguments"] = {
        "parameters": [{"name": port, "value": choices.of(*texts)} for port in wanted],
        "artifacts": [{"name": port, **choices.of(*places)} for port in callee.artifacts],
    }
    if "conditions" in features and choices.chance(10):
        step["when"] = f"{choices.of(*texts[:3])} == 0"
    if "failures" in features and root == "steps" and choices.chance(5):
        step["continueOn"] = {"failed": True}
    hooks = [one.name for one in known if not one.artifacts and set(one.parameters) <= set(one.optional)]
    if "hooks" in features and hooks and choices.chance(7):
        step["hooks"] = {"exit": {"template": choices.of(*hooks)}}
    gives = Signature(callee.name)
    if "withItems" not in step:
        gives = callee
    return step, gives


def _order(choices: Choices, step: dict[str, Any], others: list[str], features: frozenset[str]) -> None:
    words = []
    for other in others:
        may = "failures" in features and choices.chance(7)
        words.append(f"({other}.Succeeded || {other}.Failed)" if may else other)
    if len(words) > 1 and "failures" in features and choices.chance(5):
        step["depends"] = " || ".join(words)
    elif words:
        step["depends"] = " && ".join(words)


def _reads(step: dict[str, Any], others: Sequence[dict[str, Any]]) -> bool:
    return any(f".{other['name']}." in str(step) for other in others)
