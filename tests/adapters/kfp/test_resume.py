"""Runs of KFP that are resumed: what is known of outputs becomes constants and importers, the rest runs again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.caching.executing import QUIET, compiled, run
from adapters.kfp.caching.pipelines import branches, chain, readers
from adapters.kfp.sources import nested
from adapters.subjects import KFP, lift_source, lower_and_write
from couler_kfp import marks
from couler_kfp.history.endings import DECIDES, SEVERAL
from couler_kfp.known_runs import record
from couler_kfp.resume import ASSUMED, CACHED, resume
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.hookspecs.resuming import PastRun, RunSource
from couler_plugins.resuming.optimizer import Resume
from kfp_history import node, task
from kfp_history import run as answered
from optimizers.running import CONTEXT
from servers.kfp_api import KfpServer
from support import ROOT

pytestmark = [QUIET, pytest.mark.sampled]
NOWHERE = ArchiveSource(place="", max_bytes=1)
Mapped = dict[str, Any]
DATA = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}


def spec_of(pipeline: Any, folder: Path) -> Mapped:
    """What the SDK's compiler makes of a pipeline, as the API has it: with its platform around both."""
    pytest.importorskip("kfp", reason="needs kfp")
    documents = read(compiled(pipeline, folder).read_text("utf-8"), "pipeline.yaml").documents
    spec: Mapped = documents[0].data
    return {"pipeline_spec": spec, "platform_spec": documents[1].data} if documents[1:] else spec


def own(name: str) -> Mapped:
    """A pipeline of our own corpus, as the API has it."""
    documents = [item.data for item in read((ROOT / "tests/corpus/kfp" / name).read_text("utf-8"), name).documents]
    return {"pipeline_spec": documents[0], "platform_spec": documents[1] if documents[1:] else {}}


def said(name: str, state: str = "SUCCEEDED", parent: str = "root", artifacts: Any = (), **parameters: Any) -> Mapped:
    """A task as the next version of the API tells of it; `artifacts` are names with their addresses."""
    listed = [
        {"artifact_key": key, "artifacts": [{"uri": uri, "metadata": {"rows": 3}}], "type": "OUTPUT"}
        for key, uri in dict(artifacts).items()
    ]
    values = [{"parameter_key": key, "value": value, "type": "OUTPUT"} for key, value in parameters.items()]
    outputs = {"parameters": values, "artifacts": listed}
    ident = f"{parent}/{name}"
    return {"task_id": ident, "name": name, "parent_task_id": parent, "state": state, "outputs": outputs}


def told(spec: Any, *tasks: Mapped, **more: Any) -> Mapped:
    root = {"task_id": "root", "name": "root", "type": "ROOT", "state": "FAILED"}
    return {"run_id": "r", "state": "FAILED", "pipeline_spec": spec, "tasks": [root, *tasks], **more}


def past(*documents: Any, edited: Any = ()) -> PastRun:
    found = resume(RunSource(run="r", documents=documents, edited=tuple(edited), archive=NOWHERE))
    assert found is not None
    return found


def resumed(run: PastRun, edited: Any = None) -> tuple[Mapped, dict[str, str], str]:
    """The new pipeline, what runs again and why, and its text; KFP's own loader takes it."""
    text = "---\n".join(map(dump_yaml, run.document))
    plan = lift_source(KFP, read(text, "run.yaml"))
    original = plan.workflows[0]
    if edited is not None:
        plan = lift_source(KFP, read(dump_yaml(edited), "pipeline.yaml"))
    pass_ = Resume(run, original)
    lowered, written = lower_and_write(KFP, pass_.run(plan, CONTEXT))
    assert not lowered.refused, lowered.refused
    whole = written.texts.get(0, text)
    pytest.importorskip("kfp").components.load_component_from_text(whole)
    again = {"/".join(item.place): item.reason for item in pass_.verdicts if item.action == "again"}
    return lowered.documents[0] if written.texts else run.document[0], again, whole


def test_outputs_are_constants_and_importers_where_they_are_read(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    write = said("write", artifacts={"out": "s3://bucket/r/out"})
    new, again, _ = resumed(past(told(spec, write, said("double", "FAILED"), said("flip"), said("say"))))
    assert again == {"double": "it failed", "add": "it was not reached"}
    tasks = new["root"]["dag"]["tasks"]
    assert set(tasks) == {"write-out", "double", "add"}
    assert tasks["double"]["dependentTasks"] == ["write-out"]
    producer = {"outputArtifactKey": "artifact", "producerTask": "write-out"}
    assert tasks["double"]["inputs"]["artifacts"] == {"data": {"taskOutputArtifact": producer}}
    component = new["components"][tasks["write-out"]["componentRef"]["name"]]
    assert new["deploymentSpec"]["executors"][component["executorLabel"]]["importer"] == {
        "artifactUri": {"constant": "s3://bucket/r/out"},
        "metadata": {"rows": 3},
        "typeSchema": DATA["artifactType"],
    }


def test_a_run_that_was_resumed_gives_what_a_whole_one_gives(tmp_path: Path) -> None:
    spec = spec_of(chain(marks.pure), tmp_path)
    outputs, _ = run((tmp_path / "pipeline.yaml").read_text("utf-8"), tmp_path / "first", count=4)
    (folder,) = (tmp_path / "first").iterdir()
    known = json.loads(record(str(tmp_path / "pipeline.yaml"), folder))
    failed = told(spec, said("write"), said("double"), said("flip"), said("say"), said("add", "FAILED"))
    parameters = {"runtime_config": {"parameters": {"count": 4}, "pipeline_root": "s3://x"}}
    new, again, whole = resumed(past({**failed, **parameters}, known))
    assert again == {"add": "it failed"}
    assert new["root"]["inputDefinitions"]["parameters"]["count"]["defaultValue"] == 4
    assert run(whole, tmp_path / "second") == (outputs, ["comp-add"])
    failed = told(spec, said("write"), said("double", "FAILED"), said("flip"), said("say"), **parameters)
    _, again, whole = resumed(past(failed, known))
    assert again == {"double": "it failed", "add": "it was not reached"}
    assert run(whole, tmp_path / "third") == (outputs, ["comp-add", "comp-double"])


NAMES = [*task("write", 20, 30), *task("flip", 20, 30), *task("say", 30, 40), *task("double", 30, 40, "FAILED")]


def test_up_to_2_17_the_api_tells_no_outputs_so_what_is_read_of_runs_again(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    ids = {"outputs": {"out": {"artifact_ids": ["7"]}}}
    tasks = [{**item, **(ids if item["display_name"] == "write" else {})} for item in NAMES]
    failed = answered(tasks, state="FAILED", pipeline_spec=spec)
    _, again, _ = resumed(past(failed))
    assert again == {
        "write": "double reads its out (the run does not tell it)",
        "double": "it failed",
        "add": "it was not reached",
    }
    results = [
        {"key": "1", "step": "root/write", "artifacts": {"out": {"uri": "s3://b/out"}}},
        {"key": "2", "step": "root/nothing"},
    ]
    known = {"schema": "couler.known-results/v1", "run": "r", "results": results}
    _, again, _ = resumed(past(failed, known))
    assert again == {"double": "it failed", "add": "it was not reached"}
    assert resumed(past(failed, answered(tasks, run_id="other"), known))[1] == again


def test_a_name_that_several_tasks_have_tells_of_none(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    twice = answered(NAMES, node("write", 50, 60), state="FAILED", pipeline_spec=spec)
    _, again, _ = resumed(past(twice))
    assert again["write"] == "the run tells of several tasks of this name"
    assert again["double"] == "it failed"


def test_what_does_not_fit_is_computed_again(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    tasks = [said("write", artifacts={"out": "nowhere"}), said("double", Output="ten"), said("add", "FAILED")]
    _, again, _ = resumed(past(told(spec, *tasks)))
    why = "its output 'Output' is recorded as str, and declared as NUMBER_INTEGER"
    assert again["double"] == f"add reads its Output ({why})"
    assert again["write"] == "double reads its out (its output 'out' is recorded at no address)"


def test_texts_and_loops_read_constants_and_conditions_do_not(tmp_path: Path) -> None:
    spec = spec_of(readers(), tmp_path)
    outputs, _ = run((tmp_path / "pipeline.yaml").read_text("utf-8"), tmp_path / "first")
    done = [said("numbers", Output=[0, 1, 2]), said("size", Output=3), said("size-2", Output=3)]
    failed = [said(name, "FAILED") for name in ("for-loop-1", "condition-2", "tell-2")]
    new, again, whole = resumed(past(told(spec, *done, *failed)))
    assert again == {
        "size-2": f"condition-2 reads its Output ({DECIDES.reason})",
        "for-loop-1": "it failed, and a loop runs again as a whole",
        "condition-2": "it failed",
        "tell-2": "it failed",
    }
    tasks = new["root"]["dag"]["tasks"]
    assert tasks["for-loop-1"]["parameterIterator"]["items"] == {"raw": "[0, 1, 2]"}
    parameters = tasks["tell-2"]["inputs"]["parameters"]
    channel = "pipelinechannel--size-Output"
    assert parameters[channel] == {"runtimeValue": {"constant": 3}}
    assert parameters["text"] == {"runtimeValue": {"constant": f"there are {{{{$.inputs.parameters['{channel}']}}}}"}}
    assert tasks["size-2"]["inputs"]["parameters"]["items"] == {"runtimeValue": {"constant": [0, 1, 2]}}
    after, executed = run(whole, tmp_path / "second")
    assert after == outputs
    assert executed == ["comp-size-2", *["comp-square"] * 3, "comp-tell", "comp-tell-2"]


def test_groups_that_failed_are_resumed_inside(tmp_path: Path) -> None:
    spec = spec_of(nested(), tmp_path)
    inside = "root/exit-handler-1"
    tasks = [
        said("exit-handler-1", "FAILED"),
        said("inner", parent=inside),
        said("square", parent=f"{inside}/inner", Output=9),
        said("numbers", parent=inside, Output=[1, 2]),
        said("for-loop-2", "FAILED", inside),
        said("tell"),
        said("square"),
    ]
    _, again, _ = resumed(past(told(spec, *tasks)))
    assert again == {
        "exit-handler-1": f"condition-branches-3 reads its Output ({DECIDES.reason})",
        "square-2": "it was not reached",
        "tell": "it comes after exit-handler-1",
    }
    branch = f"{inside}/condition-branches-3"
    finished = [
        said("condition-branches-3", parent=inside),
        said("condition-4", parent=branch),
        said("tell-2", parent=f"{branch}/condition-4"),
        said("condition-5", "SKIPPED", branch),
    ]
    new, again, _ = resumed(past(told(spec, *tasks, *finished)))
    assert again["exit-handler-1/for-loop-2"] == "it failed, and a loop runs again as a whole"
    (loop,) = new["components"]["comp-exit-handler-1"]["dag"]["tasks"].values()
    assert loop["parameterIterator"]["items"] == {"raw": "[1, 2]"}
    assert new["root"]["dag"]["tasks"]["tell"]["dependentTasks"] == ["exit-handler-1"]


def test_branches_get_no_constants_which_kfp_local_takes_for_nothing(tmp_path: Path) -> None:
    spec = spec_of(branches(), tmp_path)
    outputs, executed = run((tmp_path / "pipeline.yaml").read_text("utf-8"), tmp_path / "first")
    done = [said("numbers", Output=[0, 1, 2]), said("size", Output=3)]
    _, again, whole = resumed(past(told(spec, *done, said("condition-branches-1", "FAILED"), said("tell-2", "FAILED"))))
    assert again["size"] == f"condition-branches-1 reads its Output ({DECIDES.reason})"
    assert run(whole, tmp_path / "second") == (outputs, [name for name in executed if name != "comp-numbers"])
    assert "comp-tell" in executed


def test_a_name_in_several_graphs_tells_of_none(tmp_path: Path) -> None:
    spec = spec_of(nested(), tmp_path)
    run = past(answered(task("inner", 20, 30), task("square", 20, 30), state="FAILED", pipeline_spec=spec))
    assert run.steps["exit-handler-1", "inner"].again == ""
    assert run.steps["exit-handler-1", "inner", "square"].again == SEVERAL


def test_a_task_that_was_skipped_without_a_condition_was_not_reached(tmp_path: Path) -> None:
    assert past(told(spec_of(chain(), tmp_path), said("write", "SKIPPED"))).steps == {}


def test_an_output_of_an_item_of_a_loop_is_none_of_the_task(tmp_path: Path) -> None:
    double = said("double", Output=10)
    double["outputs"]["parameters"][0]["type"] = "ITERATOR_OUTPUT"
    assert past(told(spec_of(chain(), tmp_path), double)).steps["double",].outputs == {}
    collected = own("collected.yaml")
    tasks = [said("for-loop-2"), said("length", parent="root/for-loop-2", size=1), said("total", "FAILED")]
    _, again, _ = resumed(past(told(collected, *tasks)))
    assert again["for-loop-2"] == "its graph gives its pipelinechannel--length-size (the run does not tell it)"


def test_an_output_of_the_pipeline_is_computed_again(tmp_path: Path) -> None:
    done = [said("write"), said("double"), said("add", Output=13), said("flip", "FAILED")]
    _, again, _ = resumed(past(told(spec_of(chain(), tmp_path), *done)))
    assert again["add"] == "its graph gives Output (which the engine cannot say of a constant)"


def test_what_a_configuration_reads_is_made_again() -> None:
    _, again, _ = resumed(past(told(own("platform-values.yaml"), said("flip", side="claim"), said("say", "FAILED"))))
    assert again["flip"] == "say reads its side (it cannot be written into a text)"


def test_a_record_tells_of_one_task_not_of_all_that_call_its_graph(tmp_path: Path) -> None:
    spec = spec_of(nested(), tmp_path)
    record_ = {"key": "1", "step": "comp-inner/square", "parameters": {"Output": 9}}
    known = {"schema": "couler.known-results/v1", "run": "r", "results": [record_]}
    around = [said("exit-handler-1"), said("inner", parent="root/exit-handler-1")]
    square = said("square", parent="root/exit-handler-1/inner")
    place = "exit-handler-1", "inner", "square"
    assert past(told(spec, *around, square), known).steps[place].outputs
    assert past(told(spec, around[1], square), known).steps == {}  # nobody tells what these are in
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    tasks["inner-2"] = {**tasks["inner"], "taskInfo": {"name": "inner-2"}}
    assert past(told(spec, *around, square), known).steps[place].outputs == {}


def test_an_edited_task_runs_again(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    failed = told(spec, said("write"), said("flip", Output="heads"), said("say", "FAILED"))
    edited = json.loads(json.dumps(spec))
    edited["deploymentSpec"]["executors"]["exec-flip"]["container"]["image"] = "python:3.12"
    assert "flip" not in resumed(past(failed))[1]
    assert resumed(past(failed), edited)[1]["flip"] == "its program was changed"


def test_what_is_in_the_workspace_of_a_run_is_gone_with_it(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    failed = [
        said("write", artifacts={"out": "s3://b/out"}),
        said("double", Output=10),
        said("flip"),
        said("say", "FAILED"),
    ]
    tasks = spec["root"]["dag"]["tasks"]
    tasks["write"]["inputs"]["parameters"]["number"] = {"runtimeValue": {"constant": "{{$.workspace_path}}/n"}}
    assert "write" not in resumed(past(told(spec, *failed)))[1]
    tasks["say"]["inputs"]["parameters"]["text"] = {"runtimeValue": {"constant": "{{$.workspace_path}}/n"}}
    again = resumed(past(told(spec, *failed)))[1]
    assert again["write"] == "it shares the workspace with say (it goes with the run)"
    assert again["double"] == "it comes after write"


def test_the_pipeline_is_a_version_s_where_the_run_names_one(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    reference = {"pipeline_id": "p", "pipeline_version_id": "v"}
    failed = answered(NAMES, state="FAILED", pipeline_version_reference=reference)
    version = {"pipeline_id": "p", "pipeline_version_id": "v", "pipeline_spec": spec}
    expected = resumed(past(failed, version))[1]
    with KfpServer() as server:
        server.runs = [failed]
        server.versions = {("p", "v"): {"pipeline_spec": spec, "platform_spec": {}}}
        place = ArchiveSource(place=server.url, max_bytes=10**6)
        found = resume(RunSource(run="r", archive=place))
        assert found is not None
        assert resumed(found)[1] == expected
        server.versions = {}
        found = resume(RunSource(run="r", archive=place, edited=(spec,)))
        assert found is not None
    assert found.notes == (ASSUMED, CACHED)
    assert resumed(found)[1] == expected


def test_the_client_of_kfp_tells_a_run_by_its_id_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("kfp_server_api", reason="needs kfp")
    now = datetime.now(UTC)
    details = [
        api.V2beta1PipelineTaskDetail(task_id=f"t{number}", display_name=name, state=state, start_time=now)
        for number, (name, state) in enumerate({"write": "SUCCEEDED", "say": "SUCCEEDED", "flip": "FAILED"}.items())
    ]
    details[0].child_tasks = [api.PipelineTaskDetailChildTask(pod_name="p")]
    more = {"display_name": "mine", "state": "FAILED", "pipeline_spec": spec_of(chain(), tmp_path)}
    whole = api.V2beta1Run(run_id="r", run_details=api.V2beta1RunDetails(task_details=details), **more)

    class Client:
        def __init__(self, context: str, namespace: str) -> None: ...

        def find(self, name: str) -> Any:
            return {"run_id": "r"} if name == "mine" else None

        def get(self, ident: str) -> Any:
            assert ident == "r"
            return whole.to_dict()

    monkeypatch.setattr("couler_kfp.resume.Calls", Client)
    for name in ("r", "mine"):
        found = resume(RunSource(run=name, archive=ArchiveSource(place="cluster", max_bytes=1)))
        assert found is not None
        assert {place: ended.outcome for place, ended in found.steps.items()} == {
            ("write",): "succeeded",
            ("say",): "succeeded",
            ("flip",): "failed",
        }


def test_a_new_task_may_not_be_called_as_an_importer(tmp_path: Path) -> None:
    spec = spec_of(chain(), tmp_path)
    run = past(told(spec, said("write", artifacts={"out": "s3://b/out"}), said("double", "FAILED")))
    edited = json.loads(json.dumps(spec))
    tasks = edited["root"]["dag"]["tasks"]
    tasks["write-out"] = {**tasks["flip"], "taskInfo": {"name": "write-out"}}
    with pytest.raises(AssertionError, match="'write-out' is the name of two tasks"):  # it is refused
        resumed(run, edited)


@pytest.mark.parametrize(
    ("change", "more", "why"),
    [
        ({"state": "RUNNING"}, [], "the run r has not ended"),
        ({"run_id": "other"}, [], "there is no run 'r'"),
        ({}, [{"run_id": "r", "state": "FAILED"}], "there are 2 runs that could be meant"),
        ({"pipeline_spec": None}, [], "KFP does not tell the pipeline of r"),
        ({}, [{"schema": "couler.known-results/v1", "run": "x", "results": []}], "the record is of the run x"),
        ({}, [{"schema": "couler.known-results/v1"}], "this is no record of known results"),
        ({"tasks": [{"task_id": 3}]}, [], "this is not a history of KFP"),
    ],
)
def test_what_is_no_run_that_can_be_resumed_is_refused(
    change: Mapped, more: list[Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=why):
        past({**told(spec_of(chain(), tmp_path)), **change}, *more)
