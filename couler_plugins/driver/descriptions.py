"""What no run computes with: what people read (descriptions, labels, annotations), and what nothing calls or reads.

What a conversion leaves out of these is told here, so that adapters need no rule for each place where one may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from couler_plugins.documents.mappings import by_key
from couler_plugins.engine_kit.legalize.native_fields import fields_of
from couler_plugins.ir import Graph, Node, Operation, Workflow, callables, callee_of, nodes, reachable, references
from couler_plugins.plan import Decision

TEXTS = frozenset({"description", "displayName", "doc", "doc_md"})
TASK_NAME = ("taskInfo", "name")
"""What KFP shows of a task."""
LABELS = frozenset({"annotations", "labels"})
TOLD = frozenset({"couler.io/tuned"})
"""What a decision of its own tells of."""
MARKS = re.compile(r"\\[nrt]|\W|_")
"""What quotes, escapes and line breaks put between the letters of a text."""
HOLE = re.compile("\0\\d+\0")
"""What stands in place of a value that is only known at run time."""
WORD = re.compile(r"[A-Za-z]\w*")
NAME = re.compile(r"[\w.-]+")


def omissions(workflows: Iterable[Workflow], text: str, differences: Iterable[Decision]) -> Iterator[Decision]:
    """Yield a decision for each part of workflows of which the converted text lacks what no run computes with.

    Args:
        workflows: the workflows as they were read.
        text: what was written.
        differences: what is told already.
    """
    letters = MARKS.sub("", text)
    by_subject = by_key((item.subject.rpartition("/")[2], item) for item in differences)
    names = set(NAME.findall(text))
    for workflow in workflows:
        for reason in _unused(workflow, names):
            yield _omission(workflow, "", "leave out what is not used", reason)
    for workflow, owner in _owners(workflows):
        name = workflow.label if isinstance(owner, Workflow) else owner.name
        own = [item for subject in ("", name, workflow.label) for item in by_subject.get(subject, ())]
        if any(item.loss == "step" for item in own):
            continue
        words = {word for item in own for word in WORD.findall(item.reason)}
        texts = (pair for node in _parts(owner) for pair in _texts(node) if not words & set(pair[0]))
        missing = {".".join(path) for path, value in texts if not _holds(letters, value)}
        if missing:
            reason = f"{name!r} has {', '.join(sorted(missing))}"
            yield _omission(workflow, name, "leave out what people read", reason)


def _omission(workflow: Workflow, subject: str, action: str, reason: str) -> Decision:
    return Decision(
        optimizer="convert", workflow=workflow.label, subject=subject, action=action, reason=reason, loss="detail"
    )


def _unused(workflow: Workflow, names: set[str]) -> Iterator[str]:
    """Yield what nothing in a workflow calls or reads, of what the converted text does not name."""
    callees = reachable(workflow)
    entry = callee_of(workflow.entry, callees) if workflow.entry is not None else None
    if entry is None:
        return  # others call and read it
    uses = {item.name for item in references(workflow) if item.to == "parameter"} | {port.name for port in entry.inputs}
    for name in sorted(callables(workflow).keys() - callees.keys() - names):
        yield f"nothing calls {name!r}"
    for name in sorted({port.name for port in workflow.parameters} - uses - names):
        yield f"no step reads the parameter {name!r}"


def _owners(workflows: Iterable[Workflow]) -> Iterator[tuple[Workflow, Workflow | Graph | Operation]]:
    """Yield workflows with themselves and each of their parts that counts."""
    for workflow in workflows:
        by_name = callables(workflow) if workflow.entry is None else reachable(workflow)
        yield from ((workflow, owner) for owner in (workflow, *by_name.values()))


def _parts(owner: Workflow | Graph | Operation) -> Sequence[Node]:
    return (owner, *owner.parameters) if isinstance(owner, Workflow) else tuple(nodes(owner))


def _texts(node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the paths of the fields that people read, with their texts."""
    pending: list[tuple[tuple[str, ...], Any]] = [((), fields_of(getattr(node, "native_extra", None)))]
    while pending:
        outer, data = pending.pop()
        for key, value in data.items():
            path = (*outer, key)
            if isinstance(value, str) and (key in TEXTS or path[-2:] == TASK_NAME):
                yield path, value
            elif key in LABELS and isinstance(value, dict):
                others = ((label, inner) for label, inner in value.items() if label not in TOLD)
                yield from (((*path, label), f"{label}{inner}") for label, inner in others)
            else:
                inner = value if isinstance(value, list) else [value]
                pending += [(path, item) for item in inner if isinstance(item, dict)]


def _holds(letters: str, text: str) -> bool:
    """Return whether these letters have those of a text, but for values of run time."""
    return all(MARKS.sub("", piece) in letters for piece in HOLE.split(text))
