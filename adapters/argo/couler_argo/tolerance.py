"""Failures that a run survives: the graph around them went on, as its template says.

Sources: `ContinuesOn` of pkg/apis/workflow/v1alpha1/workflow_types.go, `assessDAGPhase` of workflow/controller/dag.go:
a graph ends as its last tasks do, and one that did not run ends as what is before it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from couler_argo.attempts import Templates
from couler_argo.codec import Mapped
from couler_plugins.documents.mappings import mapping_at

NAME = re.compile(r"(?<![.\w-])[\w-]+")
"""A task in `depends`, without the outcomes that count."""


class Tolerance:
    """Says which failures a run survives.

    Args:
        nodes: the nodes of the run.
        retries: the Retry node that an attempt belongs to.
        templates: the templates of the run.
    """

    def __init__(self, nodes: Mapping[str, Mapped], retries: Mapping[str, str], templates: Templates) -> None:
        self._nodes, self._retries, self._templates = nodes, retries, templates
        self._phases: dict[tuple[str, str], set[str]] = defaultdict(set)
        for node in nodes.values():
            self._phases[_place(node)].add(str(node.get("phase")))

    def of(self, node: Mapped) -> bool:
        """Return whether a graph around what failed ended well, lets its call fail, or went on with all after it."""
        ident, name = _place(node)
        if ident not in self._nodes:
            return False
        graph = self._templates.of(self._nodes[ident]).template
        holder = graph if isinstance(graph, Mapping) else {}
        groups = [mapping_at(holder, "dag").get("tasks") or (), *(holder.get("steps") or ())]
        calls = [call for group in groups for call in group]
        own = (mapping_at(call, "continueOn") for call in calls if call.get("name") == name)
        after = (self._phases[ident, str(call.get("name"))] for call in calls if name in _before(call))
        ran = [bool(phases) and not phases & {"Skipped", "Omitted"} for phases in after]
        around = self._nodes[self._retries.get(ident, ident)]
        is_survived = any(item.get(str(node.get("phase")).lower()) for item in own) or (bool(ran) and all(ran))
        return is_survived or around.get("phase") == "Succeeded" or self.of(around)


def _place(node: Mapped) -> tuple[str, str]:
    """Return the node of the graph that a node is in, and the name of the call there."""
    return str(node.get("boundaryID", "")), str(node.get("displayName", "")).partition("(")[0]


def _before(call: Mapped) -> tuple[str, ...]:
    """Return the tasks that a task depends on."""
    return (*(call.get("dependencies") or ()), *NAME.findall(str(call.get("depends") or "")))
