"""Search wrong keys: programs of building blocks, one change in each, and the key beside what the task returns.

No DAG is run. A process that has loaded Airflow forks one for each variant; that parses the DAG file, makes the key of
its one task with `TaskMaterial`, sees whether what the other variant has read still holds, and then calls the task's
function, observed as a worker does it. What that returns is the truth. One key, reads that hold and another result are
a wrong hit; an idle change after which there is no hit is a needless miss.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.airflow.keys.block import Block, Change
from adapters.airflow.keys.blocks import BLOCKS, PLACES

__all__ = ["Finding", "Program", "programs", "search"]

MODULES = ("d.py", "helping.py")


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """A program: files and an environment, before and after one change.

    Attributes:
        label: its blocks, where they stand, and what changes.
        files: its files by path, before and after.
        env: its environment, before and after.
        is_idle: whether the change must cost nothing: none of its blocks is refused on purpose.
    """

    label: str
    files: tuple[Mapping[str, str], Mapping[str, str]]
    env: tuple[Mapping[str, str], Mapping[str, str]]
    is_idle: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a key.

    Attributes:
        kind: `wrong hit`, `needless miss`, or `failed`.
        label: the program.
        detail: the results, or why there is no key.
    """

    kind: str
    label: str
    detail: str


def programs(count: int, seed: int) -> list[Program]:
    """Return programs, the same for the same seed.

    Args:
        count: how many.
        seed: of the generator.
    """
    return [_program(random.Random(f"{seed}-{number}")) for number in range(count)]


def _program(chance: random.Random) -> Program:
    blocks = chance.sample(BLOCKS, chance.choice((1, 1, 2, 3)))
    chosen = chance.randrange(len(blocks))
    tops: dict[str, list[str]] = {name: [] for name in MODULES}
    reads, labels = [], []
    files: dict[str, str] = {}
    env: dict[str, str] = {}
    for number, block in enumerate(blocks):
        place = chance.choice(tuple(PLACES))
        module = chance.choice(MODULES) if place != "body" else "d.py"
        top, call = PLACES[place]
        tops[module] += [
            _numbered(block.top, number),
            _numbered(top, number).replace("EXPRESSION", _numbered(block.expression, number)),
        ]
        called = _numbered(call, number).replace("EXPRESSION", _numbered(block.expression, number))
        reads.append(called if module == "d.py" else f"helping.{called}")
        labels.append(f"{block.name} in {place} of {module}")
        files |= {_numbered(name, number): text for name, text in block.files.items()}
        env |= {_numbered(name, number): text for name, text in block.env.items()}
    files |= {"helping.py": "\n".join(tops["helping.py"]) + "\n", "d.py": _dag_file(tops["d.py"], reads)}
    change = chance.choice(tuple(blocks[chosen].changes))
    after, after_env = _changed(files, env, blocks[chosen], change, chosen)
    label = f"{' + '.join(labels)}; {change.old!r} of {blocks[chosen].name} becomes {change.new!r}"
    is_idle = change.is_idle and not any(block.is_refused for block in blocks)
    return Program(label, (files, after), (env, after_env), is_idle)


def _dag_file(tops: list[str], reads: list[str]) -> str:
    return "\n".join(
        [
            "from airflow.sdk import DAG, task",
            "import helping",
            *tops,
            'with DAG("d", schedule=None):',
            "    @task",
            "    def work():",
            f"        return [{', '.join(reads)}]",
            "    work()",
            "",
        ]
    )


def _changed(
    files: Mapping[str, str], env: Mapping[str, str], block: Block, change: Change, number: int
) -> tuple[dict[str, str], dict[str, str]]:
    old, new = _numbered(change.old, number), _numbered(change.new, number)
    if old.startswith("$"):
        return dict(files), {**env, old[1:]: new}
    if not old:
        return dict(files), dict(env)
    if block.files and not change.is_idle:
        names = {_numbered(name, number) for name in block.files}
        return {name: text.replace(old, new) if name in names else text for name, text in files.items()}, dict(env)
    written = {name: text.replace(old, new) if name in MODULES else text for name, text in files.items()}
    return written, dict(env)


def _numbered(text: str, number: int) -> str:
    """Number a block; a decorator's `@` is at the begin of a line, and stays."""
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        rest = line[len(indent) :]
        sign, rest = ("@", rest[1:]) if rest.startswith("@") else ("", rest)
        lines.append(indent + sign + rest.replace("@", str(number)))
    return "\n".join(lines)


def search(found: list[Program], folder: Path) -> list[Finding]:
    """Look at programs, one after the other, and return what is wrong with their keys.

    Args:
        found: the programs.
        folder: an empty folder.
    """
    _load(folder)
    findings: list[Finding] = []
    for number, program in enumerate(found):
        own = folder / str(number)
        own.mkdir()
        before = _variant(program, own, 0, "")
        findings += _judge(program, before, _variant(program, own, 1, before.get("trace", "")))
        shutil.rmtree(own)
    return findings


def _judge(program: Program, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Finding]:
    for outcome in (before, after):
        if "error" in outcome:
            return [Finding("failed", program.label, outcome["error"])]
    is_hit = before["key"] is not None and before["key"] == after["key"] and after["holds"]
    if before["value"] != after["value"]:
        if is_hit:
            return [Finding("wrong hit", program.label, f"{before['value']} becomes {after['value']}")]
    elif program.is_idle and not is_hit:
        return [Finding("needless miss", program.label, after["reason"] or before["reason"] or "another key")]
    return []


def _variant(program: Program, folder: Path, index: int, trace: str) -> dict[str, Any]:
    """Make the key of one variant, and its result, in a process of its own."""
    for name, text in program.files[index].items():
        _write(folder / name, text.replace("/BASE/", f"{folder}/"))
    out = folder / "out.json"
    child = os.fork()
    if child == 0:
        try:
            sys.dont_write_bytecode = True  # the cache of a source is known by its second and size alone
            os.environ.update(program.env[index])
            sys.path.insert(0, str(folder))
            out.write_text(json.dumps(_observe(folder / "d.py", trace)))
        except BaseException:  # noqa: BLE001  # whatever a program raises, this process ends here
            out.write_text(json.dumps({"error": traceback.format_exc()[-600:]}))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    answer: dict[str, Any] = json.loads(out.read_text())
    return answer


def _write(path: Path, text: str) -> None:
    if path.suffix != ".db":
        path.write_text(text, encoding="utf-8")
        return
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)


def _observe(file: Path, trace: str = "") -> dict[str, Any]:
    """Look at a DAG file as a worker does.

    Args:
        file: it has one DAG of one task.
        trace: what the other variant has read, and what came of it.
    """
    from airflow_dags import FakeInstance, context_of, rendered
    from airflow_minors import empty_bag
    from couler_airflow.cache.key import TaskMaterial
    from couler_airflow.marks import Declaration
    from couler_airflow.runtime.observing import observed, reads_that_count
    from couler_airflow.runtime.outputs import Outputs
    from couler_plugins.caching.code.uncacheable import Uncacheable, describe
    from couler_plugins.caching.reads.traces import Traces, decode_traces

    bag = empty_bag()
    bag.process_file(str(file))
    if bag.import_errors:
        return {"error": str(bag.import_errors)[-600:]}
    (task,) = bag.dags["d"].task_dict.values()
    task = rendered(task)
    key, reason, draws_idly = None, "", False
    try:
        material = TaskMaterial(task, Declaration())
        key, draws_idly = material.key(context_of(FakeInstance(task)), lambda: ()).key, material.draws_idly
    except Uncacheable as error:
        reason = "; ".join(map(describe, error.objections))
    holds = bool(trace) and decode_traces(trace.encode()).find() is not None
    with observed() as seen:
        value = repr(task.python_callable())
    kept = ""
    try:
        facts = {"of_run": True, "draws_idly": draws_idly}
        reads = reads_that_count(seen, Declaration(), value.encode(), Outputs(()), **facts)
        kept = Traces().add(reads, value.encode()).encode().decode()
    except Uncacheable as error:
        reason = reason or "; ".join(map(describe, error.objections))
    return {"key": key, "reason": reason, "value": value, "holds": holds, "trace": kept}


def _load(folder: Path) -> None:
    """Load what programs need, and look at one that reaches all of it, so that no child has to."""
    import gc

    import attrs
    import numpy as np
    import pandas as pd
    import pydantic

    assert all((attrs, np, pd, pydantic))
    names = sorted({line for block in BLOCKS for line in block.top.split("\n") if line.startswith(("import", "from"))})
    reached = [f"{name.split()[-1].rpartition('.')[2]}" for name in names if "@" not in name]
    text = _dag_file([name for name in names if "@" not in name], [f"str({name})" for name in reached])
    (folder / "warm_up.py").write_text(text.replace("import helping\n", ""))
    assert "error" not in _observe(folder / "warm_up.py")
    gc.collect()
    gc.freeze()
