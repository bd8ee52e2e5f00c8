"""Pipelines to split, written as KFP's compiler writes them: chains, fans, nested ones, loops, conditions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Made", "chain", "fan", "grouped", "pipeline", "random_pipeline"]

Mapped = dict[str, Any]
TYPES = {"int": "NUMBER_INTEGER", "float": "NUMBER_DOUBLE", "str": "STRING", "list": "LIST", "dict": "STRUCT"}
START = (
    'program_path=$(mktemp -d)\n\nprintf "%s" "$0" > "$program_path/ephemeral_component.py"\n'
    "_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main "
    '--component_module_path "$program_path/ephemeral_component.py" "$@"\n'
)
DATASET = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}


class Made:
    """A pipeline under construction.

    Attributes:
        spec: its PipelineSpec.
    """

    def __init__(self, name: str, **inputs: str) -> None:
        defaults = {"int": 3, "float": 0.5, "str": "x", "list": [1, 2], "dict": {"a": 1}}
        parameters = {
            key: {"parameterType": TYPES[kind], "defaultValue": defaults[kind], "isOptional": True}
            for key, kind in inputs.items()
        }
        root: Mapped = {"dag": {"tasks": {}}}
        if parameters:
            root["inputDefinitions"] = {"parameters": parameters}
        self.spec: Mapped = {
            "components": {},
            "deploymentSpec": {"executors": {}},
            "pipelineInfo": {"name": name},
            "root": root,
            "schemaVersion": "2.1.0",
            "sdkVersion": "kfp-2.17.3",
        }
        self._dag: Mapped = root["dag"]

    def component(self, name: str, source: str, reads: Mapping[str, str], makes: Mapping[str, str]) -> None:
        """A Python function; `artifact` is the type of artifacts, and `Output` what it returns."""
        label = f"exec-{name}"
        self.spec["components"][f"comp-{name}"] = {
            **_definitions("inputDefinitions", reads),
            **_definitions("outputDefinitions", makes),
            "executorLabel": label,
        }
        code = f"\nimport kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n{source}\n"
        self.spec["deploymentSpec"]["executors"][label] = {
            "container": {
                "args": ["--executor_input", "{{$}}", "--function_to_execute", name.replace("-", "_")],
                "command": ["sh", "-ec", START, code],
                "image": "python:3.11",
            }
        }

    def task(
        self,
        name: str,
        component: str,
        given: Mapping[str, Any],
        after: Iterable[str] = (),
        condition: str = "",
        **more: Any,
    ) -> None:
        """A task of the root; a string with a dot is an output of another task, `$x` an input of the root."""
        inputs: Mapped = {}
        needed = dict.fromkeys(after)
        for key, value in given.items():
            match value:
                case str() if value.startswith("$"):
                    inputs.setdefault("parameters", {})[key] = {"componentInputParameter": value[1:]}
                case str() if "." in value:
                    producer, output = value.split(".")
                    needed[producer] = None
                    kind = "artifacts" if output == "out" else "parameters"
                    source = (
                        {"taskOutputArtifact": {"outputArtifactKey": output, "producerTask": producer}}
                        if kind == "artifacts"
                        else {"taskOutputParameter": {"outputParameterKey": output, "producerTask": producer}}
                    )
                    inputs.setdefault(kind, {})[key] = source
                case _:
                    inputs.setdefault("parameters", {})[key] = {"runtimeValue": {"constant": value}}
        task: Mapped = {"cachingOptions": {"enableCache": True}, "componentRef": {"name": f"comp-{component}"}}
        if needed:
            task["dependentTasks"] = sorted(needed)
        if inputs:
            task["inputs"] = inputs
        task["taskInfo"] = {"name": name}
        if condition:
            task["triggerPolicy"] = {"condition": condition}
        self._dag["tasks"][name] = {**task, **more}

    def nested(self, name: str, inner: Made, reads: Mapping[str, str], makes: Mapping[str, str], source: str) -> None:
        """A component with a dag, from the root of another pipeline; it hands out what the task `source` makes."""
        self.spec["components"].update(inner.spec["components"])
        self.spec["deploymentSpec"]["executors"].update(inner.spec["deploymentSpec"]["executors"])
        outputs = {
            key: {"valueFromParameter": {"outputParameterKey": "Output", "producerSubtask": source}} for key in makes
        }
        self.spec["components"][f"comp-{name}"] = {
            "dag": {**inner.spec["root"]["dag"], **({"outputs": {"parameters": outputs}} if outputs else {})},
            **_definitions("inputDefinitions", reads),
            **_definitions("outputDefinitions", makes),
        }

    def output(self, name: str, task: str, kind: str) -> None:
        """What the pipeline hands out: the value that a task returns."""
        root = self.spec["root"]
        handed = root["dag"].setdefault("outputs", {}).setdefault("parameters", {})
        handed[name] = {"valueFromParameter": {"outputParameterKey": "Output", "producerSubtask": task}}
        declared = root.setdefault("outputDefinitions", {}).setdefault("parameters", {})
        declared[name] = {"parameterType": TYPES[kind]}


def _definitions(key: str, ports: Mapping[str, str]) -> Mapped:
    found: Mapped = {}
    for name, kind in ports.items():
        if kind == "artifact":
            found.setdefault("artifacts", {})[name] = copy.deepcopy(DATASET)
        else:
            found.setdefault("parameters", {})[name] = {"parameterType": TYPES[kind]}
    return {key: found} if found else {}


def _count(folder: str) -> str:
    """Notes that a step has run, in a file of its own for each time."""
    return f"    import os, tempfile\n    tempfile.mkstemp(prefix=name + '.', dir={folder!r})\n" if folder else ""


def _with_steps(made: Made, folder: str = "") -> None:
    made.component(
        "write",
        f"def write(name: str, number: int, out: Output[Dataset]) -> int:\n{_count(folder)}"
        "    out.metadata['made by'] = name\n    out.metadata['number'] = number\n"
        "    open(out.path, 'w').write(str(number))\n    return number * 2\n",
        {"name": "str", "number": "int"},
        {"out": "artifact", "Output": "int"},
    )
    made.component(
        "join",
        f"def join(name: str, one: Input[Dataset], two: Input[Dataset], number: int, out: Output[Dataset]) -> int:\n"
        f"{_count(folder)}    assert isinstance(number, int), number\n"
        "    both = open(one.path).read() + '/' + open(two.path).read()\n"
        "    out.metadata['from'] = one.metadata['made by'] if 'made by' in one.metadata else one.metadata['from']\n"
        "    open(out.path, 'w').write(both)\n    return number + len(both)\n",
        {"name": "str", "one": "artifact", "two": "artifact", "number": "int"},
        {"out": "artifact", "Output": "int"},
    )
    made.component(
        "tell",
        "def tell(one: Input[Dataset], facts: dict) -> str:\n"
        "    return f'{open(one.path).read()} {sorted(one.metadata.items())} {sorted(facts.items())}'\n",
        {"one": "artifact", "facts": "dict"},
        {"Output": "str"},
    )
    made.component(
        "facts",
        "def facts(number: int, rate: float) -> dict:\n"
        "    assert isinstance(rate, float), rate\n"
        "    return {'number': number, 'rate': rate, 'texts': ['é\"', '3', ' '], 'none': {}}\n",
        {"number": "int", "rate": "float"},
        {"Output": "dict"},
    )


def chain(length: int, folder: str = "", fail: str = "") -> Mapped:
    """Each task reads the artifact and the number of the one before; a last one tells all.

    Args:
        length: how many tasks.
        folder: where each leaves a file when it runs; empty for nowhere.
        fail: the task that fails until there is a file `mended` in the folder.
    """
    made = Made("chained", number="int", rate="float")
    _with_steps(made, folder)
    made.component(
        "shaky",
        f"def shaky(name: str, one: Input[Dataset], two: Input[Dataset], number: int, out: Output[Dataset]) -> int:\n"
        f"{_count(folder)}    assert os.path.exists({folder + '/mended'!r}), 'not mended yet'\n"
        "    open(out.path, 'w').write(open(one.path).read())\n    return number\n",
        {"name": "str", "one": "artifact", "two": "artifact", "number": "int"},
        {"out": "artifact", "Output": "int"},
    )
    made.task("step-0", "write", {"name": "step-0", "number": "$number"})
    for at in range(1, length):
        name, before = f"step-{at}", f"step-{at - 1}"
        given = {"name": name, "one": f"{before}.out", "two": "step-0.out", "number": f"{before}.Output"}
        made.task(name, "shaky" if name == fail else "join", given)
    made.task("facts", "facts", {"number": f"step-{length - 1}.Output", "rate": "$rate"})
    made.task("tell", "tell", {"one": f"step-{length - 1}.out", "facts": "facts.Output"})
    made.output("told", "tell", "str")
    made.output("facts", "facts", "dict")
    made.output("number", f"step-{length - 1}", "int")
    return made.spec


def fan(width: int) -> Mapped:
    """Tasks that start at once, in pairs joined, and all of it joined in the end."""
    made = Made("fanned", number="int")
    _with_steps(made)
    layer = [f"leaf-{at}" for at in range(width)]
    for name in layer:
        made.task(name, "write", {"name": name, "number": "$number"})
    level = 0
    while len(layer) > 1:
        level += 1
        pairs = [(layer[at], layer[min(at + 1, len(layer) - 1)]) for at in range(0, len(layer), 2)]
        layer = [f"join-{level}-{at}" for at in range(len(pairs))]
        for name, (one, two) in zip(layer, pairs, strict=True):
            made.task(name, "join", {"name": name, "one": f"{one}.out", "two": f"{two}.out", "number": f"{one}.Output"})
    made.output("number", layer[0], "int")
    return made.spec


def grouped(folder: str = "") -> Mapped:
    """A nested pipeline, a loop over what a task makes, and a condition, each between ordinary tasks.

    Args:
        folder: where what is under the condition leaves a file when it runs; empty for nowhere.
    """
    made = Made("grouped", number="int")
    _with_steps(made)
    made.component(
        "numbers",
        "def numbers(number: int) -> list:\n    return [str(at) for at in range(number)]\n",
        {"number": "int"},
        {"Output": "list"},
    )
    made.component("twice", "def twice(text: str) -> str:\n    return text * 2\n", {"text": "str"}, {"Output": "str"})
    made.component(
        "gather", "def gather(texts: list) -> str:\n    return ','.join(texts)\n", {"texts": "list"}, {"Output": "str"}
    )
    inner = Made("inner")
    inner.task("twice-of", "twice", {"text": "$text"})
    made.nested("inner", inner, {"text": "str"}, {"Output": "str"}, "twice-of")
    body = Made("body")
    item, listed = "pipelinechannel--numbers-Output-loop-item", "pipelinechannel--numbers-Output"
    body.task("twice-each", "twice", {"text": f"${item}"})
    made.nested("for-loop-1", body, {item: "str", listed: "list"}, {"gathered": "list"}, "twice-each")
    branch = Made("branch")
    mark = "def mark(text: str) -> None:\n    name = 'step-mark'\n" + (_count(folder) or "    pass\n")
    made.component("mark", mark, {"text": "str"}, {})
    branch.task("mark-if", "mark", {"text": "$text"})
    compared = "pipelinechannel--inner-Output"
    made.nested("condition-1", branch, {"text": "str", compared: "str"}, {}, "mark-if")
    made.task("numbers", "numbers", {"number": "$number"})
    iterator: dict[str, Any] = {"parameterIterator": {"itemInput": item, "items": {"inputParameter": listed}}}
    made.task("for-loop-1", "for-loop-1", {listed: "numbers.Output"}, **iterator)
    made.task("gather", "gather", {"texts": "for-loop-1.gathered"})
    made.task("inner", "inner", {"text": "gather.Output"})
    condition = f"inputs.parameter_values['{compared}'] != ''"
    made.task("condition-1", "condition-1", {"text": "inner.Output", compared: "inner.Output"}, condition=condition)
    made.task("last", "twice", {"text": "inner.Output"}, after=["gather"])
    made.output("last", "last", "str")
    return made.spec


def random_pipeline(edges: Sequence[Sequence[int]]) -> Mapped:
    """A pipeline in which task n reads artifacts and numbers of the tasks before it that `edges[n]` names."""
    made = Made("random", number="int")
    _with_steps(made)
    for at, above in enumerate(edges):
        name = f"task-{at}"
        if not above:
            made.task(name, "write", {"name": name, "number": "$number"})
        else:
            one, two = f"task-{above[0]}", f"task-{above[-1]}"
            given = {"name": name, "one": f"{one}.out", "two": f"{two}.out", "number": f"{one}.Output"}
            made.task(name, "join", given, after=[f"task-{other}" for other in above])
    made.output("number", f"task-{len(edges) - 1}", "int")
    return made.spec


def pipeline(spec: Mapped) -> str:
    """The text of a pipeline."""
    return json.dumps(spec, indent=1)
