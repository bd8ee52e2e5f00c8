"""Past and present runs, from the status that Argo's controller writes into a Workflow (`argo get -o json`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from couler_argo.attempts import Templates, attempt_of, is_tolerated, place_of
from couler_argo.cache.lookups import wrapped_key
from couler_argo.codec import Mapped
from couler_argo.documents import manifests
from couler_argo.lift import lift
from couler_argo.nodes import ATTEMPTS, attempts_of, bytes_of, fused_steps, nodes_of, seconds_of, template_name
from couler_plugins.caching.keys import digest
from couler_plugins.documents.mappings import by_key
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL
from couler_plugins.engine_kit.run_layers import run_layers
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Fate, Lookup, Run, StepRun
from couler_plugins.runs.usage import message_of

FATES: dict[str, Fate] = {
    "Succeeded": "computed",
    "Failed": "failed",
    "Error": "failed",
    "Skipped": "skipped",
    "Omitted": "skipped",
}
FAILED = ("Failed", "Error")
LEAVES = (*ATTEMPTS, "Skipped", "Suspend")
OBJECT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
OF_ONE_RUN = ("arguments", "shutdown", "suspend")
"""What a specification says of a run, and not of the workflow."""
MANY = 100
"""A group after so many steps and before so many is a step of its own, lest each be a parent of each."""


def workflows_in(data: Any) -> Iterator[Mapped]:
    """The Workflows in a document: one, a List, or an array of them without kinds, as `argo list -o json` prints."""
    if isinstance(data, list):
        for item in data:
            if isinstance(item, dict) and "kind" not in item and "spec" in item and "status" in item:
                yield item
            else:
                yield from workflows_in(item)
        return
    yield from (manifest.data for manifest in manifests(data) if manifest.kind == "Workflow")


def run_of(manifest: Mapped) -> Run | None:
    """The run that a Workflow's status tells of; None where it has not started. One that was refused has no steps.

    The parents of a step are the nearest steps before it. Sizes are known of parameters only: Argo does not record
    those of artifacts. What a step is by itself are its template and the values of its parameters.

    Raises:
        InvalidInput: the status cannot be read.
    """
    try:
        nodes = nodes_of(manifest)
        is_refused = (manifest.get("status") or {}).get("phase") in FAILED
        return _Status(manifest, nodes).run() if nodes or is_refused else None
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        metadata = manifest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else "(unnamed)"
        message = f"the status of the workflow {name} is not what Argo writes ({type(error).__name__}: {error})"
        raise InvalidInput(message, engine="argo", hint="take it from `argo get -o json` or `kubectl get`") from error


def family_of(manifest: Mapped) -> str:
    """The name that all runs of a workflow share: its template's, its schedule's, or its own without what is random."""
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    labels = metadata.get("labels") or {}
    return str(
        (spec.get("workflowTemplateRef") or {}).get("name")
        or labels.get("workflows.argoproj.io/cron-workflow")
        or str(metadata.get("generateName", "")).rstrip("-.")
        or metadata.get("name", "")
    )


class _Status:
    """The nodes of one run, looked at as a graph of steps."""

    def __init__(self, manifest: Mapped, nodes: Mapping[str, Mapped]) -> None:
        self._manifest = manifest
        self._nodes = nodes
        self._attempts: dict[str, list[str]] = {}
        self._retry: dict[str, str] = {}
        for ident, node in nodes.items():
            if node.get("type") == "Retry":
                self._attempts[ident] = attempts_of(node, nodes)
                self._retry |= dict.fromkeys(self._attempts[ident], ident)
        self._templates = Templates(manifest)
        self._phases = by_key((place_of(node), node.get("phase")) for node in nodes.values())
        self._nearest: dict[tuple[str, ...], list[str]] = {}
        self._before: dict[str, list[str]] = {ident: [] for ident in nodes}
        for ident, node in nodes.items():
            for child in node.get("children") or ():
                if child in self._before and ident != child:
                    self._before[child].append(ident)
        self._leaves = {ident: node for ident, node in nodes.items() if self._is_leaf(ident, node)}
        memoized = (ident for ident, node in nodes.items() if node.get("memoizationStatus"))
        self._memoized = [ident for ident in memoized if self._owner(ident) is None]

    def run(self) -> Run:
        """The run, its steps in a topological order, by their ends where that leaves a choice."""
        order: list[str] = []
        parents: dict[str, list[str]] = {}
        for ident in self._by_end(self._leaves):
            self._visit(ident, parents, order)
        position = {ident: number for number, ident in enumerate(order)}
        steps: list[StepRun] = []
        for ident in order:
            before = tuple(sorted(position[parent] for parent in parents[ident]))
            if before and before[-1] >= len(steps):
                raise ValueError(f"{ident} comes after itself")
            steps.append(self._ran(ident, before, tuple(steps[number].key for number in before)))
        status, metadata = self._manifest.get("status") or {}, self._manifest.get("metadata") or {}
        spec = status.get("storedWorkflowTemplateSpec") or self._manifest.get("spec") or {}
        ended = status.get("finishedAt") or max(
            (str(node.get("finishedAt") or "") for node in self._nodes.values()), default=""
        )
        whole = status.get("phase") not in FAILED
        of_all = {key: value for key, value in spec.items() if key not in OF_ONE_RUN}
        return Run(
            family=family_of(self._manifest),
            name=str(metadata.get("name") or ""),
            engine="argo",
            uid=str(metadata.get("uid") or ""),
            version=digest(of_all),
            layers=run_layers(lift, {**OBJECT, "spec": of_all}, metadata.get("annotations")),
            part_of=str((metadata.get("labels") or {}).get(RUN_LABEL) or ""),
            steps=tuple(steps),
            whole=whole,
            running=status.get("phase") in ("Running", "Pending"),
            message="" if whole else message_of(status.get("message")),
            at=seconds_of(ended) or 0.0,
            groups=tuple(self._group(ident) for ident in self._by_end(self._memoized)),
        )

    def _by_end(self, idents: Iterable[str]) -> list[str]:
        last = "9999"  # what goes on ends after everything that has ended
        return sorted(idents, key=lambda ident: (str(self._nodes[ident].get("finishedAt") or last), ident))

    def _visit(self, ident: str, parents: dict[str, list[str]], order: list[str]) -> None:
        """Puts a step into the order, after its parents; without recursion, since chains are as long as workflows."""
        stack = [(ident, False)]
        while stack:
            current, done = stack.pop()
            if done:
                order.append(current)
            elif current not in parents:
                parents[current] = self._parents(current)
                stack.append((current, True))
                stack += [(parent, False) for parent in parents[current] if parent not in parents]

    def _parents(self, ident: str) -> list[str]:
        """The nearest steps before a step, through the groups, graphs and retries between them.

        All steps of a group have the same: they are looked up once.
        """
        before = tuple(self._before[ident])
        if before not in self._nearest:
            self._nearest[before] = sorted(self._found_before(before))
        return [parent for parent in self._nearest[before] if parent != ident]

    def _found_before(self, before: tuple[str, ...]) -> set[str]:
        names: set[str] = set()
        seen: set[str] = set()
        stack = list(before)
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            owner = self._owner(current)
            if owner is not None:
                names.add(owner)
            else:
                stack += self._before[current]
        return names

    def _is_leaf(self, ident: str, node: Mapped) -> bool:
        """Whether a node is a step: it runs something, as often as it takes, or would have, had there been no hit."""
        children = node.get("children") or ()
        if ident in self._retry:
            return False
        if node.get("type") in LEAVES or ((node.get("memoizationStatus") or {}).get("hit") and not children):
            return True
        if ident in self._attempts:
            return all(self._nodes[one].get("type") in ATTEMPTS for one in self._attempts[ident])
        return len(self._before[ident]) > MANY and len(children) > MANY

    def _owner(self, ident: str) -> str | None:
        """The step that a node is, or is an attempt of; None for a group."""
        ident = self._retry.get(ident, ident)
        return ident if ident in self._leaves else None

    def _ran(self, ident: str, parents: tuple[int, ...], keys: tuple[str, ...]) -> StepRun:
        node = self._leaves[ident]
        attempts = self._attempts.get(ident, ())
        last = self._nodes[attempts[-1]] if attempts else node
        parameters = (last.get("inputs") or node.get("inputs") or {}).get("parameters") or []
        values = sorted([str(item["name"]), str(item.get("value"))] for item in parameters)
        of_node = self._templates.of(node)
        spec = digest([of_node.spec, values])
        # The memo of a retried step is looked up before there is an attempt.
        memo = last.get("memoizationStatus") or node.get("memoizationStatus") or {}
        fate = "loaded" if memo.get("hit") else FATES.get(str(node.get("phase")), "pending")
        lookup = _lookup(last, memo) if memo else self._wrapped(of_node.template, last, fate)
        tries = tuple(
            attempt_of(self._manifest, one, self._nodes[one], of_node.containers)
            for one in attempts or (ident,)
            if fate == "failed" or (self._nodes[one].get("type") in ATTEMPTS and fate not in ("loaded", "skipped"))
        )
        idle = fate == "skipped" or (fate == "computed" and self._is_idle(of_node.template, last))
        return StepRun(
            step=self._name(ident),
            site=self._site(node),
            type=template_name(node),
            library=of_node.library,
            fused=fused_steps(of_node.template),
            spec=spec,
            key=(lookup.key if lookup is not None else "") or digest([spec, *keys]),
            parents=parents,
            seconds=0.0 if idle else tries[-1].seconds if tries and fate == "computed" else None,
            bytes=0 if idle else bytes_of(last.get("outputs")) if fate in ("computed", "loaded") else None,
            artifact=not idle,
            attempts=max(1, len(attempts)),
            tries=tries,
            fate=fate,
            tolerated=fate == "failed" and is_tolerated(node, self._nodes, self._retry, self._phases, self._templates),
            lookup=lookup,
        )

    def _group(self, ident: str) -> StepRun:
        """A call of a graph that is memoized as a whole, and was not: a hit has no steps, and is one itself."""
        node = self._nodes[ident]
        lookup, fate = _lookup(node, node["memoizationStatus"]), FATES.get(str(node.get("phase")), "pending")
        return StepRun(
            step=self._name(ident),
            site=self._site(node),
            type=template_name(node),
            spec=self._templates.of(node).spec,
            key=lookup.key,
            seconds=lookup.seconds if fate == "computed" else None,
            artifact=False,
            fate=fate,
            lookup=lookup,
        )

    def _wrapped(self, template: Any, last: Mapped, fate: Fate) -> Lookup | None:
        """What a wrapper was asked. It tells Argo nothing, but a command that has failed was no hit."""
        key = wrapped_key(template, last, self._manifest) if last.get("type") in ATTEMPTS else None
        if key is None:
            return None
        hit = False if fate == "failed" else None
        return Lookup(hit=hit, key=key, began=seconds_of(last.get("startedAt")), seconds=_seconds(last))

    def _name(self, ident: str) -> str:
        """`graph/step`, with the item of a loop in parentheses, after the name of the step that the graph belongs to.

        The graph of the entry belongs to none; what no graph holds has the template's name. Of a graph that is retried,
        the name is the same in each attempt.
        """
        node = self._nodes[self._retry.get(ident, ident)]
        around = str(node.get("boundaryID", ""))
        if around not in self._nodes:
            return template_name(node) or str(node.get("displayName", ""))
        outer = f"{self._name(around)}/" if self._nodes[around].get("boundaryID") in self._nodes else ""
        return f"{outer}{template_name(self._nodes[around])}/{node.get('displayName') or node.get('name') or ''}"

    def _site(self, node: Mapped) -> str:
        """`graph/step`, where the step's name has more to it; `library/graph/step` in a graph of a library."""
        around = self._nodes.get(str(node.get("boundaryID", "")))
        if around is None:
            return ""
        graph = "/".join(filter(None, (self._templates.library(around), template_name(around))))
        return f"{graph}/{str(node.get('displayName') or '').partition('(')[0]}"

    def _is_idle(self, template: Any, node: Mapped) -> bool:
        """Whether a node does nothing of its own: it waits, for an approval or a group, or serves those after it.

        A daemon is told by its template: `daemoned` is taken from its node once it has ended.
        """
        daemon = isinstance(template, Mapping) and template.get("daemon")
        return node.get("type") not in ATTEMPTS or bool(daemon or node.get("daemoned"))


def _lookup(node: Mapped, memo: Mapped) -> Lookup:
    """What Argo's memoization answered."""
    began = seconds_of(node.get("startedAt"))
    return Lookup(hit=bool(memo.get("hit")), key=str(memo.get("key") or ""), began=began, seconds=_seconds(node))


def _seconds(node: Mapped) -> float | None:
    """How long a node took; None where that is not known."""
    started, ended = seconds_of(node.get("startedAt")), seconds_of(node.get("finishedAt"))
    return ended - started if started and ended and started <= ended else None
