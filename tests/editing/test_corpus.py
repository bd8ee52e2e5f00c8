"""Edits of real workflows: what comes out can be read again, no engine refuses more, and no other line changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.documents import read
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import lift_inputs, session
from couler_plugins.editing.actions import (
    Action,
    AddStep,
    Connect,
    CopyStep,
    DeleteStep,
    Input,
    RenameStep,
    SetField,
)
from couler_plugins.editing.apply import ActionError, apply_actions
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.sources import Input as File
from couler_plugins.ir import Call, Graph, Operation, Workflow, callables
from couler_plugins.options.config import Config
from couler_plugins.plan import Plan
from editing.tables import changed_lines
from support import SHARED, corpus_paths, own_files

URL = Input(name="url", value="https://example.com/table.csv")
STORE = Input(name="store", value="s3://tables")
BROKEN = "the workflow is broken already"
REFUSALS = {
    "which it does not have": BROKEN,
    "does not have": BROKEN,
    "stands beside a reference": "the container is defined elsewhere",
    "chooses a step at run time": "an expression names steps",
    "waits for": "it waits already",
    "is the only step of": "it is the only step",
    "read from": "others read from it",
    "reads from": "others read from it",
    "is what": "it is the only target",
    "is written inline": "a graph is written inside it",
    "has no value": "a run needs a value",
    "how": "a condition names it",
    "which does not exist": "a parameter names it",
    "is no name": "the engine takes no such name",
}
"""Why an edit may be refused: a part of the message, and the reason that is counted."""

KNOWN = {
    "anchors.yaml": "its aliases are written out",
    "flow-style.yaml": "its lists have no lines of their own",
    "storage.add-node-to-ceph.yaml": "it mixes depends and dependencies, which Argo refuses",
}
"""Files of which one edit changes more, or is told by lint; and why."""


@cache
def work() -> Session:
    return session(Config())


def lifted(name: str, text: str) -> Plan | None:
    def refuse(_: File, error: CoulerError) -> None:
        raise error

    try:
        return lift_inputs([File(name=name, relative=name, file=read(text, name))], work(), refuse)
    except CoulerError:
        return None


def errors(name: str, text: str) -> Counter[str]:
    found = lint_inputs([File(name=name, relative=name, file=read(text, name))], work())
    return Counter(item.code for item in found.remarks if item.severity == "error")


class Editor:
    """Edits the workflows of a file, and counts what becomes of it."""

    def __init__(self, path: Path, counts: Counter[tuple[str, str, str]], problems: list[str]) -> None:
        self.problems = problems
        self.name = path.name
        self.text = path.read_bytes().decode("utf-8", "replace")
        self.counts = counts

    def edit(self) -> None:
        """Edit each of the workflows."""
        plan = lifted(self.name, self.text)
        for number, workflow in enumerate(plan.workflows if plan is not None else ()):
            if workflow.source is not None:
                self.one(workflow, number)

    def one(self, workflow: Workflow, number: int) -> None:
        """Edit one of them."""
        for graph, step in list(_with_images(workflow))[:1]:
            self.act(
                workflow,
                self.text,
                SetField(workflow=number, graph=graph.name, step=step, field="image", value="example.com/image:1"),
                1,
                1,
            )
        for graph in workflow.graphs[:2]:
            self.graph(workflow, number, graph)

    def graph(self, workflow: Workflow, number: int, graph: Graph) -> None:
        """Add a step to a graph, connect it, rename it, and delete it again; copy, rename and delete its own steps."""
        at: Any = {"workflow": number, "graph": graph.name}
        inputs = (URL, STORE) if workflow.engine == "tekton" else (URL,)
        add = AddStep(**at, step="load-more", use="load-csv", inputs=inputs)
        whole = AddStep(**at, step="load-more", use="load-csv", inputs=(URL, STORE))
        added = self.act(workflow, self.text, add, 1) or self.act(workflow, self.text, whole, 1)
        if added is None:
            if (workflow.engine, "AddStep", BROKEN) not in self.counts:
                self.problems.append(f"{self.name}: nothing can be added to {graph.name}")
            return
        first = next(step.name for step in graph.steps if step.name not in graph.finalizers)
        connected = self.act(workflow, added, Connect(**at, source=first, target="load-more"), 0, 3)
        renamed = self.act(workflow, connected or added, RenameStep(**at, step="load-more", name="load-other"), 3, 3)
        if renamed is not None:
            gone = self.act(workflow, renamed, DeleteStep(**at, step="load-other"))
            if gone is not None and not workflow.library and self.name not in KNOWN:
                left = [line for line in changed_lines(self.text, gone) if line[1:].strip()]
                if not all("|" in line or "[" in line for line in left):
                    self.problems.append(f"{self.name}: {graph.name}: deleted, but there is still {left[:9]}")
        self.act(workflow, self.text, CopyStep(**at, step=first, name="first-again"), 0)
        self.act(workflow, self.text, RenameStep(**at, step=first, name="first-one"))
        self.act(workflow, self.text, DeleteStep(**at, step=graph.steps[-1].name))

    def act(
        self, workflow: Workflow, text: str, action: Action, removed: int | None = None, added: int | None = None
    ) -> str | None:
        """Carry an action out, and return the text; None where it is refused for a known reason.

        Args:
            workflow: the workflow.
            text: the text of its file.
            action: the action.
            removed: how many lines may go.
            added: how many may come.
        """
        kind = type(action).__name__
        try:
            new = apply_actions(self.name, text, [action], work())
        except ActionError as error:
            reason = next((reason for part, reason in REFUSALS.items() if part in error.message), None)
            if reason is None:
                self.problems.append(f"{self.name}: {action}: {error.message}")
                return None
            self.counts[workflow.engine, kind, reason] += 1
            return None
        self.counts[workflow.engine, kind, "done"] += 1
        if lifted(self.name, new) is None:
            self.problems.append(f"{self.name}: {action}: it cannot be read")
            return new
        if self.name in KNOWN:
            return new
        more = errors(self.name, new) - errors(self.name, text)
        if more:
            self.problems.append(f"{self.name}: {action}: {more}")
        lines = [line for line in changed_lines(text, new) if line[1:].strip()]
        for sign, most in (("-", removed), ("+", added)):
            count = sum(line[0] == sign for line in lines)
            if most is not None and count > most:
                self.problems.append(f"{self.name}: {action}: {count} lines {sign}: {lines[:9]}")
        return new


def _with_images(workflow: Workflow) -> Iterator[tuple[Graph, str]]:
    by_name = callables(workflow)
    for graph in workflow.graphs:
        for step in graph.steps:
            callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
            if isinstance(callee, Operation) and any(item.role == "main" for item in callee.containers):
                yield graph, step.name


def edit_all(paths: list[Path]) -> Counter[tuple[str, str, str]]:
    """Edit files, and return how many edits of each engine and kind were carried out, or refused for a reason."""
    counts: Counter[tuple[str, str, str]] = Counter()
    problems: list[str] = []
    for path in paths:
        Editor(path, counts, problems).edit()
    assert not problems, "\n".join(problems)
    return counts


@pytest.mark.parametrize("engine", ["argo", "kfp", "tekton"])
def test_edits_of_our_own_corpus_change_only_their_lines(engine: str) -> None:
    counts = edit_all(own_files(engine)[::4])
    done = sum(count for (_, _, reason), count in counts.items() if reason == "done")
    assert done > 50
    assert done > 0.75 * counts.total(), counts


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["argo", "kfp", "tekton", "field"])
def test_edits_of_real_workflows_change_only_their_lines(engine: str) -> None:
    if engine == "field":
        paths = sorted((SHARED / "corpus" / "field").rglob("*.y*ml"))[::2]  # within a minute
        if not paths:
            pytest.skip("needs corpus/field in the shared folder; COULER_SHARED says where that is")
    else:
        paths = corpus_paths(engine)
    counts = edit_all(paths)
    done = sum(count for (_, _, reason), count in counts.items() if reason == "done")
    print(*(f"{key}: {count}" for key, count in sorted(counts.items())), sep="\n")  # noqa: T201  # read by people
    assert done > 0.75 * counts.total(), counts
