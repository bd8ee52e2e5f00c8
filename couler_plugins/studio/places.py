"""Which node of the picture a finding, a decision or a place in the file is about."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.documents import Finding as LintFinding
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision
from couler_plugins.studio.messages import DecisionView, Finding
from couler_plugins.studio.picture import ids_of

Sources = list[tuple[tuple[int | str, ...], str]]


def finding_view(finding: LintFinding, sources: Sources) -> Finding:
    """Return a finding of lint as the page shows it."""
    nodes = [node for path, node in sources if finding.path[: len(path)] == path] or [""]
    return Finding(
        severity=finding.severity,
        message=finding.message,
        hint=finding.hint,
        line=finding.line or 0,
        node=nodes[-1],
        code=finding.code,
    )


def node_sources(workflow: Workflow) -> Sources:
    """Where each step and what it runs stands in its document, the shortest paths first, each with its node."""
    callees = {item.name: item for item in (*workflow.graphs, *workflow.operations)}
    places = []
    for (graph, name), id_ in ids_of(workflow).items():
        for step in getattr(callees.get(graph), "steps", ()):
            if step.name == name:
                callee = callees.get(getattr(step.call, "name", ""))
                places += [(node.source[1:], id_) for node in (step, callee) if node is not None and node.source]
    return sorted(places, key=lambda place: len(place[0]))


def decision_view(decision: Decision, optimizer: str, ids: Mapping[tuple[str, str], str]) -> DecisionView:
    names = (decision.subject, *decision.affects)
    nodes = [ids[site] for name in names if (site := _site(name)) in ids]
    return DecisionView(
        optimizer=optimizer,
        subject=decision.subject,
        action=decision.action,
        reason="; ".join(item.advice for item in decision.objections) or decision.reason,
        figures=[(name, f"{value:,}" if type(value) is int else f"{value}") for name, value in decision.figures],
        nodes=list(dict.fromkeys(nodes)),
    )


def _site(label: str) -> tuple[str, str]:
    graph, _, step = label.rpartition("/")
    return graph, step


def difference_text(decision: Decision) -> str:
    subject = f"{decision.subject}: " if decision.subject else ""
    return f"{subject}{decision.action or 'not carried'}: {decision.reason}"
