"""What documents are to whoever runs them: their order, their parameters, and what makes no sense."""

from __future__ import annotations

import copy
import io
import json
import sys
from typing import Any

import pytest

from adapters.kfp.split.generating import Made, chain, fan
from adapters.kfp.split.runs import RUN, split
from couler_kfp.plugin import KfpAdapter
from couler_kfp.run.jobs import arguments_of, jobs_of
from couler_kfp.run.offline import offline
from couler_kfp.split.handoff import PROGRAM, Crossing, pod_of, read_handoff
from couler_kfp.structures import rest_of
from couler_plugins.errors import CoulerError, EngineError
from couler_plugins.hookspecs.running import Request, Where
from couler_plugins.ir import Container, Literal, Operation


def request(**parameters: str) -> Request:
    return Request(run=RUN, parameters=parameters)


def test_parts_come_after_what_they_need_and_the_whole_comes_last() -> None:
    jobs = jobs_of(split(fan(6), "max-steps=2"), request())
    done: set[str] = set()
    for job in jobs:
        assert done.issuperset(job.needs)
        done.add(job.name)
    assert jobs[-1].name == "fanned"
    assert set(jobs[-1].needs) == done - {"fanned"}


def test_places_follow_from_the_run_and_from_what_is_run() -> None:
    parts = split(chain(3), "max-steps=2")
    places = [job.place for job in jobs_of(parts, request())]
    assert places == [job.place for job in jobs_of(copy.deepcopy(parts), request())]
    other = [job.place for job in jobs_of(parts, request(number="9"))]
    assert not set(places) & set(other)
    assert all(len(place.rpartition("-")[2]) == 8 for place in places)


def test_parameters_have_the_types_that_the_pipeline_declares() -> None:
    spec = Made("typed", a="int", b="float", c="str", d="list", e="dict").spec
    spec["root"]["inputDefinitions"]["parameters"]["f"] = {"parameterType": "BOOLEAN", "isOptional": True}
    texts = {"a": "3", "b": "2", "c": "3", "d": "[1, [2.5]]", "e": '{"é": null}', "f": "true"}
    found = arguments_of(spec, texts, "typed")
    assert found == {"a": 3, "b": 2.0, "c": "3", "d": [1, [2.5]], "e": {"é": None}, "f": True}
    assert [type(found[name]) for name in "abf"] == [int, float, bool]


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("a", "2.5", "a whole number"),
        ("a", "true", "a whole number"),
        ("b", "x", "a number"),
        ("d", "{}", "a list as JSON"),
        ("e", "[1]", "a mapping as JSON"),
    ],
)
def test_values_of_other_types_are_refused(name: str, text: str, hint: str) -> None:
    spec = Made("typed", a="int", b="float", d="list", e="dict").spec
    with pytest.raises(CoulerError, match=f"parameter '{name}'") as caught:
        arguments_of(spec, {name: text}, "typed")
    assert hint in str(caught.value.hint)


def refused(documents: list[Any], asked: Request | None = None) -> str:
    with pytest.raises(CoulerError) as caught:
        jobs_of(documents, asked or request())
    return str(caught.value)


def test_what_makes_no_sense_is_refused() -> None:
    parts = split(chain(3), "max-steps=2")
    assert "no pipeline has a parameter 'numbr'" in refused(parts, request(numbr="3"))
    assert "cannot be the identity of a run" in refused(parts, Request(run="../x"))
    without = [item for item in parts if item.get("pipelineInfo", {}).get("name") != "chained-part-2"]
    assert "the part 'chained-part-2' of 'chained' is not here" in refused(without)
    assert "two pipelines have one name" in refused([chain(2), chain(3)])
    assert "no pipeline: Deployment" in refused([{"kind": "Deployment"}])
    outside = chain(2)
    outside["pipelineInfo"]["name"] = "../../outside"
    assert "is no name of a pipeline" in refused([outside])
    broken = split(chain(3), "max-steps=2")
    del broken[0]["root"]["dag"]["tasks"]["part-1"]["componentRef"]
    assert "is not built as KFP builds pipelines: KeyError 'componentRef'" in refused(broken)
    needed = chain(2)
    del needed["root"]["inputDefinitions"]["parameters"]["number"]["defaultValue"]
    del needed["root"]["inputDefinitions"]["parameters"]["number"]["isOptional"]
    assert "the parameter 'number' of 'chained' is not given" in refused([needed])


def test_pipelines_of_kubernetes_run_too() -> None:
    head = {"apiVersion": "pipelines.kubeflow.org/v2beta1"}
    version = {**head, "kind": "PipelineVersion", "metadata": {"name": "v"}, "spec": {"pipelineSpec": chain(2)}}
    (job,) = jobs_of([{**head, "kind": "Pipeline"}, version], request())
    assert job.content["spec"] == chain(2)


def test_platform_documents_go_with_their_pipelines() -> None:
    platform: dict[str, Any] = {"platforms": {"kubernetes": {}}}
    (job,) = jobs_of([chain(2), platform], request())
    assert job.content["platform"] == platform


def test_there_is_a_runner_for_either_place(tmp_path: Any) -> None:
    adapter = KfpAdapter()
    assert type(adapter.runner(Where(folder=str(tmp_path)))).__name__ == "LocalRunner"
    assert type(adapter.runner(Where())).__name__ == "ClusterRunner"


def test_copies_of_components_reach_into_nested_pipelines() -> None:
    spec = fan(2)
    inner = Made("inner")
    inner.task("one", "write", {"name": "one", "number": 1})
    outer = Made("outer")
    outer.spec["components"] = spec["components"]
    outer.spec["deploymentSpec"] = spec["deploymentSpec"]
    outer.nested("inner", inner, {}, {}, "one")
    for name in ("first", "second"):
        outer.task(name, "inner", {})
    before = copy.deepcopy(outer.spec)
    made = offline(outer.spec)
    called = [task["componentRef"]["name"] for task in made["root"]["dag"]["tasks"].values()]
    writes = [made["components"][name]["dag"]["tasks"]["one"]["componentRef"]["name"] for name in called]
    assert len(set(called)) == len(set(writes)) == 2
    assert outer.spec == before


@pytest.mark.parametrize(
    ("root", "local"),
    [
        ("minio://bucket/root", "/minio/bucket/root"),
        ("gs://b", "/gcs/b"),
        ("s3://b/r", "/s3/b/r"),
        ("/tmp/x", "/tmp/x"),
    ],
)
def test_the_hand_off_is_written_where_the_launcher_looks(
    root: str, local: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `LocalPathForURI` and `uploadOutputArtifacts` of KFP's launcher have it."""
    handoff = {"name": "handoff", "uri": f"{root}/p/run-1/couler-handoff/salt/handoff", "type": {}, "metadata": {}}
    data = {"uri": "minio://other/data", "metadata": {"rows": 3}, "name": "x"}
    given = {
        "inputs": {"parameterValues": {"n": 3}, "artifacts": {"data": {"artifacts": [data]}}},
        "outputs": {"artifacts": {"handoff": {"artifacts": [handoff]}}, "outputFile": "/tmp/kfp/output_metadata.json"},
    }
    written: dict[str, Any] = {}

    class File(io.StringIO):
        def __init__(self, name: str, mode: str, encoding: str) -> None:
            super().__init__()
            self._name = name

        def close(self) -> None:
            written[self._name] = json.loads(self.getvalue())
            super().close()

    monkeypatch.setattr("os.makedirs", lambda name, exist_ok: None)
    monkeypatch.setattr(sys, "argv", ["-c", "--executor_input", json.dumps(given)])
    exec(compile(PROGRAM, "program", "exec"), {"open": File})  # the program of a task of ours
    assert read_handoff(json.dumps(written[f"{local}/p/run-1/couler-handoff.json"]).encode(), "") == Crossing(
        parameters={"n": 3}, artifacts={"data": {"uri": "minio://other/data", "metadata": {"rows": 3}}}
    )
    (artifact,) = written["/tmp/kfp/output_metadata.json"]["artifacts"]["handoff"]["artifacts"]
    assert artifact["uri"] == f"{root}/p/run-1/couler-handoff.json"


def test_what_is_no_hand_off_is_an_error() -> None:
    for text in (b"", b"[]", b'{"artifacts": {"a": {}}}'):
        with pytest.raises(EngineError, match="is no hand-off"):
            read_handoff(text, "there")


def test_the_hand_off_uses_an_image_that_is_there_anyway_and_what_it_takes_to_pull_it() -> None:
    def operation(command: str, **configured: Any) -> Operation:
        container = Container(image=Literal(value="mine"), command=(Literal(value=command),))
        rest = rest_of({"platforms": {"kubernetes": configured}})
        return Operation(name="x", kind="container", containers=(container,), native_extra=rest)

    python = "python3 -m kfp.dsl.executor_main"
    secret = {"imagePullSecret": [{"secretName": "mine"}]}
    assert pod_of([operation("echo"), operation(python, **secret, nodeSelector={})]) == ("mine", {"kubernetes": secret})
    told = {"imagePullSecret": [{"secretNameParameter": {"taskOutputParameter": {"producerTask": "a"}}}]}
    assert pod_of([operation(python, **told)]) == ("mine", {})
    assert pod_of([operation("echo")]) == ("python:3.11", {})
