"""Runs Python components one after another in one pod: each is pod what KFP would tell it, and what it gives is kept.

The functions are the text of a program that runs in the image of the components, by any Python that KFP supports: they
use the standard library only.

    python3 -c TEXT EXECUTOR-INPUT DESCRIPTION WORD...

The description is JSON, a list of parts. Each has the name of its `step`; the number of `words` of its command; the
names of its inputs from outside (`parameters` and `artifacts`, with the names that the pod has for them); what it gets
from parts before it (`handoffs`: for each parameter its type and a name, or a list of texts and lists of one name;
`read`: the name of each artifact); and its outputs (`values` with names and types, `outputs` with names).
Sources: `kfp.dsl.executor` (what it reads and writes), KFP's `component/launcher_v2.go` (outputs in files) and
`driver/resolve.go` (values of another type).
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from couler_kfp.portable.launcher import TRUE, parsed, run, spelled

TOLD = "<part-input>"
"""Where, in the command of a part, its executor is told what it is given; the launcher around may have another mark."""


def number_of(text: str) -> Any:
    """A number as KFP hands it on: there are only floating-point numbers, and whole ones have no point."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def value_of(source: Any, kind: str, values: Any) -> Any:
    """What a parameter of a type gets: an output of a part before, or a text around such outputs."""
    whole = isinstance(source, str)
    for name in [source] if whole else [one[0] for one in source if not isinstance(one, str)]:
        if name not in values:
            sys.exit("couler: no part before this one has written " + name)
    if not whole:
        return "".join(one if isinstance(one, str) else spelled(values[one[0]]) for one in source)
    value = values[source]
    if kind == "STRING":
        return spelled(value)
    return parsed(value, kind) if isinstance(value, str) else value


def told_part(part: Any, pod: Any, values: Any, artifacts: Any, file: str) -> Any:
    """What the executor of a part is told."""
    inputs, outputs = pod.get("inputs", {}), pod["outputs"]
    passed, linked = inputs.get("parameterValues", {}), inputs.get("artifacts", {})
    parameters = {own: passed[name] for own, name in part["parameters"].items() if name in passed}
    for own, (kind, source) in part["handoffs"].items():
        parameters[own] = value_of(source, kind, values)
    read = {own: linked[name] for own, name in part["artifacts"].items() if name in linked}
    read.update({own: {"artifacts": [artifacts[name]]} for own, name in part["read"].items()})
    own_outputs = {}
    for own, name in part["outputs"].items():
        (entry,) = outputs["artifacts"][name]["artifacts"]
        own_outputs[own] = {"artifacts": [dict(entry, name=own if entry.get("name") == name else entry.get("name"))]}
    files = {own: outputs["parameters"][name] for own, (name, kind) in part["values"].items()}
    return {
        "inputs": {"parameterValues": parameters, "artifacts": read},
        "outputs": {"parameters": files, "artifacts": own_outputs, "outputFile": file},
    }


def keep_part(part: Any, launch: Any, values: Any, artifacts: Any, written: Any) -> None:
    """Keeps what a part gave: for the parts behind it, and for KFP."""
    file = Path(launch["outputs"]["outputFile"])
    text = file.read_text() if file.exists() else "{}"
    exact, passed = json.loads(text), json.loads(text, parse_int=number_of, parse_float=number_of)
    own_values = passed.get("parameterValues") or {}
    for own, (name, kind) in part["values"].items():
        path = Path(launch["outputs"]["parameters"][own]["outputFile"])
        if own not in own_values and path.exists():
            own_values[own] = parsed(path.read_text(), kind)
        if own in own_values:
            values[name] = own_values[own]
    for own, name in part["outputs"].items():
        (entry,) = launch["outputs"]["artifacts"][own]["artifacts"]
        for content in (exact, passed):
            content.setdefault("artifacts", {}).setdefault(own, {"artifacts": [{}]})
        artifacts[name] = dict(entry, **passed["artifacts"][own]["artifacts"][0])
        written["artifacts"][name] = exact["artifacts"][own]
    for own, value in (exact.get("parameterValues") or {}).items():
        written["parameterValues"][part["values"][own][0]] = value


def main(text: str, description: str, *words: str) -> None:
    """Runs the parts; exits as the first of them that fails."""
    pod = json.loads(text)
    values: Any = {}
    artifacts: Any = {}
    written: Any = {"parameterValues": {}, "artifacts": {}}
    for number, part in enumerate(json.loads(description)):
        print("couler: step " + part["step"], file=sys.stderr, flush=True)  # noqa: T201  # it is the log of the pod
        launch = told_part(part, pod, values, artifacts, pod["outputs"]["outputFile"] + "." + str(number))
        command, words = words[: part["words"]], words[part["words"] :]
        run([word.replace(TOLD, json.dumps(launch)) for word in command])
        keep_part(part, launch, values, artifacts, written)
    Path(pod["outputs"]["outputFile"]).write_text(json.dumps(written))


MARK = "# couler: Python components in one pod, one after another; one that fails ends it.\n"
"""How the program begins: by it, what `fuse` has made is known again."""
START = f"""{MARK}from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
"""
FUNCTIONS: tuple[Callable[..., Any], ...] = (parsed, spelled, run, number_of, value_of, told_part, keep_part, main)
PROGRAM = "\n\n".join(
    [f"{START}\nTOLD, TRUE = {TOLD!r}, {TRUE!r}\n", *map(inspect.getsource, FUNCTIONS), "main(*sys.argv[1:])\n"]
)
"""The program as a text."""


def step_names(words: Sequence[Any]) -> str:
    """Return the names of the steps that a command runs, with commas; empty where it is none of ours.

    Args:
        words: values of a command.
    """
    texts = [str(getattr(word, "value", "")) for word in words[2:5]]
    return ",".join(part["step"] for part in json.loads(texts[2])) if texts and texts[0].startswith(MARK) else ""
