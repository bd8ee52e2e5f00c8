"""How the steps of a run ended and what they gave, by their places, from the nodes of its status.

Sources: `buildLocalScope` and `processAggregateNodeOutputs` in `workflow/controller/operator.go`, and
`workflow/executor/executor.go` for results that are cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_argo.archive import ARCHIVED
from couler_argo.attempts import Templates
from couler_argo.nodes import attempts_of
from couler_argo.ports import LOCATIONS
from couler_argo.references import native
from couler_plugins.documents.mappings import Mapped
from couler_plugins.hookspecs.resuming import Ended
from couler_plugins.ir import Literal, Value

OUTCOMES = {
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "errored",
    "Skipped": "skipped",
    "Omitted": "omitted",
}
LARGEST = 256 * 1024
"""Bytes of a printed result that Argo keeps: the last ones."""
ITEM = re.compile(r"(.+?)\((\d+):.*\)", re.DOTALL)
HOOK = re.compile(r"(.+)\.(?:onExit|hooks\.([^()]+))", re.DOTALL)
"""The display name of a hook's node: that of its step, and its own; steps and tasks have no dots in their names."""
COMPLETED, DELETED = "OnWorkflowCompletion", "OnWorkflowDeletion"
HOOK_FAILED, VARIABLE = "its hook failed", "Argo would take it for a variable"
OTHERS = {"Suspend": "a person", "HTTP": "a request", "Plugin": "a plugin"}
"""Nodes whose outputs are no program's."""


class NodeEnds:
    """The nodes of a run as steps, by their places."""

    def __init__(self, manifest: Mapped, spec: Mapped, nodes: Mapping[str, Mapped]) -> None:
        self._nodes = nodes
        self._root = str(manifest["metadata"]["name"])
        self._templates = Templates(manifest)
        self._deleted = why_deleted(manifest, spec)
        self._gc = str((spec.get("artifactGC") or {}).get("strategy"))
        self._is_limited = '"parallelism"' in json.dumps(spec)
        tried = {ident for node in nodes.values() for ident in attempts_of(node, nodes)}
        self._inside: dict[str, list[Mapped]] = {}
        self._hooks: dict[tuple[str, str], set[str]] = {}
        self._failed: set[tuple[str, str]] = set()
        for ident, node in nodes.items():
            around = str(node.get("boundaryID"))
            if match := HOOK.fullmatch(str(node.get("displayName"))):
                self._hooks.setdefault((around, match[1]), set()).add(match[2] or "exit")
                step = (around, match[1]) if node.get("phase") != "Succeeded" else None
                while step is not None and step not in self._failed:  # and all that it is in
                    self._failed.add(step)
                    graph = nodes.get(step[0])
                    step = _place(graph) if graph else None
            elif ident not in tried and not (node.get("nodeFlag") or {}).get("hooked"):
                self._inside.setdefault(around, []).append(node)

    def steps(self) -> Iterator[tuple[tuple[str, ...], Ended]]:
        """How each step ended, those in graphs that run once included."""
        pending: list[tuple[tuple[str, ...], Mapped]] = [((), self._nodes[self._root])]
        seen: set[str] = set()
        while pending:
            place, node = pending.pop()
            ident = str(self._last(node)["id"])
            if ident in seen:
                raise ValueError(f"{ident} is in itself")
            seen.add(ident)
            whole, loops = self._of_graph(ident)
            for name, step in whole.items():
                items = loops.get(name)
                yield (*place, name), self._ended(step) if items is None else self._loop(items, step)
                if items is None and self._last(step).get("type") in ("DAG", "Steps"):
                    pending.append(((*place, name), step))

    def _of_graph(self, ident: str) -> tuple[dict[str, Mapped], dict[str, list[Mapped]]]:
        """The nodes of the steps of a graph by name, and the items of those that are loops."""
        whole: dict[str, Mapped] = {}
        items: dict[str, list[tuple[int, Mapped]]] = {}
        stages: dict[str, Mapped] = {}
        for node in self._inside.get(ident, ()):
            name = str(node.get("displayName"))
            if node.get("type") == "StepGroup":
                stages |= dict.fromkeys(node.get("children") or (), node)
            elif match := ITEM.fullmatch(name):
                items.setdefault(match[1], []).append((int(match[2]), node))
            else:
                whole[name] = node
                if node.get("type") == "TaskGroup":
                    items.setdefault(name, [])
        loops = {name: [node for _, node in sorted(each, key=lambda one: one[0])] for name, each in items.items()}
        for name, each in loops.items():  # a stage has no node for a loop
            if name not in whole:
                phases = [str(node.get("phase")) for node in each]
                worst = next((phase for phase in phases if phase not in ("Succeeded", "Skipped")), "Succeeded")
                stage = stages.get(str(each[0]["id"])) or {}
                is_whole = stage.get("phase") == "Succeeded" or (  # a stage that is in error may lack items
                    stage.get("phase") == "Failed" and not self._is_limited
                )
                whole[name] = {**stage, "type": "TaskGroup", "phase": worst if is_whole else "Failed"}
        return whole, loops

    def _last(self, node: Mapped) -> Mapped:
        """The last attempt of a node that is retried, as Argo looks at it; else itself."""
        tried = attempts_of(node, self._nodes)
        return self._nodes[tried[-1]] if tried else node

    def _ended(self, node: Mapped) -> Ended:
        outputs: dict[tuple[str, str], Value] = {}
        lost: dict[tuple[str, str], str] = {}
        last = self._last(node)
        produced, kind = last.get("outputs") or {}, str(last.get("type"))
        template = self._templates.of(last).template
        maker = OTHERS.get(kind) or ("a cluster" if isinstance(template, Mapping) and "resource" in template else "")
        outputs.update(self._values(produced, lost))
        if maker:
            lost |= dict.fromkeys(outputs, f"it is the answer of {maker}, which may be another one by now")
            outputs = {}
        outcome = OUTCOMES.get(str(node.get("phase")), "running")
        handlers = frozenset(self._hooks.get(_place(node), ())) if outcome == "succeeded" else None
        return Ended(
            outcome=outcome,
            outputs=outputs,
            facts=_facts(last),
            lost=lost,
            again=HOOK_FAILED if {_place(node), _place(last)} & self._failed else "",
            handlers=handlers,
        )

    def _values(self, produced: Mapped, lost: dict[tuple[str, str], str]) -> Iterator[tuple[tuple[str, str], Value]]:
        """What a node gave; what cannot be had again is put into `lost`."""
        texts = {("parameter", str(item["name"])): item.get("value") for item in produced.get("parameters") or ()}
        if "result" in produced:
            texts["result", "result"] = produced["result"]
        for key, content in texts.items():
            if content is None:
                continue
            text = content if isinstance(content, str) else json.dumps(content)
            if "{{" in text or text.endswith("{"):  # which may stand before a variable
                lost[key] = VARIABLE
            elif key[0] == "result" and len(text.encode()) >= LARGEST:
                lost[key] = "Argo has cut it at 256 KiB"
            else:
                yield key, Literal(value=text)
        for item in produced.get("artifacts") or ():
            key = ("artifact", str(item["name"]))
            own = str((item.get("artifactGC") or {}).get("strategy") or self._gc)
            if item.get("deleted") or own == COMPLETED:
                lost[key] = "artifactGC has deleted it"
            elif own == DELETED and self._deleted:
                lost[key] = self._deleted
            elif location := {name: item[name] for name in (*LOCATIONS, "archive") if name in item}:
                if "{{" in json.dumps(location):
                    lost[key] = VARIABLE
                else:
                    yield key, native(location)

    def _loop(self, items: Sequence[Mapped], group: Mapped) -> Ended:
        """A loop: what its items gave as lists, as Argo aggregates them."""
        each = [self._ended(item) for item in items if item.get("phase") == "Succeeded"]
        texts = [
            {key: str(value.value) for key, value in item.outputs.items() if isinstance(value, Literal)}
            for item in each
        ]
        rows = [{key[1]: text for key, text in sorted(row.items()) if key[0] == "parameter"} for row in texts]
        printed = [row["result", "result"] for row in texts if ("result", "result") in row]
        lists: dict[tuple[str, str], list[Any]] = {("parameter", ""): [row for row in rows if row]}
        for name in dict.fromkeys(name for row in rows for name in row):
            lists["parameter", name] = _structured([row[name] for row in rows if name in row])
        lost = {key: why for item in each for key, why in item.lost.items()}
        outputs = {key: Literal(value=_go_json(content)) for key, content in lists.items()}
        try:
            for text in printed:
                json.loads(text, parse_constant=_refuse)
        except ValueError:
            lost["result", "result"] = "an item printed no JSON"
        outputs["result", "result"] = Literal(value=f"[{','.join(map(_compact, printed))}]")
        kept = {} if lost else outputs
        outcome = OUTCOMES.get(str(group.get("phase")), "running")
        own = frozenset(self._hooks.get(_place(group), ()))  # tasks have hooks of the loop, steps have those of items
        handlers = frozenset.intersection(*(own | (item.handlers or own) for item in each)) if each else None
        again = HOOK_FAILED if _place(group) in self._failed or any(item.again for item in each) else ""
        return Ended(outcome=outcome, outputs=kept, lost=lost, facts=_facts(group), again=again, handlers=handlers)


def why_deleted(manifest: Mapped, spec: Mapped) -> str:
    """Why a run is gone, or goes while another one needs what is deleted with it; empty where it stays."""
    if (manifest["metadata"].get("labels") or {}).get(ARCHIVED) == "Persisted":
        return "it was deleted with the old run"
    expires = {"secondsAfterCompletion", "secondsAfterFailure"} & (spec.get("ttlStrategy") or {}).keys()
    return "ttlStrategy deletes it with the old run" if expires else ""


def _place(node: Mapped) -> tuple[str, str]:
    """The graph that a node is in, and its name there."""
    return str(node.get("boundaryID")), str(node.get("displayName"))


def _facts(node: Mapped) -> dict[str, str]:
    """What can be read of a step that is no output; its pod's address is nobody's any more."""
    names = {"id": "id", "status": "phase", "startedAt": "startedAt", "finishedAt": "finishedAt"}
    facts = {fact: node.get(key) for fact, key in names.items()}
    facts["exitCode"] = (node.get("outputs") or {}).get("exitCode")
    return {fact: str(content) for fact, content in facts.items() if content is not None}


def _structured(values: list[str]) -> list[Any]:
    """Texts as Argo makes a list of them: as structures where all of them are lists or mappings."""
    try:
        read = [json.loads(t, parse_constant=_refuse, parse_float=_number, parse_int=_number) for t in values]
    except ValueError:
        return values
    return read if all(isinstance(item, (dict, list)) for item in read) else list(values)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _number(text: str) -> int | float:
    """A number as Go reads one."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _go_json(content: Any) -> str:
    """JSON as Go writes it."""
    return _compact(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def _compact(text: str) -> str:
    """JSON without spaces, as Go writes what it has not read: numbers and the order of keys stay."""
    text = re.sub(r'("(?:[^"\\]|\\.)*")|\s+', r"\1", text)
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)
