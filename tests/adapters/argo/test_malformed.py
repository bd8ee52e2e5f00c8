"""What is not built like a workflow is refused with file, line, reason and remedy, never with a traceback."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.subjects import ARGO, lift_file, lower_and_write
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.ir import rename_steps, verify, without_origin
from couler_plugins.plan import Plan
from support import first_of

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata:\n  name: w\n"
DAG = f"""{HEAD}spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - name: A
        template: t
"""
CASES = {
    "no spec": (HEAD, 1, "spec"),
    "spec null": (HEAD + "spec:\n", 5, "spec"),
    "spec a list": (HEAD + "spec: []\n", 5, "spec"),
    "cron without workflowSpec": (
        HEAD.replace("Workflow", "CronWorkflow") + "spec:\n  schedules: []\n",
        5,
        "workflowSpec",
    ),
    "templates a mapping": (HEAD + "spec:\n  templates: {a: 1}\n", 6, "templates"),
    "template a string": (HEAD + "spec:\n  templates:\n  - a\n", 7, "template"),
    "template without a name": (HEAD + "spec:\n  templates:\n  - container: {image: i}\n", 7, "name"),
    "template with a number as name": (HEAD + "spec:\n  templates:\n  - name: 3\n", 7, "name"),
    "dag and steps": (HEAD + "spec:\n  templates:\n  - name: a\n    dag: {}\n    steps: []\n", 7, "both"),
    "dag a string": (HEAD + "spec:\n  templates:\n  - name: a\n    dag: x\n", 8, "dag"),
    "tasks a string": (HEAD + "spec:\n  templates:\n  - name: a\n    dag:\n      tasks: x\n", 9, "tasks"),
    "steps a mapping": (HEAD + "spec:\n  templates:\n  - name: a\n    steps: {a: 1}\n", 8, "steps"),
    "a group that is no list": (HEAD + "spec:\n  templates:\n  - name: a\n    steps:\n    - name: s\n", 9, "group"),
    "a step without a name": (HEAD + "spec:\n  templates:\n  - name: a\n    steps:\n    - - template: s\n", 9, "name"),
    "a task that is no mapping": (DAG + "      - B\n", 13, "mapping"),
    "depends ends early": (DAG + "      - name: B\n        depends: A &&\n", 13, "too early"),
    "depends on a number": (DAG + "      - name: B\n        depends: 3\n", 13, "depends"),
    "depends on nothing known": (DAG + "      - name: B\n        depends: A.Suceeded\n", 13, "Suceeded"),
    "depends without operator": (DAG + "      - name: B\n        depends: A A\n", 13, "operator"),
    "depends without bracket": (DAG + "      - name: B\n        depends: (A\n", 13, "bracket"),
    "depends with an odd sign": (DAG + "      - name: B\n        depends: A & A\n", 13, "cannot read"),
    "dependencies a string": (DAG + "      - name: B\n        dependencies: A\n", 13, "dependencies"),
    "dependencies with numbers": (DAG + "      - name: B\n        dependencies: [1]\n", 13, "dependencies"),
}


@pytest.mark.parametrize("case", CASES)
def test_malformed(case: str) -> None:
    text, line, word = CASES[case]
    (error,) = lift_errors(text)
    assert isinstance(error, InvalidInput)
    assert (error.file, error.line) == ("bad.yaml", line)
    assert word in error.message
    assert error.hint


def lift_errors(text: str) -> list[CoulerError]:
    errors: list[CoulerError] = []
    plan = ARGO.adapter.lift(ARGO.adapter.load([read(text, "bad.yaml")]), lambda number, error: errors.append(error))
    assert bool(errors) is not bool(plan.workflows)
    return errors


def test_one_bad_file_leaves_the_others() -> None:
    errors: list[int] = []
    files = [read(DAG, "good.yaml"), read(f"{DAG}---\n{CASES['spec null'][0]}", "bad.yaml"), read(DAG, "good2.yaml")]
    plan = ARGO.adapter.lift(ARGO.adapter.load(files), lambda number, error: errors.append(number))
    assert errors == [1]
    assert [workflow.source for workflow in plan.workflows] == [(0,), (3,)]
    assert not lower_and_write(ARGO, plan)[0].changed


JUNK: tuple[Any, ...] = (
    None,
    3,
    0,
    "x",
    "",
    [],
    {},
    [[]],
    True,
    [None],
    {"": None},
    1.5,
    "{{",
    "{{=",
    "{{=)}}",
    -1,
    "A &&",
)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, content in items:
        yield (*path, key)
        yield from places(content, (*path, key))


@pytest.mark.parametrize("seed", first_of(range(8)))
def test_junk_anywhere_is_lifted_or_refused(seed: int) -> None:
    """Junk in the place of anything: refused as input, or carried through unchanged, also when steps are renamed."""
    rng = random.Random(seed)
    for path in ARGO.files()[seed::8]:
        for document in lift_file(ARGO, path).bundle.documents:
            every = list(places(document.data))
            for _ in range(25):
                data = copy.deepcopy(document.data)
                for place in rng.sample(every, min(len(every), rng.choice((1, 1, 2)))):
                    put(data, place, rng.choice(JUNK))
                survives(data)


def put(data: Any, place: tuple[Any, ...], junk: Any) -> None:
    """Junk at a place, as far as what was put there before has left the place as it was."""
    try:
        for key in place[:-1]:
            data = data[key]
        if isinstance(data, list) or place[-1] in data:
            data[place[-1]] = copy.deepcopy(junk)
    except (KeyError, IndexError, TypeError):
        pass


def survives(data: Any) -> None:
    errors: list[CoulerError] = []
    bundle = ARGO.adapter.load([read(dump_yaml(data), "junk.yaml")])
    plan = ARGO.adapter.lift(bundle, lambda number, error: errors.append(error))
    for error in errors:
        assert isinstance(error, InvalidInput)
        assert error.file == "junk.yaml"
        assert error.line
        assert error.hint
    assert not lower_and_write(ARGO, plan)[0].changed
    for workflow in plan.workflows:
        verify(workflow)
        try:
            ARGO.adapter.lower(Plan(bundle=bundle, originals=(), workflows=(without_origin(workflow),)), ARGO.options)
            for graph in workflow.graphs:
                names = {step.name: f"r-{step.name}" for step in graph.steps}
                lowered, _ = lower_and_write(
                    ARGO, plan.with_workflow(workflow, rename_steps(workflow, graph.name, names))
                )
                assert all(isinstance(error, Unsupported) for error in lowered.refused.values())
        except Unsupported:
            pass
