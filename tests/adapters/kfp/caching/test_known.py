"""Results that are known before a run: a real run, its record, and the pipeline without what that computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.executing import QUIET, compiled, run
from adapters.kfp.caching.pipelines import chain, deciders, readers
from adapters.kfp.caching.small import MADE, change, decisions, document, known_of, pipeline, pure
from couler_kfp import marks
from couler_kfp.history.endings import DECIDES
from couler_kfp.known_runs import record
from couler_plugins.api import Text, optimize
from couler_plugins.errors import InvalidInput

pytestmark = [QUIET, pytest.mark.sampled]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pytest.importorskip("kfp", reason="needs kfp")
    return compiled(chain(marks.pure), tmp_path)


def ran(source: Path, tmp_path: Path, **arguments: Any) -> tuple[tuple[dict[str, Any], list[str]], Path]:
    """The outputs of a first run with what was executed, and the record of it."""
    first = run(source.read_text("utf-8"), tmp_path / "first", **arguments)
    (folder,) = (tmp_path / "first").iterdir()
    path = tmp_path / "known.json"
    path.write_bytes(record(str(source), folder))
    return first, path


def planned(source: str | Text, known: Path) -> Any:
    (file,) = optimize(source, f'cache{{known="{known}"}}').files
    assert file.error is None, file.error
    return file


def test_a_second_run_computes_nothing_that_the_first_did(source: Path, tmp_path: Path) -> None:
    (outputs, _), known = ran(source, tmp_path)
    file = planned(str(source), known)
    assert {item.subject for item in file.decisions if item.action == "take it out"} == {"root/double", "root/write"}
    tasks = file.documents[0]["root"]["dag"]["tasks"]
    assert tasks["add"]["inputs"]["parameters"]["one"] == {"runtimeValue": {"constant": 10}}
    assert tasks.keys() == {"add", "flip", "say"}
    assert run(file.text, tmp_path / "second") == (outputs, ["comp-add", "comp-flip", "comp-say"])
    assert not planned(Text(file.text), known).edits


def test_an_artifact_is_imported_where_its_reader_is_not_known(source: Path, tmp_path: Path) -> None:
    (outputs, _), known = ran(source, tmp_path)
    held = json.loads(known.read_text("utf-8"))
    held["results"] = [item for item in held["results"] if item["step"] == "root/write"]
    known.write_text(json.dumps(held), "utf-8")
    file = planned(str(source), known)
    spec = file.documents[0]
    task = spec["root"]["dag"]["tasks"]["write-out"]
    assert spec["root"]["dag"]["tasks"]["double"]["dependentTasks"] == ["write-out"]
    executor = spec["deploymentSpec"]["executors"][spec["components"][task["componentRef"]["name"]]["executorLabel"]]
    assert executor["importer"]["typeSchema"] == {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}
    assert executor["importer"]["artifactUri"]["constant"] == held["results"][0]["artifacts"]["out"]["uri"]
    assert run(file.text, tmp_path / "second") == (outputs, ["comp-add", "comp-double", "comp-flip", "comp-say"])
    assert not planned(Text(file.text), known).edits


def test_texts_and_loops_read_the_constants_and_conditions_do_not(tmp_path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    source = compiled(readers(marks.pure), tmp_path)
    (before, executed), known = ran(source, tmp_path)
    file = planned(str(source), known)
    gone = {item.subject for item in file.decisions if item.action == "take it out"}
    assert gone == {"root/numbers", "root/size"}
    (kept,) = [item for item in file.decisions if item.subject == "root/size-2"]
    assert DECIDES.reason in kept.reason
    after, left = run(file.text, tmp_path / "second")
    assert after == before
    assert left == [name for name in executed if name not in ("comp-numbers", "comp-size")]
    assert {"comp-tell", "comp-tell-2", "comp-square"} <= set(left)


@pytest.mark.parametrize(("looped", "subject"), [(False, "root/size"), (True, "root/numbers")])
def test_what_an_inner_graph_decides_by_is_no_constant(tmp_path: Path, looped: bool, subject: str) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    source = compiled(deciders(marks.pure, looped=looped), tmp_path)
    (_, executed), known = ran(source, tmp_path)
    file = planned(str(source), known)
    (kept,) = [item for item in file.decisions if DECIDES.reason in item.reason]
    assert kept.subject == subject
    gone = [item.subject.replace("root/", "comp-") for item in file.decisions if item.action == "take it out"]
    assert run(file.text, tmp_path / "second")[1] == [name for name in executed if name not in gone]
    assert {"comp-tell", "comp-square"} & set(executed)


def test_nothing_is_recorded_that_depends_on_the_run(source: Path, tmp_path: Path) -> None:
    _, known = ran(source, tmp_path, count=8)
    steps = [item["step"] for item in json.loads(known.read_text("utf-8"))["results"]]
    assert sorted(steps) == ["root/double", "root/write"]


def test_a_record_of_another_version_is_of_no_use(source: Path, tmp_path: Path) -> None:
    _, known = ran(source, tmp_path)
    content = source.read_text("utf-8")
    assert "int(stream.read())" in content
    changed = content.replace("int(stream.read())", "int(stream.read(9))")
    subjects = {item.subject for item in planned(Text(changed), known).decisions if item.action == "take it out"}
    assert subjects == {"root/write"}


def with_value(kind: str) -> dict[str, Any]:
    """`make` makes a value of a type, and `use` reads it."""
    data = pure(pipeline(), "exec-make", "exec-use")
    change(data, "spec/components/comp-make/outputDefinitions", {"parameters": {"v": {"parameterType": kind}}})
    change(data, "spec/components/comp-use/inputDefinitions", {"parameters": {"v": {"parameterType": kind}}})
    value = {"taskOutputParameter": {"producerTask": "make", "outputParameterKey": "v"}}
    change(data, "spec/root/dag/tasks/use/inputs", {"parameters": {"v": value}})
    return data


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("STRING", "a: b"), ("NUMBER_INTEGER", 3), ("NUMBER_INTEGER", 3.0), ("NUMBER_DOUBLE", 0.5)],
        *[("BOOLEAN", False), ("LIST", [1, {"a": None}]), ("STRUCT", {"a": [1]})],
    ],
)
def test_values_of_every_type_become_constants(kind: str, value: Any, tmp_path: Path) -> None:
    data = with_value(kind)
    known = known_of(data, tmp_path / "known.json", parameters={"v": value})
    spec = document(data, f'cache{{known="{known}"}}')
    assert spec["root"]["dag"]["tasks"]["use"]["inputs"]["parameters"]["v"] == {"runtimeValue": {"constant": value}}
    assert "dependentTasks" not in spec["root"]["dag"]["tasks"]["use"]
    assert spec["components"].keys() == {"comp-use"}
    assert spec["deploymentSpec"]["executors"].keys() == {"exec-use"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("STRING", 3), ("STRING", None), ("STRING", "{{$.pipeline_job_name}}"), ("NUMBER_INTEGER", 3.5)],
        *[("NUMBER_INTEGER", True), ("NUMBER_INTEGER", "3"), ("NUMBER_DOUBLE", False), ("BOOLEAN", 1)],
        *[("LIST", {}), ("STRUCT", ["{{$}}"]), ("STRUCT", "{}"), ("TASK_FINAL_STATUS", {})],
    ],
)
def test_a_value_that_is_not_what_is_declared_is_not_used(kind: str, value: Any, tmp_path: Path) -> None:
    data = with_value(kind)
    known = known_of(data, tmp_path / "known.json", parameters={"v": value})
    found = decisions(data, f'cache{{known="{known}"}}')
    assert found["make"].action == "cache"
    assert "its result is known, but" in found["make"].reason


@pytest.mark.parametrize(
    "uri", ["", "relative/path", "gs://b/{{$.pipeline_job_name}}", "gs://b/a b", "gs://b/\x1b[31m", "data:text/plain,x"]
)
def test_an_artifact_at_no_address_is_not_imported(uri: str, tmp_path: Path) -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    known = known_of(data, tmp_path / "known.json", artifacts={"out": {"uri": uri}})
    assert "at no address" in decisions(data, f'cache{{known="{known}"}}')["make"].reason


def test_a_result_that_lacks_what_is_read_is_not_used(tmp_path: Path) -> None:
    data = pure(pipeline(), "exec-make", "exec-use")
    known = known_of(data, tmp_path / "known.json")
    assert "lacks its output 'out'" in decisions(data, f'cache{{known="{known}"}}')["make"].reason


def test_what_a_graph_hands_out_stays_unless_it_is_an_artifact(tmp_path: Path) -> None:
    data = with_value("STRING")
    change(data, "spec/root/outputDefinitions", {"parameters": {"v": {"parameterType": "STRING"}}})
    selector = {"valueFromParameter": {"producerSubtask": "make", "outputParameterKey": "v"}}
    change(data, "spec/root/dag/outputs", {"parameters": {"v": selector}})
    known = known_of(data, tmp_path / "known.json", parameters={"v": "x"})
    assert "hands it out" in decisions(data, f'cache{{known="{known}"}}')["make"].reason
    data = pure(pipeline(), "exec-make", "exec-use")
    made = data["spec"]["components"]["comp-make"]["outputDefinitions"]
    change(data, "spec/root/outputDefinitions", made)
    selectors = {"artifactSelectors": [{"producerSubtask": "make", "outputArtifactKey": "out"}]}
    change(data, "spec/root/dag/outputs", {"artifacts": {"out": selectors}})
    known = known_of(data, tmp_path / "known.json", artifacts={"out": {"uri": "gs://b/o", "metadata": {"rows": 3}}})
    spec = document(data, f'cache{{known="{known}"}}')
    handed = spec["root"]["dag"]["outputs"]["artifacts"]["out"]["artifactSelectors"]
    assert handed == [{"outputArtifactKey": "artifact", "producerSubtask": "make-out"}]
    (importer,) = [item["importer"] for item in spec["deploymentSpec"]["executors"].values() if "importer" in item]
    assert importer["metadata"] == {"rows": 3}
    assert MADE not in spec["root"]["dag"]["tasks"]["use"]["inputs"]["artifacts"].values()


@pytest.mark.parametrize("said", ["never", "native", "ttl=1h"])
def test_what_is_not_pure_for_ever_is_never_known(said: str, tmp_path: Path) -> None:
    data = with_value("STRING")
    known = known_of(data, tmp_path / "known.json", parameters={"v": "x"})
    pure(data, "exec-make", said=said)
    assert "make" in document(data, f'cache{{known="{known}",epoch=2026-11-26}}')["root"]["dag"]["tasks"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        *[("", "no record"), ("[]", "no record"), ('{"schema": "other", "results": []}', "no record")],
        ('{"schema": "couler.known-results/v1", "results": [{"key": "k", "shell": "rm"}]}', "no record"),
        ('{"schema": "couler.known-results/v1", "results": [{"key": 1}]}', "no record"),
        ("[" * 100_000, "no record"),
        (
            '{"schema": "couler.known-results/v1", "results": [{"key": "k"}, {"key": "k", "parameters": {"a": 1}}]}',
            "two results",
        ),
    ],
)
def test_what_is_no_record_is_refused(content: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text(content, "utf-8")
    with pytest.raises(InvalidInput, match=what):
        document(pipeline(), f'cache{{known="{path}"}}')
    with pytest.raises(InvalidInput, match="cannot be read"):
        document(pipeline(), f'cache{{known="{tmp_path}"}}')


def test_a_run_that_is_none_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such folder"):
        record(str(source), tmp_path / "nowhere")
    broken = tmp_path / "run" / "write"
    broken.mkdir(parents=True)
    (broken / "executor_output.json").write_text('{"parameterValues": 3}', "utf-8")
    with pytest.raises(InvalidInput, match="not what KFP's executor writes"):
        record(str(source), tmp_path / "run")
