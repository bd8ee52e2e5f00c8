"""Every document of the corpora of Tekton and KFP fits the IR, and what Airflow's adapter makes of its examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.airflow.examples import lifted, loaded
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    FirstOf,
    GraphView,
    Workflow,
    call_sites,
    callables,
    from_json,
    move_into_graph,
    needed,
    nodes,
    references,
    rename_steps,
    to_json,
    verify,
    without_origin,
)
from ir.corpora import (
    documents,
    graphs_of,
    kfp_workflow,
    lifted_counts,
    tekton_counts,
    tekton_workflows,
)
from support import at_least, corpus_files, corpus_paths

TEKTON = pytest.mark.parametrize("path", corpus_files("tekton"))
KFP = pytest.mark.parametrize("path", corpus_files("kfp"))


def order_edges(workflow: Workflow) -> set[tuple[str, str, str]]:
    by_name = callables(workflow)
    return {
        (graph.name, edge.before, edge.after)
        for graph in workflow.graphs
        for edge in GraphView(graph, by_name).edges()
        if edge.why == "order"
    }


def check_laws(workflow: Workflow) -> None:
    """What holds for every workflow, whatever it came from."""
    assert verify(workflow) == []
    assert from_json(to_json(workflow)) == workflow
    assert to_json(from_json(to_json(workflow))) == to_json(workflow)
    assert without_origin(workflow) == workflow
    for graph in workflow.graphs:
        order = GraphView(graph, callables(workflow)).order()
        assert sorted(order) == sorted(step.name for step in graph.steps)


def check_edits(workflow: Workflow) -> tuple[int, int]:
    """Renames all steps there and back, and moves steps; returns how many moves were made, and how many refused."""
    moved = refused = 0
    for graph in workflow.graphs:
        there = {step.name: f"renamed-{number}" for number, step in enumerate(graph.steps)}
        renamed = rename_steps(workflow, graph.name, there)
        assert verify(renamed) == []
        assert rename_steps(renamed, graph.name, {new: old for old, new in there.items()}) == workflow
        names = [step.name for step in graph.steps]
        for size in (1, 2):
            for start in range(min(len(names) - size + 1, 12)):
                try:
                    move = move_into_graph(workflow, graph.name, names[start : start + size], "moved")
                except Unsupported:
                    refused += 1
                else:
                    moved += 1
                    assert verify(move.workflow) == []
                    assert from_json(to_json(move.workflow)) == move.workflow
    return moved, refused


@TEKTON
def test_tekton_documents_are_lifted_whole(path: Path) -> None:
    counted = tekton_counts(path)
    workflows = tekton_workflows(path)
    edges = {(str(item.source), *edge) for item in workflows for edge in order_edges(item)}
    needs = {
        (str(step.source), need.step)
        for _, graph in graphs_of(workflows)
        for step in graph.steps
        for need in needed(step.needs)
    }
    assert {**lifted_counts(workflows), "order edges": len(needs)} == counted
    assert bool(edges) == bool(counted["order edges"])
    kinds = [one["kind"] for item in documents(path) if item for one in item.get("items", [item])]
    runs = [workflow for workflow in workflows if workflow.kind.endswith("Run")]
    assert len(runs) == kinds.count("PipelineRun") + kinds.count("TaskRun")


@TEKTON
def test_tekton_documents_obey_the_laws(path: Path) -> None:
    for workflow in tekton_workflows(path):
        check_laws(workflow)
        check_edits(workflow)


@KFP
def test_kfp_pipelines_obey_the_laws(path: Path) -> None:
    check_laws(kfp_workflow(path))
    check_edits(kfp_workflow(path))


def test_the_corpora_have_what_the_ir_was_made_for() -> None:
    """Counts over all files, so that a corpus that went missing in part is noticed."""
    paths = {engine: corpus_paths(engine) for engine in ("tekton", "kfp")}
    tekton = [workflow for path in paths["tekton"] for workflow in tekton_workflows(path)]
    kfp = [kfp_workflow(path) for path in paths["kfp"]]
    found = {
        "Tekton workflows": len(tekton),
        "Tekton calls": sum(1 for workflow in tekton for _ in call_sites(workflow)),
        "Tekton references": sum(1 for workflow in tekton for _ in references(workflow)),
        "KFP workflows": len(kfp),
        "KFP calls": sum(1 for workflow in kfp for _ in call_sites(workflow)),
        "KFP references": sum(1 for workflow in kfp for _ in references(workflow)),
        "KFP first-of": sum(isinstance(node, FirstOf) for node in nodes(tuple(kfp))),
        "KFP statuses": sum(item.to == "status" for item in references(tuple(kfp))),
    }
    assert found["Tekton workflows"] >= at_least(50, 210)
    assert found["KFP workflows"] >= at_least(32, 105)
    assert all(found.values())


@pytest.mark.slow
@pytest.mark.airflow
def test_airflow_examples_obey_the_laws() -> None:
    for bundle in loaded():
        for workflow in lifted(bundle).workflows:
            check_laws(workflow)
            check_edits(workflow)
