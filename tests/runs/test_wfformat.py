from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Run
from couler_plugins.runs.order import CycleError, topological_order
from couler_plugins.runs.run import key_of, type_of
from couler_plugins.runs.wfformat import read_wfformat, run_of_wfformat
from support import CORPUS, shared_files

TRACE: dict[str, Any] = {
    "name": "genome-20200402T023420Z-0",
    "schemaVersion": "1.5",
    "workflow": {
        "specification": {
            "tasks": [
                {"name": "use_2", "id": "use_2", "parents": ["get_1"], "children": [], "outputFiles": ["b", "c"]},
                {"name": "get_1", "id": "get_1", "parents": [], "children": ["use_2"], "outputFiles": ["a"]},
            ],
            "files": [{"id": "a", "sizeInBytes": 10}, {"id": "b", "sizeInBytes": 3}, {"id": "c", "sizeInBytes": 4}],
        },
        "execution": {
            "makespanInSeconds": 7,
            "executedAt": "2020-04-02T00:00:00+0000",
            "tasks": [
                {"id": "get_1", "runtimeInSeconds": 2.5, "memoryInBytes": 100, "command": {"program": "/bin/curl"}},
                {"id": "use_2", "runtimeInSeconds": 0},
            ],
        },
    },
}
OLD: dict[str, Any] = {
    "name": "old",
    "schemaVersion": "1.4",
    "workflow": {
        "makespanInSeconds": 5,
        "executedAt": "20200402T000000+0000",
        "tasks": [
            {
                "name": "get_1",
                "id": "1",
                "parents": [],
                "files": [
                    {"link": "input", "name": "x", "sizeInBytes": 1000},
                    {"link": "output", "name": "a", "sizeInBytes": 10},
                ],
                "runtimeInSeconds": 2.5,
                "command": {"program": "curl", "arguments": ["x"]},
            },
            {"name": "use_2", "id": "2", "parents": ["get_1"], "files": [], "runtimeInSeconds": 1},
        ],
    },
}


def read(trace: dict[str, Any]) -> Run:
    run = read_wfformat(json.dumps(trace).encode(), "trace.json")
    assert run_of_wfformat(trace, "trace.json") == run
    return run


def edited(edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    trace = copy.deepcopy(TRACE)
    edit(trace["workflow"])
    return trace


def test_a_trace() -> None:
    run = read(TRACE)
    get, use = run.steps
    assert (run.family, run.at) == ("genome", 1585785607.0)
    assert (get.step, get.type, get.parents, get.seconds, get.bytes, get.memory) == ("get_1", "curl", (), 2.5, 10, 100)
    assert (use.step, use.type, use.parents, use.seconds, use.bytes, use.memory) == ("use_2", "use", (0,), 0, 7, None)
    assert get.key == key_of(get.spec, [])
    assert use.key == key_of(use.spec, [get.key])


def test_a_trace_of_1_4() -> None:
    get, use = read(OLD).steps
    assert (get.step, get.type, get.seconds, get.bytes) == ("1", "curl", 2.5, 10)
    assert (use.step, use.type, use.parents, use.bytes) == ("2", "use", (0,), 0)


def test_what_is_not_known_is_none() -> None:
    def forget(workflow: dict[str, Any]) -> None:
        workflow["specification"]["files"].pop()
        del workflow["execution"]["tasks"][1]["runtimeInSeconds"]

    get, use = read(edited(forget)).steps
    assert (get.seconds, get.bytes) == (2.5, 10)
    assert (use.seconds, use.bytes) == (None, None)


def test_unknown_fields_change_nothing() -> None:
    more = edited(lambda workflow: workflow["execution"]["tasks"][0].update(energy={"joules": [1]}))
    assert read(more) == read(TRACE)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda w: w["specification"]["tasks"].clear(), "the trace has no tasks"),
        (lambda w: w["specification"]["tasks"][1]["parents"].append("use_2"), "is its own ancestor"),
        (lambda w: w["specification"]["tasks"][1]["parents"].append("get_1"), "'get_1' is its own ancestor"),
        (lambda w: w["specification"]["tasks"][1]["parents"].append("gone"), "'gone', a parent of 'get_1'"),
        (lambda w: w["specification"]["tasks"][1]["children"].append("gone"), "'gone', a child of 'get_1'"),
        (lambda w: w["specification"]["tasks"][1].update(id="use_2"), "two tasks have the id 'use_2'"),
        (lambda w: w["specification"]["tasks"][1].update(id="", name=""), "task 1 has neither an id nor a name"),
        (lambda w: w["execution"]["tasks"][0].update(runtimeInSeconds=-1), "runtimeInSeconds of 'get_1' is -1"),
        (lambda w: w["execution"]["tasks"][0].update(memoryInBytes=-1), "memoryInBytes of 'get_1' is -1"),
        (lambda w: w["specification"]["files"][0].update(sizeInBytes=-10), "sizeInBytes of 'a' is -10"),
        (lambda w: w["execution"]["tasks"][0].update(id="other"), "'other' was executed"),
        (lambda w: w["execution"]["tasks"].append(w["execution"]["tasks"][0]), "'get_1' was executed twice"),
        (lambda w: w["execution"].update(makespanInSeconds=-1), "makespanInSeconds of 'genome-.*' is -1"),
        (lambda w: w["execution"]["tasks"][0].update(runtimeInSeconds="fast"), r"\$.workflow.execution.tasks\[0\]"),
    ],
)
def test_contradictions_are_refused(edit: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        read(edited(edit))
    assert caught.value.file == "trace.json"
    assert caught.value.hint


def test_what_is_no_figure_is_said_to_be_left_out() -> None:
    trace = edited(lambda workflow: workflow["execution"]["tasks"][0].update(runtimeInSeconds="NaN"))
    with pytest.raises(InvalidInput, match="runtimeInSeconds") as caught:
        run_of_wfformat(trace, "trace.json")
    assert "a figure is a number" in (caught.value.hint or "")


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_figures_are_finite(figure: float) -> None:
    trace = edited(lambda workflow: workflow["execution"]["tasks"][0].update(runtimeInSeconds=figure))
    with pytest.raises(InvalidInput, match="this is no whole JSON document"):
        read_wfformat(json.dumps(trace).encode(), "trace.json")
    with pytest.raises(InvalidInput, match="runtimeInSeconds of 'get_1'"):
        run_of_wfformat(trace, "trace.json")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_trace_is_refused(share: float) -> None:
    content = json.dumps(TRACE).encode()
    with pytest.raises(InvalidInput, match="this is no whole JSON document") as caught:
        read_wfformat(content[: int(share * len(content))], "trace.json")
    assert "truncated" in (caught.value.hint or "")


@pytest.mark.parametrize(("version", "tasks"), [("1.2", "jobs"), ("1.3", "tasks")])
def test_a_trace_of_an_earlier_version_is_named_as_that(version: str, tasks: str) -> None:
    workflow = {"makespan": 9, tasks: [{"name": "a", "runtime": 9, "files": [{"link": "output", "size": 1}]}]}
    trace = {"name": "old", "schemaVersion": version, "workflow": workflow}
    for reading in (read_wfformat, lambda content, file: run_of_wfformat(json.loads(content), file)):
        with pytest.raises(InvalidInput, match=f"this is WfFormat {version}") as caught:
            reading(json.dumps(trace).encode(), "old.json")
        assert "wfcommons-migrate-instance" in (caught.value.hint or "")


def test_other_documents_are_none() -> None:
    assert run_of_wfformat({"kind": "Workflow"}, "x.yaml") is None
    assert run_of_wfformat([1], "x.yaml") is None
    with pytest.raises(InvalidInput, match="this is no WfFormat trace"):
        read_wfformat(b'{"kind": "Workflow"}', "x.json")


@pytest.mark.parametrize(
    ("name", "program", "kind"),
    [
        ("individuals_ID0000001", "individuals", "individuals"),
        ("individuals_ID0000001", None, "individuals"),
        ("map_map_s_1_sequence_10_ID0000003", "/usr/bin/map", "map"),
        ("bowtie2_ID0000003", "python3", "bowtie2"),
        ("job-12", "/bin/bash", "job"),
        ("NFCORE_RNASEQ.RNASEQ.ALIGN_STAR.SAMTOOLS_SORT", "samtools \\\n sort", "SAMTOOLS_SORT"),
        ("NFCORE:FASTQC (WT_REP1)", "fastqc --quiet $x", "FASTQC"),
        ("12", "", "12"),
    ],
)
def test_types(name: str, program: str | None, kind: str) -> None:
    assert type_of(name, program) == kind


def test_orders() -> None:
    assert topological_order([{1}, set(), {0, 1}]) == [1, 0, 2]
    with pytest.raises(CycleError) as caught:
        topological_order([{2}, set(), {1, 3}, {2}])
    assert caught.value.member in (2, 3)


@pytest.mark.parametrize("path", [CORPUS / "traces" / "variants.json", *shared_files("corpus/traces", "*.json")])
def test_the_corpus(path: Path) -> None:
    run = read_wfformat(path.read_bytes(), path.name)
    assert len({step.key for step in run.steps}) == len(run.steps)
    assert all(parent < place for place, step in enumerate(run.steps) for parent in step.parents)
    assert all(step.seconds is not None and step.bytes is not None for step in run.steps)
    kinds = {"rnaseq": 47, "atacseq": 43, "sarek": 24, "genome-dax": 8, "montage": 8, "makeflow-blast-small": 4}
    assert len({step.type for step in run.steps}) == kinds.get(run.family, len({step.type for step in run.steps}))


def test_a_task_has_one_attempt_with_what_the_trace_knows_of_its_use() -> None:
    trace = copy.deepcopy(TRACE)
    known = {"avgCPU": 150.5, "coreCount": 2, "readBytes": 7, "writtenBytes": 9, "executedAt": "2020-04-02T00:00:01Z"}
    trace["workflow"]["execution"]["tasks"][0] |= known
    first, second = read_wfformat(json.dumps(trace).encode(), "t.json").steps
    (attempt,) = first.tries
    (use,) = attempt.containers
    assert (attempt.start, attempt.end, attempt.input_bytes, attempt.output_bytes) == (1585785601, 1585785603.5, 7, 9)
    assert (use.container, use.memory, use.cpu, use.cpu_request) == ("main", 100, 1.505, 2)
    (attempt,) = second.tries
    (use,) = attempt.containers
    assert (attempt.start, attempt.end, attempt.input_bytes, use.memory, use.cpu) == (None, None, None, None, None)


@pytest.mark.parametrize("value", ["much", -1, True, {}, 1e300])
@pytest.mark.parametrize("field", ["avgCPU", "coreCount", "readBytes", "writtenBytes", "executedAt"])
def test_use_that_is_no_figure_is_unknown(field: str, value: Any) -> None:
    trace = copy.deepcopy(TRACE)
    trace["workflow"]["execution"]["tasks"][0][field] = value
    (attempt,) = read_wfformat(json.dumps(trace).encode(), "t.json").steps[0].tries
    (use,) = attempt.containers
    assert (use.cpu, use.cpu_request, attempt.input_bytes, attempt.output_bytes, attempt.start) == (None,) * 5
